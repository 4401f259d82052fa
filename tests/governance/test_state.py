"""The state of people and grants: one file, several processes."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest
from sqlalchemy import Column, Integer, String, Table, insert, select

from vestry.governance.state import METADATA, connect, exists, now, reading
from vestry.project import DataError, load_project

pytestmark = pytest.mark.slow

counter = Table("test_counter", METADATA, Column("name", String, primary_key=True), Column("count", Integer))

ADDS = """
import sys
from sqlalchemy import select, update
sys.path.insert(0, {tests!r})
from governance.test_state import counter
from vestry.governance.state import connect
from vestry.project import load_project
from pathlib import Path
project = load_project(Path({root!r}))
for _ in range(50):
    with connect(project) as con:
        count = con.execute(select(counter.c.count)).scalar_one()
        con.execute(update(counter).values(count=count + 1))
"""


@pytest.fixture
def project(council):
    return load_project(council.root)


def test_several_processes_that_read_and_write_lose_nothing(project):
    assert not exists(project)
    with connect(project) as con:
        con.execute(insert(counter).values(name="a", count=0))
    tests = __file__.rpartition("/governance/")[0]
    code = ADDS.format(tests=tests, root=str(project.root))
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    with reading(project) as con:
        assert con.execute(select(counter.c.count)).scalar_one() == 150
    assert exists(project)


def test_a_block_that_raises_leaves_nothing(project):
    with pytest.raises(ZeroDivisionError), connect(project) as con:
        con.execute(insert(counter).values(name="a", count=1 // 0))
    with reading(project) as con:
        assert con.execute(select(counter)).all() == []


def test_a_reader_does_not_wait_for_a_writer(project):
    with connect(project) as con:
        con.execute(insert(counter).values(name="a", count=1))
        with reading(project) as other:
            assert other.execute(select(counter)).all() == []


def test_a_table_of_a_module_that_comes_later_is_made_too(project):
    with reading(project):
        pass
    late = Table(f"test_late_{now(project)}", METADATA, Column("n", Integer))
    try:
        with connect(project) as con:
            con.execute(insert(late).values(n=1))
    finally:
        METADATA.remove(late)


def test_the_file_is_for_its_owner_alone(project):
    with connect(project) as con:
        con.execute(insert(counter).values(name="a", count=1))
        modes = {stat.S_IMODE(f.stat().st_mode) for f in project.state.glob("access.sqlite*")}
    assert modes == {0o600}


def test_a_state_that_cannot_be_read_is_told_without_what_the_database_says(project):
    (project.state).mkdir()
    (project.state / "access.sqlite").mkdir()
    with pytest.raises(DataError, match=r"state of people and grants .*|disk") as told, reading(project):
        pass
    assert told.value.where == ".vestry/access.sqlite" and "sqlite3" not in str(told.value)
