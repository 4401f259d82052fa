"""Pairs that the model cannot decide: the queue, one pair side by side, and what was decided.

Values are masked as on all pages of people; that and how two values are alike is told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vestry.catalogue.model import Catalogue, TableEntry
from vestry.mdm.people.decisions import Contradiction, Decision, Question, decide, decisions_of, queue
from vestry.mdm.people.explain import RULE, Evidence, Explanation, Reader, Record
from vestry.mdm.people.lookup import people_of
from vestry.mdm.people.model import LABELS
from vestry.project import VestryError
from vestry.serve import paths
from vestry.serve.forms import missing
from vestry.serve.masks import NOTHING, reference, shown
from vestry.serve.page import Missing, Values, page, portal_of
from vestry.serve.paging import MOST, part
from vestry.serve.portal.deciding import SIGNED, blank, decided, refused, said, signed, written
from vestry.serve.portal.looking_up import looked_at, right_of
from vestry.serve.portal.people import TABS, index_of, lacking, present

_ANSWERS = {
    "same": ("They are the same person", "Their records become one person’s with the next run."),
    "different": ("They are different people", "They stay two, whatever links them later."),
    "unsure": ("Nobody can say", "The pair leaves the queue, and nothing else changes."),
}
_NEEDED = {
    "decision": "Say whether they are the same person, different people, or nobody can say",
    **SIGNED,
}
_SAID = {**{key: title for key, (title, _) in _ANSWERS.items()}, "withdrawn": "The decision is withdrawn"}
#: What each comparison of the index is of.
_OF = {
    "given": ("forename",),
    "middle": ("middle_names",),
    "family": ("surname",),
    "born": ("date_of_birth",),
    "sex": ("sex",),
    "nhs": ("nhs_number",),
    "ni": ("ni_number",),
    "upn": ("upn",),
    "other": ("other_id",),
    "home": ("address", "postcode", "uprn"),
    "telephone": ("telephone",),
    "email": ("email",),
}


@page("people_review.html", fresh=True)
def waiting(request: Request, catalogue: Catalogue) -> Values | Response:
    """The queue, a page of it."""
    if none := lacking(request, is_review=True):
        return none
    with index_of(request) as reader:
        questions = queue(reader, MOST + 1)
    return {"people_tabs": TABS, **part(request, questions), "said": said(request, _SAID)}


@page("people_pair.html", fresh=True)
def pair(request: Request, catalogue: Catalogue) -> Values | Response:
    """Two people side by side, and the form that decides."""
    if none := lacking(request, is_review=True):
        return none
    with index_of(request) as reader:
        two = _two(request, reader)
        if moved := _moved(request, two):
            return moved
        question = next(iter(queue(reader, 1, two)), None)
        if question is None:
            return _not_asked(request, reader, two)
        if request.method == "POST":
            return _decided(request, catalogue, reader, question)
        values = _compared(request, catalogue, reader, question)
    return {**values, **blank(request, _SAID)}


def _two(request: Request, reader: Reader) -> tuple[str, str]:
    one, other = present(reader, request.path_params["one"], request.path_params["other"])
    return min(one, other), max(one, other)


def _moved(request: Request, two: tuple[str, str]) -> Response | None:
    """To where the pair is now: ids may have been merged, or stand in the other order."""
    if two[0] == two[1]:
        return RedirectResponse(paths.person(two[0]), 303)
    if two != (request.path_params["one"], request.path_params["other"]):
        return RedirectResponse(paths.pair(two), 303)
    return None


def _not_asked(request: Request, reader: Reader, two: tuple[str, str]) -> Response:
    """The page of two people of whom nothing is asked: what was decided, or that they are not compared."""
    told = [d for d in _told(reader) if set(d.people) == set(two)]
    if not told:
        raise Missing("No pair of these two people waits for a decision", mend="The queue is under People, To review.")
    return portal_of(request).render("people_said.html", request, {"people": two, "decisions": told})


@dataclass(frozen=True)
class _Row:
    """One field of two records: the values as they are shown, and how they compare."""

    label: str
    left: str
    right: str
    words: str
    bits: float | None


def _compared(request: Request, catalogue: Catalogue, reader: Reader, question: Question) -> dict[str, Any]:
    """What the page says of a pair."""
    explained = reader.explain(question.left, question.right)
    held = catalogue.tables[reader.names.record]
    clear = right_of(request, held).clear
    looked_at(request, held, question.people)
    return {
        "question": question,
        "explained": explained,
        "verdict": explained.verdict,
        "rows": _rows(held, explained, clear),
        "keys": [shown(held, "record_id", record.key, clear) for record in (question.left, question.right)],
        "rule": RULE,
        "answers": _ANSWERS,
        "pair": _reference(question.left, question.right),
        "linked": {str(name) for name in catalogue.tables},
    }


def _rows(held: TableEntry, explained: Explanation, clear: Collection[str]) -> list[_Row]:
    evidence = {e.attribute: e for e in explained.evidence}
    found = []
    for comparison, attributes in _OF.items():
        said = evidence.pop(comparison, None)
        held_of = [a for a in attributes if any(side.get(a) is not None for side in explained.sides)]
        for attribute in held_of:
            left, right = (shown(held, attribute, side.get(attribute), clear) for side in explained.sides)
            # What is compared together is told once.
            first = attribute == held_of[0]
            words = _words(said, left, right) if first else f"With the {LABELS[held_of[0]]}"
            found.append(_Row(_title(LABELS[attribute]), left, right, words, said.bits if said and first else None))
    # Comparisons of the council's own have the words that its file gives them.
    found += [_Row(_title(n.replace("_", " ")), "", "", _title(e.words), e.bits) for n, e in evidence.items()]
    return found


def _title(text: str) -> str:
    return text[:1].upper() + text[1:]


def _words(said: Evidence | None, left: str, right: str) -> str:
    if said is not None:
        return _title(said.words)
    if NOTHING in (left, right):
        return "Not compared: one record does not hold it"
    return "Not compared: what they hold tells nobody apart"


def _decided(request: Request, catalogue: Catalogue, reader: Reader, question: Question) -> Response:
    """Write down what was said, and go to the next pair; or show the form again with what is wrong."""
    sent = signed(request)
    errors = missing(sent, _NEEDED)
    if not errors and sent.get("pair") != _reference(question.left, question.right):
        errors["decision"] = "The index has changed since you opened this page: look at the pair again"
    if not errors:
        try:
            decide(reader, question.left, question.right, sent["decision"], sent["who"], sent["why"])
        except Contradiction as error:
            errors["decision"] = _contradiction(error.standing)
        except VestryError as error:
            errors["decision"] = _title(error.what)
    if errors:
        return refused(request, "people_pair.html", _compared(request, catalogue, reader, question), sent, errors)
    following = next(iter(queue(reader, 1)), None)
    return written(paths.pair(following.people) if following else "/people/review", sent["decision"])


def _contradiction(standing: Decision) -> str:
    """Whose decision it cannot hold together with; the records are not named, for their keys may be personal."""
    said = "one person" if standing.decision == "same" else "different people"
    return (
        f"That contradicts what {standing.who} decided on {standing.at.day} {standing.at:%B %Y}: that two records "
        f"which decide this pair are {said}. Agree with them, and withdraw that decision first, under Decided"
    )


@page("people_pair.html", fresh=True)
def following(request: Request, catalogue: Catalogue) -> Values | Response:
    """To the pair after this one, without deciding."""
    if none := lacking(request, is_review=True):
        return none
    with index_of(request) as reader:
        two = _two(request, reader)
        people = [question.people for question in queue(reader, MOST)]
    place = people.index(two) + 1 if two in people else 0
    return RedirectResponse(paths.pair(people[place]) if place < len(people) else "/people/review", 303)


@dataclass(frozen=True)
class _Told:
    """A decision, and whose the two records are now."""

    decision: Decision
    people: tuple[str, str]
    key: str

    @property
    def title(self) -> str:
        return _SAID[self.decision.decision]


def _told(reader: Reader) -> list[_Told]:
    """The decisions that stand, the newest first; those on records that the index does not hold now are left out."""
    made = decisions_of(reader)
    whose = people_of(reader, {record for d in made for record in (d.left, d.right)}) if made else {}
    return [
        _Told(d, (whose[d.left], whose[d.right]), _reference(d.left, d.right))
        for d in made
        if d.left in whose and d.right in whose
    ]


@page("people_decisions.html", fresh=True)
def decisions(request: Request, catalogue: Catalogue) -> Values | Response:
    """What was decided, and the form that withdraws it."""
    if none := lacking(request, is_review=True):
        return none
    with index_of(request) as reader:
        told, tabs = _told(reader), {"people_tabs": TABS}
        return decided(request, "people_decisions.html", tabs, told, _SAID, partial(_withdraw, reader))


def _withdraw(reader: Reader, told: _Told, sent: Mapping[str, str]) -> str:
    decide(reader, told.decision.left, told.decision.right, "withdrawn", sent["who"], sent["why"])
    return "withdrawn"


def _reference(left: Record, right: Record) -> str:
    return reference(*sorted((str(left), str(right))))


routes = [
    Route("/people/review", waiting),
    Route("/people/review/{one}/{other}", pair, methods=["GET", "POST"]),
    Route("/people/review/{one}/{other}/next", following),
    Route("/people/decisions", decisions, methods=["GET", "POST"]),
]
