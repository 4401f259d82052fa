"""Requests for access: who asks, who answers, and what comes of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from council import Council
from governed import ANN, DOOR, DPO, NURSE, OTHER, OWNER
from vestry.catalogue.live import Live
from vestry.governance import audit
from vestry.governance.access.gate import Gate
from vestry.governance.access.grants import open_grants
from vestry.governance.access.terms import Condition, Terms
from vestry.governance.access.treatment import Treatment
from vestry.governance.access.view import Refused
from vestry.governance.identity.user import User
from vestry.governance.requests import (
    LONGEST,
    Request,
    answer,
    ask,
    confirm,
    ending,
    narrow,
    requests,
    revoke,
    to_answer,
    withdraw,
)
from vestry.project import TableName, VestryError

pytestmark = pytest.mark.slow

CLIENT = TableName("adults", "care", "client")
PURPOSE = "to call residents in hot weather"
SOON = date.today() + timedelta(days=90)
CLEAR = Treatment.CLEAR


def terms(*rows: Condition, until: date = SOON, statistics: bool = False, **columns: Treatment) -> Terms:
    return Terms({CLIENT: columns}, until, rows, statistics)


class Desk:
    """The functions over one council."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.of: tuple[Any, Any] = gate.live.workspace.project, gate.live.catalogue()
        self.project = self.of[0]

    def ask(self, wanted: Terms, user: User = ANN, purpose: str = PURPOSE, agreement: str | None = None) -> Request:
        return ask(*self.of, user, "adults.care", purpose, wanted, agreement)

    def answer(
        self, request: Request, user: User, said: Any = "approved", why: str = "", less: Terms | None = None
    ) -> Request:
        return answer(*self.of, request.id, user, said, why, less)

    def names(self, user: User = ANN) -> list[str]:
        return [c.name for c in self.gate.view(user, CLIENT, DOOR).columns]


@pytest.fixture
def desk(gate: Gate) -> Desk:
    return Desk(gate)


def test_an_owner_approves_and_it_takes_effect_at_once(desk: Desk) -> None:
    asked = desk.ask(terms(name=CLEAR, ward=CLEAR))
    assert (asked.needs, asked.state) == (("owner",), "open")
    assert [r.id for r in to_answer(desk.project, OWNER)] == [asked.id]
    with pytest.raises(Refused):
        desk.names()
    done = desk.answer(asked, OWNER)
    assert done.state == "approved" and desk.names() == ["name", "ward"]
    assert to_answer(desk.project, OWNER) == []


def test_special_category_waits_for_the_data_protection_officer_too(desk: Desk) -> None:
    asked = desk.ask(terms(name=CLEAR, note=CLEAR), NURSE)
    assert asked.needs == ("owner", "dpo")
    assert desk.answer(asked, OWNER).waits_for == ("dpo",)
    with pytest.raises(Refused):
        desk.names(NURSE)
    assert desk.answer(asked, DPO).state == "approved"
    assert desk.names(NURSE) == ["name", "note"]


def test_an_owner_narrows_columns_rows_and_time(desk: Desk) -> None:
    asked = desk.ask(terms(name=CLEAR, born=CLEAR, ward=CLEAR))
    north, week = Condition("ward", ("North",)), date.today() + timedelta(days=7)
    desk.answer(asked, OWNER, less=terms(north, until=week, born=Treatment.AGE_BAND, ward=CLEAR))
    (grant,) = open_grants(desk.project)
    assert (grant.terms.rows, grant.terms.until) == ((north,), week)
    assert desk.names() == ["born", "ward"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (terms(name=CLEAR, postcode=CLEAR), "`postcode` of adults.care.client as clear instead of hidden"),
        (terms(name=CLEAR, until=SOON + timedelta(days=1)), "reading until"),
        (terms(born=CLEAR), "`born` of adults.care.client as clear instead of year"),
    ],
)
def test_nobody_gives_more_than_was_asked_for(desk: Desk, more: Terms, said: str) -> None:
    asked = desk.ask(terms(name=CLEAR, born=Treatment.YEAR))
    with pytest.raises(VestryError, match=said):
        desk.answer(asked, OWNER, less=more)


def test_who_narrows_second_cannot_widen_what_the_first_narrowed(desk: Desk) -> None:
    asked = desk.ask(terms(name=CLEAR, note=CLEAR), NURSE)
    desk.answer(asked, OWNER, less=terms(note=CLEAR))
    with pytest.raises(VestryError, match="`name`"):
        desk.answer(asked, DPO, less=terms(name=CLEAR, note=CLEAR))
    assert desk.answer(asked, DPO).state == "approved"
    assert desk.names(NURSE) == ["note"]


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (OTHER, "not yours to answer"),
        (NURSE, "not yours to answer"),
        (DPO, "it waits for an owner of adults"),
        (ANN, "nobody answers their own request"),
    ],
)
def test_only_who_answers_for_the_data_answers(desk: Desk, who: User, said: str) -> None:
    asked = desk.ask(terms(name=CLEAR))
    with pytest.raises(VestryError, match=said):
        desk.answer(asked, who)


def test_an_owner_does_not_answer_their_own_request(desk: Desk) -> None:
    asked = desk.ask(terms(name=CLEAR), OWNER)
    with pytest.raises(VestryError, match="their own"):
        desk.answer(asked, OWNER)
    assert to_answer(desk.project, OWNER) == []


