"""Questions in SQL on a page: written, asked, downloaded, kept and shared."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.governance.sql import saved
from vestry.governance.sql.statement import LONGEST
from vestry.project import VestryError
from vestry.serve.forms import fields
from vestry.serve.page import Missing, Values, page, portal_of, user_of, where_of
from vestry.serve.portal.access.frame import names_of
from vestry.serve.sql.api import sent, status_of
from vestry.serve.sql.sent import FORMS, text

#: Rows that a page shows; the rest is downloaded.
_SHOWN = 200
#: What of an answer is taken away as a file.
_FILES = [form for form in FORMS.values() if form.name != "json"]


@page("sql.html", fresh=True)
def editor(request: Request, catalogue: Catalogue) -> Values:
    """An empty question, one about a table that is begun, or one that was kept."""
    boxes = {"sql": "", "purpose": "", "title": "", "shared": "", "key": ""}
    if key := request.query_params.get("q"):
        try:
            found = saved.saved(catalogue.project, user_of(request), key)
        except VestryError as error:
            raise Missing("There is no such question", mend=error.mend) from error
        is_mine = found.owner == user_of(request).id
        boxes = {"sql": found.sql, "purpose": found.purpose, "title": found.title, "shared": found.shared}
        boxes["key"] = key if is_mine else ""
    values = _values(request, boxes)
    table = request.query_params.get("table", "")
    if not boxes["sql"] and table in {str(view.table) for view in values["seen"]}:
        boxes |= {"sql": f"SELECT *\nFROM {table}\nLIMIT 100", "purpose": request.query_params.get("purpose", "")}
    return values


async def asked(request: Request) -> Response:
    """What the form says: show the answer, send it as a file, keep the question or delete it."""
    boxes = await run_in_threadpool(fields, request, long=LONGEST + 1)
    boxes = {name: boxes.get(name, "") for name in ("sql", "purpose", "title", "shared", "key", "do")}
    if boxes["do"] in ("keep", "delete"):
        return await run_in_threadpool(_kept, request, boxes)
    portal, values, status = portal_of(request), dict[str, Any](), 200
    try:
        answer = await portal.sql.ask(user_of(request), boxes["sql"], where_of(request, "sql"), boxes["purpose"])
        if form := next((form for form in _FILES if form.name == boxes["do"]), None):
            return sent(answer, form)
        head = answer.rows.slice(0, _SHOWN)
        cells = [list(map(text, column.to_pylist())) for column in head.columns]
        values = {"answer": answer, "rows": list(zip(*cells, strict=True)), "columns": head.column_names}
    except VestryError as error:
        what = f"{error.where}: {error.what}" if error.where else error.what
        values = {"errors": {"sql": what[:1].upper() + what[1:]}, "mend": error.mend}
        status = status_of(error)
    return await run_in_threadpool(_shown, request, boxes, values, status)


def _kept(request: Request, boxes: dict[str, str]) -> Response:
    project, user = portal_of(request).live.catalogue().project, user_of(request)
    try:
        if boxes["do"] == "delete":
            saved.forget(project, user, boxes["key"])
            return RedirectResponse("/sql", 303)
        names = {name: boxes[name] for name in ("title", "sql", "purpose", "shared", "key")}
        return RedirectResponse(f"/sql?q={saved.save(project, user, **names).id}", 303)
    except VestryError as error:
        box = "title" if not boxes["title"] else "sql"
        what = f"{error.what[:1].upper()}{error.what[1:]}"
        return _shown(request, boxes, {"errors": {box: what}, "mend": error.mend}, 400)


def _shown(request: Request, boxes: dict[str, str], values: Values, status: int) -> Response:
    response = portal_of(request).render("sql.html", request, {**_values(request, boxes), **values}, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _values(request: Request, boxes: dict[str, str]) -> dict[str, Any]:
    portal, user = portal_of(request), user_of(request)
    project = portal.live.catalogue().project
    seen = portal.gate.seen(user, where_of(request, "sql"))
    purposes = {view.purpose: view.purpose for view in seen if view.purpose}
    domains = {name: domain.spec.name for name, domain in project.domains.items()}
    return {
        "boxes": boxes,
        "seen": sorted(seen, key=lambda view: (not view.personal, view.table)),
        "purposes": {"": "None: no personal data"} | purposes if purposes else {},
        "shares": {saved.NOBODY: "Nobody else", saved.ALL: "Everybody"}
        | {name: f"Owners and stewards of {title}" for name, title in domains.items()},
        "kept": saved.saved_for(project, user),
        "names": names_of(project),
        "files": _FILES,
        "limits": project.settings.sql,
        "answer": None,
        "errors": {},
        "mend": "",
    }


routes = [Route("/sql", editor), Route("/sql", asked, methods=["POST"])]
