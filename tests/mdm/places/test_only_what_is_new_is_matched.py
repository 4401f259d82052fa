"""After the first time: only new addresses are matched; a changed gazetteer, and people's decisions, change what must."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from places_town import RECIPE, TABLE, Town, entry, gazetteer

from vestry.mdm.places import matching
from vestry.mdm.places.decisions import Addresses, addresses_of, decide, decisions_of, review_queue
from vestry.project import TableName, VestryError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning")]

NEAR = ("1 Hihg Stret, Testham", "TH1 1AA")
TWIN = ("Marsh End, Bakers Row", "TH3 1AD")
LINE = "Marsh End, Bakers Row, TH3 1AD"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A town that has run once."""
    town = Town(tmp_path_factory.mktemp("settled") / "town")
    town.letters("a", ("1 High Street", "TH1 1AA"), NEAR, TWIN, ("99 High Street, Testham", "TH1 1AA"))
    town.letters("b", ("2 High Street", "TH1 1AA"))
    town.good()
    return town


@pytest.fixture
def town(settled: Town, tmp_path: Path) -> Town:
    """A copy of the settled town."""
    shutil.copytree(settled.root, tmp_path / "town")
    copy = object.__new__(Town)
    copy.root, copy.events = tmp_path / "town", []
    return copy


@pytest.fixture
def matched_lines(monkeypatch) -> list[set[str]]:
    """The lines that each run matches."""
    seen: list[set[str]] = []
    whole = matching.prepare_texts

    def watched(con, spec):
        seen.append({row[0] for row in con.execute("SELECT line FROM places_due").fetchall()})
        whole(con, spec)

    monkeypatch.setattr(matching, "prepare_texts", watched)
    return seen


def asked(town: Town) -> Addresses:
    workspace = town.open()
    return addresses_of(workspace.project, workspace.lake, workspace.engine.cursor())


def when(town: Town) -> dict[str, object]:
    return dict(town.rows(f"SELECT line, matched_at FROM {TABLE}"))


def test_only_new_addresses_are_matched_and_the_others_stay_as_they_were(town, matched_lines):
    before = when(town)
    town.letters("c", ("3 High Street", "TH1 1AA"), ("1 High Street", "TH1 1AA"))
    town.good()
    assert matched_lines == [{"3 High Street, TH1 1AA"}]
    after = when(town)
    assert {line: after[line] for line in before} == before
    assert town.rows(f"SELECT records FROM {TABLE} WHERE line = '1 High Street, TH1 1AA'") == [(2,)]
    assert town.matched("3 High Street")[0] == "1002"


def test_a_run_with_nothing_new_does_nothing(town):
    version = town.version(TABLE)
    assert all(o.status == "skipped" for o in town.good().values())
    # Letters whose address is known already are counted, and no more.
    town.letters("c", ("1 High Street", "TH1 1AA"), ("1 High Street", "TH1 1AA"))
    assert town.good()[TABLE].facts["rows"] == 1
    assert town.version(TABLE) == version + 1


def test_it_ends_the_same_in_one_run_or_in_several(tmp_path):
    letters = [("1 High Street", "TH1 1AA"), NEAR, TWIN, ("Flat 7 Heron Towr", "TH2 2AA"), ("UNKNOWN", "")]
    town = Town(tmp_path / "town")
    for number in range(0, 5, 2):
        town.letters(str(number), *letters[number : number + 2])
        town.good()
    at_once = Town(tmp_path / "other")
    at_once.letters("all", *letters)
    at_once.good()
    rows = f"SELECT line, uprn, candidate_uprn, status, matched_by, records FROM {TABLE} ORDER BY ALL"
    assert town.rows(rows) == at_once.rows(rows)


def test_an_address_that_no_table_holds_any_more_goes(town):
    before = set(town.uprns())
    town.letters("b", ("3 High Street", "TH1 1AA"))
    town.good()
    assert set(town.uprns()) == before - {"2 High Street, TH1 1AA"} | {"3 High Street, TH1 1AA"}


def test_a_new_home_in_the_gazetteer_finds_the_address_that_waited_for_it(town, matched_lines):
    assert town.matched("99 High Street, Testham")[0] is None
    town.entries([*gazetteer(), entry(7777, "", "99", "High Street", "TH1 1AA")])
    town.good()
    assert town.matched("99 High Street, Testham")[0] == "7777"
    assert matched_lines == [{"99 High Street, Testham, TH1 1AA", LINE}]  # all that wait


