"""Add data: from a file to a draft of a product, one question to a page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vestry.catalogue.conversion import CONVERSIONS, OWN
from vestry.catalogue.drafting import (
    drafts,
    files_of,
    is_taken_over,
    take_over,
    text_of,
    to_look_at,
    valid_values,
    write_draft,
)
from vestry.catalogue.drafting import remove as remove_draft
from vestry.catalogue.looking import first_look, look, rehearse
from vestry.catalogue.model import Catalogue
from vestry.catalogue.proposal import KEPT, MOST_BYTES, Proposal, Proposals, ProposedColumn, ProposedTable, shown_name
from vestry.project import VestryError
from vestry.serve import paths
from vestry.serve.forms import answers, fields
from vestry.serve.page import Missing, Values, page, portal_of
from vestry.serve.paging import part
from vestry.serve.portal.add_answers import (
    CLASSES,
    FREQUENCIES,
    NEW,
    column_of,
    delivery_of,
    people_of,
    place_of,
    sheets_chosen,
    table_of,
)
from vestry.serve.upload import received

_COLUMNS = 50


@page("add.html", fresh=True)
def start(request: Request, catalogue: Catalogue) -> Values:
    """The file."""
    added = request.query_params.get("added", "")
    return {**_start(catalogue), "added": added if is_taken_over(catalogue.project, added) else "", "errors": {}}


def _start(catalogue: Catalogue) -> dict[str, Any]:
    return {"most": MOST_BYTES >> 20, "waiting": drafts(catalogue.project), "added": ""}


async def upload(request: Request) -> Response:
    """Take the file, and look at it; or show what is wrong with it."""
    portal = portal_of(request)
    catalogue = portal.live.catalogue()
    proposals = Proposals(catalogue.project)
    key = await run_in_threadpool(proposals.start)
    is_kept = False
    try:
        aside = proposals.of(key) / "receiving"
        name = shown_name(await received(request, "file", aside, MOST_BYTES))
        proposal = await run_in_threadpool(_looked_at, proposals, key, name)
        is_kept = True
    except VestryError as error:
        values = {**_start(catalogue), "errors": {"file": _said(error)}}
        return await run_in_threadpool(portal.render, "add.html", request, values, 400)
    finally:
        if not is_kept:
            proposals.remove(key)
    # What nobody finishes goes after a day, whether or not anybody comes back.
    asyncio.get_running_loop().call_later(KEPT, proposals.sweep)
    return RedirectResponse(paths.add(proposal.id, "sheets" if proposal.sheets else ""), 303)


def _looked_at(proposals: Proposals, key: str, name: str) -> Proposal:
    """The proposal of a file that was received; of a workbook with one sheet, or any other file, with its table."""
    aside = proposals.of(key) / "receiving"
    proposal = Proposal(id=key, file_name=name, size=aside.stat().st_size)
    file = aside.rename(proposals.file_of(proposal))
    found = first_look(file, name)
    if isinstance(found, ProposedTable):
        proposal = proposal.with_table(0, found)
    else:
        proposal = proposal.model_copy(update={"sheets": tuple(found)})
    proposals.write(proposal)
    return proposal


def _said(error: VestryError) -> str:
    what = f"{error.what[:1].upper()}{error.what[1:]}"
    return f"{what}. {error.mend[:1].upper()}{error.mend[1:]}" if error.mend else what


Step = Callable[[Request, Catalogue, Proposals, Proposal], Values | Response]


def step(template: str) -> Callable[[Step], Callable[[Request], Any]]:
    """A page of one proposal; the view is given it, and where it is kept."""

    def of(view: Step) -> Callable[[Request], Any]:
        def endpoint(request: Request, catalogue: Catalogue) -> Values | Response:
            proposals = Proposals(catalogue.project)
            try:
                proposal = proposals.read(request.path_params["id"])
            except VestryError as error:
                raise Missing(error.what, mend=error.mend) from None
            made = view(request, catalogue, proposals, proposal)
            if isinstance(made, Response):
                return made
            values = {"errors": {}, **made, "proposal": proposal}
            return portal_of(request).render(template, request, values, 400 if values["errors"] else 200)

        return page(template, fresh=True)(endpoint)

    return of


@step("add_tasks.html")
def tasks(request: Request, catalogue: Catalogue, proposals: Proposals, proposal: Proposal) -> Values:
    """What is done and what is to do."""
    return {"tasks": _tasks(proposal), "ready": _is_ready(proposal)}


def _tasks(proposal: Proposal) -> list[tuple[str, str, str, bool]]:
    """Name, hint, path and whether it is done, of each."""
    found = []
    if proposal.sheets:
        said = ", ".join(str(t.sheet) for t in proposal.tables)
        found.append(("Choose the sheets", said, paths.add(proposal.id, "sheets"), bool(proposal.tables)))
    for place, table in enumerate(proposal.tables):
        named = f"Check the columns of {table.sheet}" if proposal.sheets else "Check the columns"
        left = len(table.unconfirmed)
        hint = f"{left} may speak of people: confirm what they hold" if left else f"{len(table.kept)} columns"
        found.append((named, hint, paths.add(proposal.id, f"tables/{place}"), not left and bool(table.kept)))
    about = proposal.about
    found.append(
        ("Name it, and say where it belongs", about.title, paths.add(proposal.id, "place"), bool(about.product))
    )
    found.append(("Say who answers for it, and what for", about.owner or "", paths.add(proposal.id, "people"), bool(about.owner)))  # noqa: E501  # fmt: skip
    often = FREQUENCIES[about.frequency][0] if about.frequency else ""
    found.append(("Say how it comes", often, paths.add(proposal.id, "delivery"), about.frequency is not None))
    return found


def _is_ready(proposal: Proposal) -> bool:
    return bool(proposal.tables) and all(done for *_, done in _tasks(proposal))


@step("add_sheets.html")
def sheets(request: Request, catalogue: Catalogue, proposals: Proposals, proposal: Proposal) -> Values | Response:
    """Which sheets of a workbook are meant: each becomes a table."""
    chosen = [str(t.sheet) for t in proposal.tables]
    if request.method != "POST":
        return {"chosen": chosen}
    chosen, errors = sheets_chosen(answers(request), proposal.sheets)
    if errors:
        return {"chosen": chosen, "errors": errors}
    known = {t.sheet: t for t in proposal.tables}
    file, tables = proposals.file_of(proposal), list[ProposedTable]()
    try:
        for sheet in chosen:
            place = proposal.sheets.index(sheet)
            found = known.get(sheet) or look(file, proposal.file_name, place, sheet)
            taken = {t.name for t in tables}
            name = found.name if found.name not in taken else f"{found.name}_{place + 1}"
            tables.append(found.model_copy(update={"name": name}))
    except VestryError as error:
        return {"chosen": chosen, "errors": {"sheets": f"{sheet}: {_said(error)}"}}
    proposals.write(proposal.model_copy(update={"tables": tuple(tables)}))
    return RedirectResponse(paths.add(proposal.id), 303)


@step("add_table.html")
def table(request: Request, catalogue: Catalogue, proposals: Proposals, proposal: Proposal) -> Values | Response:
    """What was understood of one table; to post confirms what was found of all columns that may be personal."""
    place, found = _table(request, proposal)
    if request.method == "POST":
        columns = [c.model_copy(update={"confirmed": c.confirmed or c.must_be_confirmed}) for c in found.columns]
        proposals.write(proposal.with_table(place, found.model_copy(update={"columns": tuple(columns)})))
        return RedirectResponse(paths.add(proposal.id), 303)
    shown = part(request, list(enumerate(found.columns)), _COLUMNS, len(found.columns))
    return {"table": found, "place": place, **shown, "types": _types()}


def _types() -> dict[str, str]:
    return {OWN: "As in the file"} | {word: one.says for word, one in CONVERSIONS.items()}


@step("add_name.html")
def name(request: Request, catalogue: Catalogue, proposals: Proposals, proposal: Proposal) -> Values | Response:
    """What a table is called, and what a row of it is."""
    place, found = _table(request, proposal)
    sent = {"name": found.name, "description": found.description}
    if request.method == "POST":
        sent = fields(request)
        made, errors = table_of(sent, found, [t.name for i, t in enumerate(proposal.tables) if i != place])
        if not errors:
            proposals.write(proposal.with_table(place, made))
            return RedirectResponse(paths.add(proposal.id, f"tables/{place}"), 303)
        return {"table": found, "place": place, "sent": sent, "errors": errors}
    return {"table": found, "place": place, "sent": sent}


@step("add_column.html")
def column(request: Request, catalogue: Catalogue, proposals: Proposals, proposal: Proposal) -> Values | Response:
    """One column: its name, type and meaning, and whom it speaks of."""
    place, found = _table(request, proposal)
    number, one = _column(request, found)
    back = paths.add(proposal.id, f"tables/{place}") + (f"?page={number // _COLUMNS + 1}" if number >= _COLUMNS else "")
    types = {word: says for word, says in _types().items() if word != OWN or one.own_type != "VARCHAR"}
    terms = {key: term.name for key, term in sorted(catalogue.glossary.terms.items(), key=lambda t: t[1].name)}
    values = {
        "table": found, "place": place, "number": number, "column": one, "back_to": back,
        "types": types, "classes": CLASSES, "terms": terms and {"": "None", **terms},
    }  # fmt: skip
    if request.method != "POST":
        return {**values, "sent": _as_sent(one)}
    sent = fields(request)
    others = {c.name for i, c in enumerate(found.columns) if i != number and c.keep}
    made, errors = column_of(sent, one, others, types, terms)
    if errors:
        return {**values, "sent": sent, "errors": errors}
    columns = (*found.columns[:number], made, *found.columns[number + 1 :])
    proposals.write(proposal.with_table(place, found.model_copy(update={"columns": columns})))
    if "next" in sent and number + 1 < len(columns):
        return RedirectResponse(paths.add(proposal.id, f"tables/{place}/columns/{number + 1}"), 303)
    return RedirectResponse(back, 303)


def _as_sent(column: ProposedColumn) -> dict[str, str]:
    """A column as the form sends it."""
    sent = {"name": column.name, "type": column.type, "description": column.description, "term": column.term or ""}
    sent["classification"] = column.classification
    return sent | {key: "yes" for key, is_so in (("key", column.key), ("out", not column.keep)) if is_so}


def _table(request: Request, proposal: Proposal) -> tuple[int, ProposedTable]:
    place = int(request.path_params["table"])
    if place >= len(proposal.tables):
        raise Missing("There is no such table in this upload", mend="Go back to its list of tasks.")
    return place, proposal.tables[place]


def _column(request: Request, table: ProposedTable) -> tuple[int, ProposedColumn]:
    number = int(request.path_params["column"])
    if number >= len(table.columns):
        raise Missing("There is no such column in this table", mend="Go back to its list of columns.")
    return number, table.columns[number]


@step("add_place.html")
def place(request: Request, catalogue: Catalogue, proposals: Proposals, proposal: Proposal) -> Values | Response:
    """The domain and the name of the product."""
    about, project = proposal.about, catalogue.project
    domains = {name: (found.spec.name, "") for name, found in project.domains.items()}
    domains[NEW] = ("A new domain", "Name it below")
    chosen = about.domain if about.domain in project.domains else NEW if about.new_domain else None
    sent = {"title": about.title, "new": about.new_domain or "", "domain": chosen or ""}
    values: dict[str, Any] = {"domains": domains, "sent": sent}
    if request.method != "POST":
        return values
    sent = fields(request)
    made, errors = place_of(sent, about, project, drafts(project))
    if errors:
        return {**values, "sent": sent, "errors": errors}
    return _kept(proposals, proposal.model_copy(update={"about": made}))


@step("add_people.html")
def people(request: Request, catalogue: Catalogue, proposals: Proposals, proposal: Proposal) -> Values | Response:
    """Owner, steward and purpose."""
    about = proposal.about
    domain = catalogue.project.domains.get(about.domain or "")
    if request.method != "POST":
        known = domain.spec if domain and about.owner is None else None
        sent = {"owner": about.owner or "", "steward": about.steward, "purpose": about.purpose}
        return {"sent": sent | ({"owner": known.owner, "steward": known.steward or ""} if known else {})}
    sent = fields(request)
    made, errors = people_of(sent, about)
    return {"sent": sent, "errors": errors} if errors else _kept(proposals, proposal.model_copy(update={"about": made}))


@step("add_delivery.html")
def delivery(request: Request, catalogue: Catalogue, proposals: Proposals, proposal: Proposal) -> Values | Response:
    """How often files come, what the next one holds, and whether this one goes with the draft."""
    about = proposal.about
    values = {"frequencies": FREQUENCIES}
    if request.method != "POST":
        is_said = about.frequency is not None
        sent: dict[str, str] = {"frequency": about.frequency or ""}
        sent["next"] = ("replaces" if about.replaces else "adds") if is_said else ""
        sent["keep"] = ("yes" if about.keep_file else "no") if is_said else ""
        return {**values, "sent": sent}
    sent = fields(request)
    made, errors = delivery_of(sent, about)
    if errors:
        return {**values, "sent": sent, "errors": errors}
    return _kept(proposals, proposal.model_copy(update={"about": made}))


def _kept(proposals: Proposals, proposal: Proposal) -> Response:
    proposals.write(proposal)
    return RedirectResponse(paths.add(proposal.id), 303)


@step("add_check.html")
def check(request: Request, catalogue: Catalogue, proposals: Proposals, proposal: Proposal) -> Values | Response:
    """All answers, with what the recipe makes of the file; to post writes the draft."""
    if not _is_ready(proposal):
        return RedirectResponse(paths.add(proposal.id), 303)
    file = proposals.file_of(proposal)
    places = [proposal.sheets.index(str(t.sheet)) if proposal.sheets else 0 for t in proposal.tables]
    found = [rehearse(file, place, table) for place, table in zip(places, proposal.tables, strict=True)]
    errors = {}
    if request.method == "POST":
        try:
            draft = write_draft(catalogue.project, proposal, file, found)
            proposals.remove(proposal.id)
            return RedirectResponse(paths.draft(draft), 303)
        except VestryError as error:
            errors = {"write": _said(error)}
    look_at = [list(to_look_at(table, one)) for table, one in zip(proposal.tables, found, strict=True)]
    return {
        "errors": errors, "found": found, "look_at": look_at, "valid_values": valid_values,
        "domains": catalogue.project.domains, "frequencies": FREQUENCIES,
    }  # fmt: skip


@step("add_tasks.html")
def remove(request: Request, catalogue: Catalogue, proposals: Proposals, proposal: Proposal) -> Response:
    """Throw it away, the file with it."""
    proposals.remove(proposal.id)
    return RedirectResponse(paths.add(), 303)


@page("add_draft.html", fresh=True)
def draft(request: Request, catalogue: Catalogue) -> Values | Response:
    """A draft that was written: what is in it, and how it gets into the project; to post does one of the two."""
    name, project = request.path_params["name"], catalogue.project
    try:
        files = files_of(project, name)
    except VestryError as error:
        raise Missing(error.what, mend=error.mend) from None
    errors = {}
    if request.method == "POST":
        if fields(request).get("what") == "remove":
            remove_draft(project, name)
            return RedirectResponse(paths.add(), 303)
        try:
            take_over(project, name)
            return RedirectResponse(f"{paths.add()}?added={name}", 303)
        except VestryError as error:
            errors = {"take": _said(error)}
    texts = [(file.as_posix(), text_of(project, name, file)) for file in files]
    values = {
        "name": name,
        "texts": texts,
        "errors": errors,
        "faults": [] if errors else portal_of(request).live.faults,
    }
    return portal_of(request).render("add_draft.html", request, values, 400 if errors else 200)


_BOTH = ["GET", "POST"]
_AT = "/add/{id}"
routes = [
    Route("/add", start),
    Route("/add", upload, methods=["POST"]),
    Route("/add/drafts/{name}", draft, methods=_BOTH),
    Route(_AT, tasks),
    Route(f"{_AT}/sheets", sheets, methods=_BOTH),
    Route(f"{_AT}/tables/{{table:int}}", table, methods=_BOTH),
    Route(f"{_AT}/tables/{{table:int}}/name", name, methods=_BOTH),
    Route(f"{_AT}/tables/{{table:int}}/columns/{{column:int}}", column, methods=_BOTH),
    Route(f"{_AT}/place", place, methods=_BOTH),
    Route(f"{_AT}/people", people, methods=_BOTH),
    Route(f"{_AT}/delivery", delivery, methods=_BOTH),
    Route(f"{_AT}/check", check, methods=_BOTH),
    Route(f"{_AT}/remove", remove, methods=["POST"]),
]
