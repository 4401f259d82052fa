"""What is told without being asked: grants that end soon, and reading that is not as usual."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from council import Council
from governed import ANN
from vestry.governance.access.gate import Gate
from vestry.governance.access.grants import give
from vestry.governance.access.terms import Terms
from vestry.governance.access.treatment import Treatment
from vestry.governance.audit import Entry, write
from vestry.governance.state import connect
from vestry.governance.unusual import Unusual, unusual
from vestry.governance.watch import watch
from vestry.project import Project, TableName
from vestry.project.project import load_project

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def project(council: Council) -> Project:
    return load_project(council.root)


def tell(
    project: Project, when: datetime, rows: int = 0, action: str = "read", grants: Any = ("g-1",), people: Any = ()
) -> None:
    then = dataclasses.replace(project, clock=lambda: when.timestamp())
    write(then, [Entry("u-ann", "sql", action, True, rows=rows, grants=grants, people=people)])


def found(project: Project, when: datetime = NOON) -> list[Unusual]:
    then = dataclasses.replace(project, clock=lambda: when.timestamp() + 60)
    return unusual(then)


def test_a_usual_day_is_not_told(project: Project) -> None:
    for day in range(10):
        tell(project, NOON - timedelta(days=day), 40_000)
    assert found(project) == []


def test_much_more_than_usual_is(project: Project) -> None:
    for day in range(1, 8):
        tell(project, NOON - timedelta(days=day), 4_000)
    tell(project, NOON - timedelta(hours=1), 30_000)
    tell(project, NOON, 1_000)
    assert [(one.kind, one.line, one.what) for one in found(project)] == [
        ("volume", 9, "read 31,000 rows of personal data in a day; 4,000 is usual")
    ]


def test_much_by_somebody_of_whom_nothing_is_usual_yet_is(project: Project) -> None:
    tell(project, NOON, 10_001)
    assert [one.kind for one in found(project)] == ["volume"]


def test_what_is_not_personal_is_not_counted(project: Project) -> None:
    tell(project, NOON, 5_000_000, grants=())
    assert found(project) == []


def test_reading_at_night_is_told_once_a_night_unless_it_is_usual(project: Project) -> None:
    night = NOON.replace(hour=2)
    tell(project, night, 1)
    tell(project, night + timedelta(minutes=9), 1)
    assert [(one.kind, one.line) for one in found(project)] == [("hour", 1)]
    later = night + timedelta(days=1)
    tell(project, later, 1)
    assert found(project, later) == []


def test_a_person_looked_up_without_a_grant_is(project: Project) -> None:
    tell(project, NOON, 1, "look up", grants=(), people=("p-1",))
    tell(project, NOON, 1, "look up", people=("p-2",))
    assert [(one.kind, one.line) for one in found(project)] == [("person", 1)]


def test_a_grant_that_ends_soon_is_told_once(gate: Gate) -> None:
    project = gate.live.workspace.project
    terms = Terms({TableName("adults", "care", "client"): {"ward": Treatment.CLEAR}}, date.today() + timedelta(days=5))
    with connect(project) as con:
        give(con, project, ANN.id, "adults.care", "calls to residents", terms, ["u-olu"])
    (told,) = watch(gate)
    assert (told.kind, told.subject) == ("a grant ends soon", "adults.care")
    assert watch(gate) == []


def test_what_could_not_be_told_is_tried_again(residents: Council) -> None:
    from vestry.catalogue.live import Live

    with (residents.root / "vestry.toml").open("a") as settings:
        settings.write('[alerts]\nwebhook = "http://127.0.0.1:9/nobody"\n')
    gate = Gate(Live(residents.root))
    tell(gate.live.workspace.project, datetime.now(UTC), 20_000)
    assert watch(gate) == []
    (residents.root / "vestry.toml").write_text('[council]\nname = "Testham"\n')
    gate.live.refresh()
    assert {told.kind for told in watch(gate)} == {"unusual reading"}
