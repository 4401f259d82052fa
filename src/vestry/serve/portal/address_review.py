"""Addresses that the model cannot match for certain: the queue, one of them, and what was decided.

An address is shown as its contract allows; where it is personal, only that and how it is like the home is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestry.catalogue.model import Catalogue, TableEntry
from vestry.mdm.places.decisions import (
    Addresses,
    Decision,
    Question,
    Verdict,
    addresses_of,
    decide,
    review_queue,
    standing,
)
from vestry.mdm.places.likeness import likeness
from vestry.project import VestryError
from vestry.run.workspace import Workspace
from vestry.serve import paths
from vestry.serve.forms import missing
from vestry.serve.masks import reference, shown
from vestry.serve.page import Missing, Values, page, portal_of
from vestry.serve.paging import MOST, part
from vestry.serve.pool import Pool
from vestry.serve.portal.addresses import TABS, lacking
from vestry.serve.portal.deciding import SIGNED, blank, decided, refused, said, signed, written

_ANSWERS = {
    "candidate": ("The home that it is most like", ""),
    "other": ("Another home", "Give its UPRN below: find it under Addresses, Look up."),
    "none": ("No home of the gazetteer", "It is outside the area, or no address at all."),
}
_NEEDED = {
    "means": "Say what the address means",
    **SIGNED,
}
_SAID = {"uprn": "It means a home", "none": "It means no home of the gazetteer", "open": "The model may decide again"}


def _opened(workspace: Workspace) -> Addresses:
    return addresses_of(workspace.project, workspace.lake, workspace.engine.cursor())


_ADDRESSES = Pool(_opened)


@dataclass(frozen=True)
class _Asked:
    """An address that waits, as it is shown; `key` stands for it in the page's own address."""

    question: Question
    key: str
    line: str
    candidate: str

    @property
    def path(self) -> str:
        return paths.address_question(self.key)


def _asked(table: TableEntry | None, name: str, question: Question) -> _Asked:
    line = shown(table, "line", question.line)
    return _Asked(question, reference(name, question.line), line, shown(table, "gazetteer_address", question.candidate))


def _queue(catalogue: Catalogue, addresses: Addresses) -> list[_Asked]:
    table = catalogue.tables.get(addresses.name)
    return [_asked(table, str(addresses.name), question) for question in review_queue(addresses, MOST + 1)]


@page("addresses_review.html", fresh=True)
def waiting(request: Request, catalogue: Catalogue) -> Values | Response:
    """The queue, a page of it."""
    if none := lacking(request, catalogue):
        return none
    with _ADDRESSES.taken(portal_of(request).live.workspace) as addresses:
        asked = _queue(catalogue, addresses)
    return {"address_tabs": TABS, **part(request, asked), "said": said(request, _SAID)}


@page("address_question.html", fresh=True)
def question(request: Request, catalogue: Catalogue) -> Values | Response:
    """One address, and the form that decides what it means."""
    if none := lacking(request, catalogue):
        return none
    with _ADDRESSES.taken(portal_of(request).live.workspace) as addresses:
        asked = _queue(catalogue, addresses)
        one = next((a for a in asked if a.key == request.path_params["key"]), None)
        if one is None:
            raise Missing("That address does not wait any more", mend="The queue is under Addresses, To review.")
        if request.method == "POST":
            return _decided(request, catalogue, addresses, one)
    return {**_values(catalogue, one), **blank(request, _SAID)}


def _values(catalogue: Catalogue, one: _Asked) -> dict[str, Any]:
    answers = dict(_ANSWERS)
    if one.question.candidate_uprn is None:
        del answers["candidate"]
    return {
        "one": one,
        "parts": likeness(one.question.line, one.question.candidate) if one.question.candidate else [],
        "answers": answers,
        "sources": one.question.sources.split(", "),
        "linked": {str(name) for name in catalogue.tables},
    }


def _decided(request: Request, catalogue: Catalogue, addresses: Addresses, one: _Asked) -> Response:
    """Write down what was said, and go to the next address; or show the form again with what is wrong."""
    sent = signed(request)
    errors = missing(sent, _NEEDED)
    means = sent.get("means")
    if means == "other" and not sent.get("uprn"):
        errors["uprn"] = "Enter the UPRN of the home"
    if not errors and means not in _ANSWERS:
        errors["means"] = _NEEDED["means"]
    verdict: Verdict = "none" if means == "none" else "uprn"
    if not errors:
        uprn = {"candidate": one.question.candidate_uprn, "other": sent.get("uprn")}.get(str(means))
        try:
            decide(addresses, one.question.line, verdict, sent["who"], sent["why"], uprn)
        except VestryError as error:
            # What the error says of a UPRN may repeat it.
            known = means == "none"
            errors["means" if known else "uprn"] = error.what if known else "The gazetteer has no such UPRN"
    if errors:
        return refused(request, "address_question.html", _values(catalogue, one), sent, errors)
    following = next(iter(_queue(catalogue, addresses)), None)
    return written(following.path if following else "/addresses/review", verdict)


@dataclass(frozen=True)
class _Told:
    """A decision as it is shown."""

    decision: Decision
    key: str
    line: str
    uprn: str

    @property
    def title(self) -> str:
        return _SAID[self.decision.verdict]


@page("addresses_decisions.html", fresh=True)
def decisions(request: Request, catalogue: Catalogue) -> Values | Response:
    """What was decided, and the form that gives an address back to the model."""
    if none := lacking(request, catalogue):
        return none
    with _ADDRESSES.taken(portal_of(request).live.workspace) as addresses:
        table = catalogue.tables.get(addresses.name)
        told = [
            _Told(d, reference(str(addresses.name), d.line), shown(table, "line", d.line), shown(table, "uprn", d.uprn))
            for d in standing(addresses, MOST)
        ]
        give_back = partial(_give_back, addresses)
        return decided(request, "addresses_decisions.html", {"address_tabs": TABS}, told, _SAID, give_back)


def _give_back(addresses: Addresses, told: _Told, sent: Mapping[str, str]) -> str:
    decide(addresses, told.decision.line, "open", sent["who"], sent["why"])
    return "open"


routes = [
    Route("/addresses/review", waiting),
    Route("/addresses/review/{key}", question, methods=["GET", "POST"]),
    Route("/addresses/decisions", decisions, methods=["GET", "POST"]),
]
