"""`vestry status`: the whole of the work on one screen, in a second's reading."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from council import Council

pytestmark = pytest.mark.slow


@pytest.fixture
def night(repairs: Council) -> Council:
    repairs.source(
        "repairs",
        'connector: files\npath: drop\nschedule: "0 2 * * *"\nretries: 2\ntables:\n  job:\n    files: "*.csv"\n',
    )
    repairs.source("works", 'connector: files\npath: works\nschedule: changes\ntables:\n  visit:\n    files: "*.csv"\n')
    repairs.write("works/v.csv", "id\n1\n")
    assert repairs.cli("worker", "--once").returncode == 0
    return repairs


def test_it_says_what_ran_what_is_next_and_that_nobody_works(night):
    shown = night.cli("status").stdout
    assert shown.startswith("All is well; no worker runs: vestry worker.")
    assert "bronze.repairs" in shown
    assert "2 rows in" in shown
    assert "02:00  0 2 * * *" in shown
    assert "load/works" in shown
    plain = json.loads(night.cli("status", "--json").stdout)
    assert {r["subject"] for r in plain["ran"]} == {"bronze.repairs", "bronze.works", "housing.repairs"}
    assert plain["running"] == plain["incidents"] == plain["waiting"] == []


def test_it_says_what_failed_what_waits_and_until_when(night):
    night.write("works/bad.csv", "")
    assert night.cli("worker", "--once").returncode == 1
    plain = json.loads(night.cli("status", "--json").stdout)
    assert plain["incidents"] == []  # it is tried three times before anybody is told
    assert plain["waiting"][0]["subject"] == "load/works"
    assert "failed once" in plain["waiting"][0]["why"]
    night.run("bronze.works")
    shown = night.cli("status").stdout
    assert shown.startswith("1 thing is not well")
    assert "failed bronze.works.visit" in shown
    assert "the file is empty" in shown
    assert "Waiting" in shown


def test_a_project_without_a_state_has_a_status_too(repairs):
    repairs.good()
    shown = repairs.cli("status")
    assert shown.returncode == 0
    assert "housing.repairs" in shown.stdout
    assert not (repairs.root / ".vestry/state.sqlite").exists()


def test_a_worker_that_was_killed_while_it_wrote_its_state_hides_nothing(night):
    half_written = (
        "import os, sqlite3, sys\n"
        "con = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "con.execute('PRAGMA cache_size = 1')\n"
        "con.execute('BEGIN IMMEDIATE')\n"
        "con.execute('UPDATE workflow_status SET inputs = hex(zeroblob(100000)), status = ?', ['PENDING'])\n"
        "os._exit(9)\n"
    )
    state = night.root / ".vestry/state.sqlite"
    before = night.cli("status", "--json").stdout
    assert subprocess.run([sys.executable, "-c", half_written, str(state)]).returncode == 9
    assert state.with_name("state.sqlite-journal").stat().st_size > 0
    assert json.loads(night.cli("status", "--json").stdout)["ran"] == json.loads(before)["ran"]


def test_it_starts_no_engine(night):
    heavy = ("duckdb", "dbos", "sqlalchemy", "sqlglot", "dlt")
    code = (
        "import sys\nfrom vestry.cli import main\n"
        f"try:\n    main(['status', '-C', {str(night.root)!r}])\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_a_run_by_hand_needs_neither_state_nor_dbos(repairs):
    code = (
        "import sys\nfrom vestry.cli import main\n"
        f"try:\n    main(['run', '-C', {str(repairs.root)!r}])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('dbos', 'sqlalchemy', 'psycopg', 'croniter') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
