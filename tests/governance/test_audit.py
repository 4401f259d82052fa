"""The audit: added to, never changed, and each line seals those before it."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from council import Council
from vestry.governance.audit import Entry, Read, lines, verify, write
from vestry.project import Project, TableName
from vestry.project.project import load_project

TABLE = TableName("adults", "care", "client")


@pytest.fixture
def project(council: Council) -> Project:
    return load_project(council.root)


def told(project: Project, count: int = 3) -> None:
    for number in range(count):
        read = Read(TABLE, number, {"name": "clear"})
        write(project, [Entry(f"u-{number % 2}", "sql", "read", True, rows=number, people=(f"p{number}",))], [read])


def spoil(project: Project, sql: str) -> None:
    """Change the database as somebody would who can write to the file."""
    with sqlite3.connect(project.state / "access.sqlite") as con:
        for name in ("update", "delete"):
            con.execute(f"DROP TRIGGER audit_no_{name}")
        con.execute(sql)


def test_a_persons_own_trail_is_one_question(project: Project) -> None:
    told(project)
    assert [line.number for line in lines(project, person="p1")] == [2]
    assert [line.entry.who for line in lines(project, table=TABLE, most=2)] == ["u-0", "u-1"]
    assert [line.number for line in lines(project, who="u-0")] == [3, 1]


def test_the_whole_chain_is_verified(project: Project) -> None:
    assert verify(project).lines == 0
    told(project)
    assert (verify(project).lines, verify(project).broken) == (3, None)


@pytest.mark.parametrize(
    ("sql", "broken"),
    [
        ("UPDATE audit SET rows = 99 WHERE number = 2", 2),
        ("UPDATE audit SET who = 'u-9' WHERE number = 3", 3),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("UPDATE audit SET seal = 'x' WHERE number = 1", 1),
    ],
)
def test_a_line_that_is_changed_or_gone_is_found(project: Project, sql: str, broken: int) -> None:
    told(project)
    spoil(project, sql)
    assert verify(project).broken == broken


def test_lines_that_were_cut_off_are_found_by_a_seal_that_was_noted(project: Project) -> None:
    told(project)
    seal = verify(project).seal
    assert verify(project, seal).broken is None
    spoil(project, "DELETE FROM audit WHERE number = 3")
    assert verify(project).broken is None
    assert verify(project, seal).broken == 3


@pytest.mark.parametrize("sql", ["UPDATE audit SET rows = 1", "DELETE FROM audit"])
def test_the_database_itself_only_takes_new_lines(project: Project, sql: str) -> None:
    told(project)
    with sqlite3.connect(project.state / "access.sqlite") as con, pytest.raises(sqlite3.IntegrityError):
        con.execute(sql)


def test_many_who_write_at_once_make_one_chain(project: Project) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: write(project, [Entry(f"u-{n}", "sql", "read", True)]), range(40)))
    assert (verify(project).lines, verify(project).broken) == (40, None)