def test_a_home_that_leaves_the_gazetteer_is_nobodys_address(town, matched_lines):
    town.entries(e for e in gazetteer() if e[0] != "1000")
    town.good()
    assert town.matched("1 High Street")[0] is None
    assert town.matched("2 High Street")[0] == "1001"
    of_it, waiting = (
        {"1 High Street, TH1 1AA", "1 Hihg Stret, Testham, TH1 1AA"},
        {"99 High Street, Testham, TH1 1AA", LINE},
    )
    assert matched_lines == [of_it | waiting]


def test_other_thresholds_match_all_again(town, matched_lines):
    assert town.matched(NEAR[0])[0] == "1000"
    town.write("domains/places/matched/address.uprn.yaml", RECIPE + "thresholds: {match: 1000}\n")
    town.good()
    assert matched_lines == [set(town.uprns())]
    assert town.matched(NEAR[0])[:2] == (None, "review")


def test_the_prepared_gazetteer_is_kept_and_may_be_deleted(town):
    kept = town.root / ".vestry" / "places" / "places.gazetteer.address"
    (before,) = [f.name for f in kept.iterdir() if f.is_dir()]
    town.letters("c", ("2 Hihg Stret", "TH1 1AA"))
    town.good()
    assert [f.name for f in kept.iterdir() if f.is_dir()] == [before]
    shutil.rmtree(town.root / ".vestry" / "places")
    town.letters("d", ("3 Hihg Stret", "TH1 1AA"))
    town.good()
    assert town.matched("3 Hihg Stret")[0] == "1002"


def test_the_queue_has_what_most_records_hold_first(tmp_path):
    town = Town(tmp_path / "town")
    town.letters(
        "a", TWIN, ("12B High Street, Testham", "TH1 1AA"), TWIN, ("UNKNOWN", ""), ("1 High Street", "TH1 1AA")
    )
    town.good()
    first, second = review_queue(asked(town))
    assert (first.line, first.records, first.because) == (LINE, 2, "two homes are written alike")
    assert second.candidate_uprn is not None
    assert len(review_queue(asked(town), limit=1)) == 1


def test_a_decision_wins_over_the_model_whatever_comes(town):
    decide(asked(town), LINE, "uprn", "Jo Bloggs", "rang the sender", uprn="0006303")
    assert LINE not in [q.line for q in review_queue(asked(town))]
    town.good()
    assert town.matched(TWIN[0]) == ("6303", "matched", "decided by a person")
    # A changed gazetteer and changed thresholds change nothing of it.
    town.entries([*gazetteer(), entry(7777, "", "99", "High Street", "TH1 1AA")])
    town.write("domains/places/matched/address.uprn.yaml", RECIPE + "thresholds: {match: 1000}\n")
    town.good()
    assert town.matched(TWIN[0])[0] == "6303"


def test_a_person_may_say_that_it_is_no_home_and_give_it_back_to_the_model(town):
    line = "1 High Street, TH1 1AA"
    decide(asked(town), line, "none", "Jo Bloggs", "a shop of that name elsewhere")
    town.good()
    assert town.matched("1 High Street") == (None, "none", "decided by a person: none")
    decide(asked(town), line, "open", "Sam Poole", "Jo was wrong")
    town.good()
    assert town.matched("1 High Street")[:2] == ("1000", "matched")
    assert [(d.verdict, d.who) for d in decisions_of(asked(town), line)] == [
        ("open", "Sam Poole"),
        ("none", "Jo Bloggs"),
    ]


def test_a_decision_needs_a_name_a_reason_and_a_home_that_there_is(town):
    addresses = asked(town)
    with pytest.raises(VestryError, match="who made it and why"):
        decide(addresses, LINE, "none", " ", "why")
    with pytest.raises(VestryError, match="who made it and why"):
        decide(addresses, LINE, "none", "Jo", "")
    with pytest.raises(VestryError, match="has no UPRN 999"):
        decide(addresses, LINE, "uprn", "Jo", "why", uprn="999")
    with pytest.raises(VestryError, match="has no UPRN"):
        decide(addresses, LINE, "uprn", "Jo", "why")
    with pytest.raises(VestryError, match="names no home"):
        decide(addresses, LINE, "none", "Jo", "why", uprn="6303")
    with pytest.raises(VestryError, match="no table holds that address") as told:
        decide(addresses, "1 Secret Street", "none", "Jo", "why")
    assert "Secret" not in str(told.value)
    assert town.lake.open(TableName.parse(TABLE).beside("decision")) is None
