"""The information asset register, the record of Article 30, and what they lack."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.catalogue.register import Asset, Gap, register_of
from vestry.catalogue.register.sheet import ARTICLE_30, GAPS, REGISTER, Columns, cells, csv_text
from vestry.serve.page import Values, page

TABS = [("Register", "/register"), ("Article 30", "/register/article-30"), ("Work to do", "/register/gaps")]


@page("register.html")
def register(request: Request, catalogue: Catalogue) -> Values:
    """Every asset, with what matters most of it; all columns are in the CSV."""
    found = register_of(catalogue)
    return {"register": found, "tabs_of": TABS, "gaps_of": {a.name: len(found.gaps_of(a.name)) for a in found.assets}}


@page("register_sheet.html")
def article_30(request: Request, catalogue: Catalogue) -> Values:
    """The record of processing activities, one entry for each product that holds personal data."""
    found = register_of(catalogue)
    rows = [list(zip(ARTICLE_30, row, strict=True)) for row in cells(ARTICLE_30, found.activities)]
    return {"register": found, "tabs_of": TABS, "entries": rows}


@page("register_gaps.html")
def gaps(request: Request, catalogue: Catalogue) -> Values:
    """What is missing, why it matters, and whose job it is."""
    return {"register": register_of(catalogue), "tabs_of": TABS}


@page("register.html")
def as_csv(request: Request, catalogue: Catalogue) -> Response:
    """One of the three as CSV."""
    found = register_of(catalogue)
    sheets: dict[str, tuple[Columns, Sequence[Asset | Gap]]] = {
        "register": (REGISTER, found.assets),
        "article-30": (ARTICLE_30, found.activities),
        "gaps": (GAPS, found.gaps),
    }
    name = request.path_params["sheet"]
    if name not in sheets:
        return Response("There is no such sheet.", 404, media_type="text/plain")
    columns, items = sheets[name]
    text = csv_text(columns, items)
    tag = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "ETag": f'"{tag}"'}
    return Response(text, headers=headers, media_type="text/csv")


routes = [
    Route("/register", register),
    Route("/register/article-30", article_30),
    Route("/register/gaps", gaps),
    Route("/register/{sheet}.csv", as_csv),
]
