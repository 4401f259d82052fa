"""How a product is read from where people work, as whoever looks at the page may read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.governance.access.view import View
from vestry.project import TableName
from vestry.serve import paths
from vestry.serve.door import ODATA
from vestry.serve.page import Values, page, portal_of, user_of, where_of
from vestry.serve.portal.products import frame, product_named
from vestry.serve.sharing.entrance import PATH as SHARING
from vestry.serve.sharing.shares import SharedTable


@dataclass(frozen=True)
class Way:
    """One way of reading: what to do, and what to copy for it, piece by piece."""

    name: str
    note: str
    pieces: tuple[str, ...]


@page("product_use.html", fresh=True)
def use(request: Request, catalogue: Catalogue) -> Values:
    """How the first of a product's tables that the reader sees is read; else what would be, with a grant."""
    product = product_named(catalogue, request)
    mine = portal_of(request).gate.seen(user_of(request), where_of(request), product.promised)
    entries = catalogue.tables_of(product)
    table = mine[0].table if mine else entries[0].name if entries else None
    views = [view for view in mine if view.table == table]
    return {
        **frame(catalogue, product, "use"),
        "table": table,
        "view": views[0] if views else None,
        "others": list(dict.fromkeys(view.table for view in mine if view.table != table)),
        "in_sql": paths.sql(table, views[0].purpose if views else "") if table else "",
        "ways": _ways(str(request.base_url).rstrip("/"), table, views) if table else [],
    }


def _ways(root: str, table: TableName, views: list[View]) -> list[Way]:
    """The ways to a table. Where it is read for several purposes, each says for which."""
    several = views[0] if len(views) > 1 else None
    under = f"for/{several.grant.id}/" if several and several.grant else ""
    agreement = views[0].grant.agreement if views and views[0].grant else None
    shared = SharedTable.of(table, agreement)
    purpose = f", {json.dumps(several.purpose, ensure_ascii=False)}" if several else ""
    rows = f"{root}/api/v1/tables/{table}/rows" + (f"?{urlencode({'purpose': several.purpose})}" if several else "")
    load = _LOAD.format(name=f"{shared.share}.{shared.schema}.{shared.name}")
    sharing = Way("Delta Sharing", _SHARING, (_PROFILE.format(endpoint=root + SHARING), load))
    return [
        Way("Excel and Power BI", _EXCEL.format(name=str(table).replace(".", "__")), (f"{root}{ODATA}/{under}",)),
        Way("Python", _PYTHON, (_CODE.format(root=root, name=table, purpose=purpose),)),
        # A share says for which purpose by its agreement alone.
        *([sharing] if agreement or not several else []),
        Way("Other programs", _REST, (rows,)),
    ]


_EXCEL = (
    "Get data, OData feed, and enter this address. Choose Basic, with your name as user and an API token as password. "
    "The table is called {name}."
)
_PYTHON = "The token is taken from VESTRY_TOKEN, or given as token=…"
_CODE = """\
import vestry

council = vestry.connect("{root}")
council.table("{name}"{purpose}).to_polars()"""
_SHARING = (
    "For Spark, Databricks, Power BI and pandas. Put your API token into this profile, keep it as config.share where "
    "only you can read it, and load the table by its name there."
)
_PROFILE = """\
{{
  "shareCredentialsVersion": 1,
  "endpoint": "{endpoint}",
  "bearerToken": "your API token"
}}"""
_LOAD = """\
import delta_sharing

delta_sharing.load_as_pandas("config.share#{name}")"""
_REST = "JSON, CSV, Parquet and Arrow, with conditions, pages and changes: /api/openapi.json describes all of it."

routes = [Route("/products/{domain}/{product}/use", use)]