def test_a_refusal_says_why_and_ends_the_request(desk: Desk) -> None:
    asked = desk.ask(terms(name=CLEAR))
    with pytest.raises(VestryError, match="without reasons"):
        desk.answer(asked, OWNER, "refused")
    refused = desk.answer(asked, OWNER, "refused", "names are not needed for counts")
    assert (refused.state, refused.answers[0].reasons) == ("refused", "names are not needed for counts")
    with pytest.raises(VestryError, match="is refused"):
        desk.answer(asked, OWNER)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (terms(nmae=CLEAR), "no column `nmae`"),
        (terms(), "no column is asked for"),
        (terms(name=Treatment.AGE_BAND), "cannot be shown as age band"),
        (terms(name=CLEAR, until=date.today() - timedelta(days=1)), "cannot last until"),
        (terms(name=CLEAR, until=date.today() + LONGEST + timedelta(days=1)), "cannot last until"),
        (terms(Condition("district", ("N",)), name=CLEAR), "no column `district`"),
        (Terms({TableName("adults", "wards", "ward"): {"ward": CLEAR}}, SOON), "has no table adults.wards.ward"),
    ],
)
def test_what_cannot_be_is_not_asked_for(desk: Desk, wanted: Terms, said: str) -> None:
    with pytest.raises(VestryError, match=said):
        desk.ask(wanted)


@pytest.mark.parametrize("purpose", ["", "  work ", "x" * 501])
def test_a_purpose_is_said_in_a_sentence(desk: Desk, purpose: str) -> None:
    with pytest.raises(VestryError, match="purpose"):
        desk.ask(terms(name=CLEAR), purpose=purpose)


def test_under_an_agreement_its_purpose_holds_and_no_more_than_it_covers(residents: Council) -> None:
    residents.write(
        "agreements/trust.yaml",
        """
        name: The trust
        parties: [Testham, The trust]
        purpose: Health visits to new parents
        lawful_basis: public task
        tables: {adults.care.client: [name]}
        starts: 2026-01-01
        ends: 2099-01-01
        review: 2027-01-01
        """,
    )
    desk = Desk(Gate(Live(residents.root)))
    assert desk.ask(terms(name=CLEAR), purpose="", agreement="trust").purpose == "Health visits to new parents"
    with pytest.raises(VestryError, match="does not let `ward`"):
        desk.ask(terms(ward=CLEAR), agreement="trust")
    with pytest.raises(VestryError, match="did you mean `trust`"):
        desk.ask(terms(name=CLEAR), agreement="trusts")


def test_a_grant_is_confirmed_narrowed_and_ended_by_whoever_answers_for_it(desk: Desk) -> None:
    desk.answer(desk.ask(terms(name=CLEAR, ward=CLEAR)), OWNER)
    (grant,) = open_grants(desk.project)
    assert grant.terms.review == SOON
    for act in (lambda: confirm(desk.project, grant.id, OTHER), lambda: revoke(desk.project, grant.id, OTHER, "x")):
        with pytest.raises(VestryError, match="not yours to change"):
            act()
    assert confirm(desk.project, grant.id, OWNER).terms.review == SOON
    narrow(desk.project, grant.id, OWNER, grant.terms.without([(CLIENT, "name")]))
    assert desk.names() == ["ward"]
    revoke(desk.project, grant.id, DPO, "a complaint")
    with pytest.raises(Refused):
        desk.names()
    with pytest.raises(VestryError, match="is over"):
        confirm(desk.project, grant.id, OWNER)


def test_nobody_confirms_their_own_grant(desk: Desk) -> None:
    other = User("u-una", "Una Owner", roles=OWNER.roles, domains=OWNER.domains)
    grant = desk.answer(desk.ask(terms(name=CLEAR), OWNER), other).grant
    assert grant is not None
    with pytest.raises(VestryError, match="their own grant"):
        confirm(desk.project, grant, OWNER)
    assert confirm(desk.project, grant, other).id == grant


def test_what_became_special_while_a_request_waits_is_for_the_data_protection_officer_too(
    desk: Desk, residents: Council
) -> None:
    asked = desk.ask(terms(name=CLEAR))
    contract = residents.root / "domains/adults/care/contract.yaml"
    before = "name: name, logicalType: string, classification: personal"
    text = contract.read_text()
    assert before in text
    contract.write_text(text.replace(before, before.replace("personal", "special")))
    desk.gate.live.refresh()
    later = Desk(desk.gate)
    assert later.answer(asked, OWNER).waits_for == ("dpo",) and open_grants(desk.project) == []
    assert later.answer(asked, DPO).grant


def test_a_request_can_be_withdrawn_by_who_made_it(desk: Desk) -> None:
    asked = desk.ask(terms(name=CLEAR))
    with pytest.raises(VestryError, match="of yours"):
        withdraw(desk.project, asked.id, NURSE)
    withdraw(desk.project, asked.id, ANN)
    assert [r.state for r in requests(desk.project, reader=ANN.id)] == ["withdrawn"]


def test_what_ends_soon_is_told_before(desk: Desk) -> None:
    desk.answer(desk.ask(terms(name=CLEAR)), OWNER)
    (grant,) = open_grants(desk.project)
    assert ending([grant], date.today()) == []
    assert ending([grant], SOON - timedelta(days=10)) == [(grant, SOON, "end")]


def test_the_audit_tells_the_story(desk: Desk) -> None:
    asked = desk.ask(terms(name=CLEAR))
    desk.answer(asked, OWNER)
    revoke(desk.project, open_grants(desk.project)[0].id, OWNER, "done")
    story = [(line.entry.who, line.entry.action) for line in audit.lines(desk.project)]
    assert story == [("u-olu", "end"), ("u-olu", "approved"), ("u-ann", "ask")]
    assert audit.verify(desk.project).broken is None
