"""How old the data may be: promised in a contract, held against the clock, told when it is late and when it is over."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from council import Council
from vestry.project import TableName
from vestry.project.contract import ServiceLevel, freshness
from vestry.run.execute import Facts
from vestry.run.freshness import LOOKED, Freshness, late, promised
from vestry.run.incidents import Finding

JOB, REPAIR, TOTAL = "bronze.repairs.job", "housing.repairs.repair", "finance.sums.total"


@pytest.mark.parametrize(
    ("level", "hours"),
    [
        ({"property": "latency", "value": 4, "unit": "h"}, 4),
        ({"property": "freshness", "value": "2", "unit": "days"}, 48),
        ({"property": "frequency", "value": 1, "unit": "d"}, 36),
        ({"property": "retention", "value": 7, "unit": "y"}, None),
        ({"property": "latency", "value": "soon", "unit": "d"}, None),
        ({"property": "latency", "value": 0, "unit": "d"}, None),
        ({"property": "latency", "value": 4, "unit": "fortnights"}, None),
    ],
)
def test_service_levels_say_how_old_the_data_may_be(level, hours):
    assert freshness(ServiceLevel(**level)) == (timedelta(hours=hours) if hours else None)


def promise(council: Council, product: str, level: str) -> None:
    contract = council.root / "domains" / product.replace(".", "/") / "contract.yaml"
    text = contract.read_text()
    contract.write_text(text.replace("schema:", f"slaProperties:\n  - {{{level}}}\nschema:"))


@pytest.fixture
def sums(repairs: Council) -> Council:
    repairs.product("finance.sums", {"n": "logicalType: integer"}, total_sql=f"SELECT count(*) AS n FROM {REPAIR}")
    promise(repairs, "finance.sums", "property: latency, value: 1, unit: d, element: total.n")
    repairs.good()
    return repairs


def judged(council: Council, hours: float) -> Finding:
    workspace = council.open()
    now = datetime.now(UTC) + timedelta(hours=hours)
    (found,) = late(workspace.project, workspace.graph, workspace.lake, Facts(workspace.lake), now)
    return found


@pytest.mark.slow
def test_a_table_is_late_when_its_source_was_not_looked_at_for_longer_than_promised(sums):
    assert promised(sums.open().project) == {TableName.parse(TOTAL): timedelta(days=1)}
    assert judged(sums, 23.9).well
    found = judged(sums, 24.1)
    assert not found.well
    assert (found.subject, found.owner, found.concerns) == (TOTAL, "Jo Bloggs", (JOB,))
    assert "promised to be no older than 1 day" in found.what


def test_a_look_that_finds_nothing_new_counts(sums):
    """A day later nobody has written anything, and somebody has looked."""
    workspace = sums.open()
    with workspace.lake.lock(TableName.parse(JOB)):
        long_ago = time.time_ns() // 1000 + 20 * 3_600_000_000
        workspace.lake.note(TableName.parse(JOB), {LOOKED: long_ago})
    assert judged(sums, 43).well
    assert not judged(sums, 45).well


def test_a_run_that_finds_nothing_new_notes_it_but_not_each_time(sums, monkeypatch):
    before = sums.version(JOB)
    sums.good()
    assert sums.version(JOB) == before
    later = time.time() + 4 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    sums.good()
    assert sums.version(JOB) == before + 1
    assert sums.lake.mark(TableName.parse(JOB), LOOKED)
    assert sums.plan() == {}


def test_a_table_that_does_not_follow_its_input_is_as_old_as_what_it_was_made_of(sums):
    sums.drop("b.csv", "job,uprn,done,cost\nB1,5,2024-01-01,1\n")
    moved = datetime.now(UTC)
    sums.good(JOB)
    workspace = sums.open()
    fresh = Freshness(workspace.graph, workspace.lake, Facts(workspace.lake))
    of = fresh.of(TableName.parse(TOTAL))
    assert of is not None
    assert abs(of - moved) < timedelta(seconds=20)
    since = datetime.now(UTC) + timedelta(seconds=1)
    assert list(fresh.behind(TableName.parse(TOTAL), since)) == [TableName.parse(JOB)]


@pytest.mark.slow
def test_what_is_late_is_told_once_and_once_more_when_it_is_fresh_again(sums, monkeypatch):
    """A day goes by; then the source cannot be reached, so that nobody could look."""
    import vestry.run.findings as findings

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz=None):  # type: ignore[no-untyped-def]
            return datetime.now(tz) + timedelta(days=2)

    drop = sums.root / "drop"
    drop.rename(sums.root / "away")
    monkeypatch.setattr(findings, "datetime", Tomorrow)
    told = []
    for _ in range(2):
        sums.run()
        told += [(e.kind, e.step, e.facts["kind"]) for e in sums.events if e.kind == "opened"]
    assert sorted(told) == [("opened", JOB, "failed"), ("opened", TOTAL, "late")]
    monkeypatch.undo()
    (sums.root / "away").rename(drop)
    for _ in range(2):
        sums.run()
        told += [(e.kind, e.step, e.facts["kind"]) for e in sums.events if e.kind == "over"]
    assert sorted(told[2:]) == [("over", JOB, "failed"), ("over", TOTAL, "late")]


@pytest.mark.slow
@pytest.mark.parametrize(
    "level", ["property: latency, value: soon, unit: d", "property: frequency, value: 1, unit: moons"]
)
def test_a_promise_that_says_nothing_is_a_fault_with_its_line(repairs, level):
    promise(repairs, "housing.repairs", level)
    said = repairs.cli("check").stdout
    assert "contract.yaml:7: the service level `" in said
    assert "does not say how old the data may be" in said
