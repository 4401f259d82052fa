"""People: looked up by what is known of them, and what the platform knows of one, without personal values.

What the index makes itself is shown: ids of people, tables, counts, when something became of a person. What a record
says, its key included, is shown where the index's contract calls the column open, and masked elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vestry.catalogue.model import Catalogue, TableEntry
from vestry.catalogue.ties import tie_tables, tied
from vestry.mdm.people.explain import Reader
from vestry.mdm.people.golden import origins_of
from vestry.mdm.people.lookup import find, listed
from vestry.mdm.people.model import GOLDEN, LABELS
from vestry.project import VestryError
from vestry.run.people import indexes, reader_of
from vestry.run.workspace import Workspace
from vestry.serve import paths
from vestry.serve.forms import fields
from vestry.serve.masks import shown
from vestry.serve.page import Missing, Values, page, portal_of
from vestry.serve.pool import Pool
from vestry.serve.portal.looking_up import looked_at, may_not, right_of

TABS = [("Look up", "/people"), ("To review", "/people/review"), ("Decided", "/people/decisions")]
_ID = re.compile(r"P\d{9,12}")
#: So many people are listed: who finds more knows too little.
_MOST = 20
_EVENTS = 100


def _first(workspace: Workspace) -> Reader:
    """The project's index, by name the first of several. Raises VestryError where it has none."""
    found = min((str(t.name) for t in indexes(workspace)), default=None)
    return reader_of(workspace, found)


_READERS = Pool(_first)


@contextmanager
def index_of(request: Request) -> Iterator[Reader]:
    """The citizen index as it is now, for one request."""
    with _READERS.taken(portal_of(request).live.workspace) as reader:
        reader.refresh()
        yield reader


def lacking(request: Request, is_review: bool = False) -> Response | None:
    """The page that says what a project without an index needs, or its reader; None where it can be asked."""
    portal = portal_of(request)
    found = indexes(portal.live.workspace)
    states = portal.live.catalogue().tables
    made = [states[t.name] for t in found if t.name in states and states[t.name].state]
    if made:
        return may_not(request, min(made, key=lambda entry: str(entry.name)), is_review)
    return portal.render("people_none.html", request, {"described": bool(found)})


@page("people.html", fresh=True)
def people(request: Request, catalogue: Catalogue) -> Values | Response:
    """The form, and whom it found."""
    if none := lacking(request):
        return none
    asked: dict[str, Any] = {"people_tabs": TABS, "errors": {}, "found": None, "most": _MOST}
    if request.method == "GET":
        return asked
    sent = fields(request)
    errors: dict[str, str] = {}
    if not sent.get("known"):
        errors["known"] = "Enter an id, a number, an email address or a name"
    born, wrong = _born(sent)
    if wrong:
        errors["born-day"] = wrong
    if errors:
        return portal_of(request).render("people.html", request, {**asked, "errors": errors}, 422)
    with index_of(request) as reader:
        entry = catalogue.tables[reader.names.base]
        right = right_of(request, entry)
        if born and not right.shows("date_of_birth"):
            wrong = "Your grant does not show dates of birth: leave it empty"
            return portal_of(request).render("people.html", request, {**asked, "errors": {"born-day": wrong}}, 422)
        found = find(reader, sent["known"], born, _MOST, None if right.looks_after else right.clear)
        looked_at(request, entry, [one.person for one in found])
    return {**asked, "found": found}


def _born(sent: Mapping[str, str]) -> tuple[date | None, str]:
    """A date in three boxes, and what is wrong with it."""
    parts = [sent.get(f"born-{part}", "") for part in ("year", "month", "day")]
    if not any(parts):
        return None, ""
    try:
        return date(*map(int, parts)), ""
    except ValueError:
        return None, "Date of birth must be a real date, such as 27 3 1984, or empty"


@dataclass(frozen=True)
class _Value:
    """An attribute of the golden record: its value as it is shown, and the table that it is of."""

    label: str
    value: str
    source: str


@page("person.html", fresh=True)
def person(request: Request, catalogue: Catalogue) -> Values | Response:
    """What the platform knows of one person."""
    if none := lacking(request):
        return none
    with index_of(request) as reader:
        asked = request.path_params["person"]
        (now,) = present(reader, asked)
        if now != asked:
            return RedirectResponse(paths.person(now), 303)
        people, held = catalogue.tables[reader.names.base], catalogue.tables[reader.names.record]
        right, of_records = right_of(request, people), right_of(request, held)
        # In which tables somebody is says much of them: who is not given that sees the golden record alone.
        tells = of_records.shows("source")
        golden, events = reader.person(now), _events(reader, now)
        records = reader.records(now) if tells else []
        ties = [t for t in tie_tables(catalogue, reader.names.base) if right.looks_after or _may(request, t.entry)]
        others = tied(reader, ties, now)
    looked_at(request, people, [now])
    return {
        "person": now,
        "golden": golden,
        "values": _values(people, golden, right.clear, tells),
        "tells": tells,
        "records": [{**r, "key": shown(held, "record_id", r["record_id"], of_records.clear)} for r in records],
        "merged": [e["old_person_id"] for e in events if e["kind"] == "merge" and e["person_id"] == now],
        "events": events[-_EVENTS:] if tells else [],
        "ties": [(tie, others[tie.entry.name]) for tie in ties if tie.entry.name in others],
        "linked": {str(name) for name in catalogue.tables},
    }


def _events(reader: Reader, person: str) -> list[dict[str, Any]]:
    """What became of a person, without what would name somebody who is on no list now."""
    events = reader.events(person)
    merged = {e["old_person_id"] for e in events if e["kind"] == "merge"}
    others = {e[side] for e in events for side in ("person_id", "old_person_id")} - {person, None} - merged
    known = {person, None, *merged, *(listed(reader, others) if others else ())}
    return [e for e in events if e["person_id"] in known and e["old_person_id"] in known]


def _may(request: Request, entry: TableEntry) -> bool:
    return right_of(request, entry).may


def _values(entry: TableEntry, golden: Mapping[str, Any], clear: Collection[str], tells: bool) -> list[_Value]:
    origins = origins_of(golden) if tells else {}
    return [
        _Value(
            LABELS[n][:1].upper() + LABELS[n][1:],
            shown(entry, n, golden[n], clear),
            origins.get(n, "").partition(" ")[0],
        )
        for n in GOLDEN
        if n in golden
    ]


def present(reader: Reader, *people: str) -> list[str]:
    """The ids that some people have now. Raises Missing, which does not repeat what was asked for."""
    asked = [person for person in people if _ID.fullmatch(person)]
    if len(asked) == len(people):
        if listed(reader, asked).issuperset(asked):
            return asked
        try:
            now = [reader.resolve(person) for person in asked]  # ids that they had once, perhaps
        except VestryError:
            now = []
        if now and listed(reader, now).issuperset(now):
            return now
    raise Missing("There is no such person", mend="Ids look like P000000017. Look the person up under People.")


routes = [Route("/people", people, methods=["GET", "POST"]), Route("/people/{person}", person)]
