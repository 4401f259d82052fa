"""Columns that change: taken, refused or set aside; told with before and after; no row lost."""

from __future__ import annotations

import sqlite3
import zipfile

import pytest

from council import Council

pytestmark = pytest.mark.slow

JOB, REPAIR = "bronze.repairs.job", "housing.repairs.repair"


def with_policy(council: Council, policy: str) -> None:
    council.source("repairs", f'connector: files\npath: drop\ndrift: {policy}\ntables:\n  job:\n    files: "*.csv"\n')


@pytest.fixture
def loaded(repairs: Council) -> Council:
    repairs.good()
    return repairs


def jobs(council: Council) -> list[str]:
    return [r[0] for r in council.rows(f"SELECT job FROM {JOB} ORDER BY job")]


def rejected(council: Council) -> list[tuple[str, str]]:
    return council.rows(f"SELECT _source, reason FROM {JOB}__rejected ORDER BY _source, line")


def told(council: Council, kind: str) -> list[str]:
    return [e.detail for e in council.events if e.kind == kind]


def test_columns_that_change_are_taken_and_told_with_before_and_after(loaded):
    loaded.drop("b.csv", "job,uprn,done,price\nB1,102,2024-03-01,5\n")
    outcome = loaded.good()[JOB]
    assert outcome.facts["drift"]["said"] == "`price` is new, `cost` is gone"
    assert outcome.facts["drift"]["before"] == dict.fromkeys(("job", "uprn", "done", "cost"), "VARCHAR")
    assert outcome.facts["drift"]["after"] == dict.fromkeys(("job", "uprn", "done", "price"), "VARCHAR")
    assert told(loaded, "notice") == ["its columns changed: `price` is new, `cost` is gone"]
    notice = next(e for e in loaded.events if e.kind == "notice")
    assert notice.facts["concerns"] == (REPAIR,)
    assert notice.facts["mend"] == "domains/housing/repairs/repair.sql names `cost`"


def test_the_same_columns_again_are_no_drift(loaded):
    loaded.drop("b.csv", "job,uprn,done,price\nB1,102,2024-03-01,5\n")
    loaded.good()
    loaded.drop("c.csv", "JOB,uprn,done,price\nC1,102,2024-03-01,5\n")
    assert "drift" not in loaded.good()[JOB].facts
    assert told(loaded, "notice") == []


def test_a_frozen_source_loads_nothing_and_says_how_to_take_the_columns(loaded):
    with_policy(loaded, "freeze")
    loaded.drop("b.csv", "job,uprn,done,cost,trade\nB1,102,2024-03-01,5,roof\n")
    before = loaded.version(JOB)
    error = loaded.run()[JOB].error
    assert error is not None
    assert "`trade` is new; nothing was loaded" in error.what
    assert f"vestry accept {JOB}" in error.mend
    assert loaded.version(JOB) == before
    assert told(loaded, "opened") == [error.what]
    done = loaded.cli("accept", JOB)
    assert done.returncode == 0, done.stderr
    assert jobs(loaded) == ["A1", "A2", "B1"]
    loaded.drop("c.csv", "job,uprn,done,cost,trade\nC1,102,2024-03-01,5,roof\n")
    loaded.good()
    assert jobs(loaded) == ["A1", "A2", "B1", "C1"]


def test_what_is_set_aside_leaves_the_rest_and_no_row_is_lost(loaded):
    with_policy(loaded, "quarantine")
    loaded.drop("b.csv", "job,uprn,done,cost\nB1,102,2024-03-01,5\n")
    loaded.drop("c.csv", "job,uprn,done\nC1,102,2024-03-01\nC2,102,2024-03-01\n")
    outcome = loaded.good()[JOB]
    facts = outcome.facts
    assert (facts["rows_in"], facts["loaded"], facts["rejected"]) == (3, 1, 2)
    assert jobs(loaded) == ["A1", "A2", "B1"]
    assert rejected(loaded) == [("c.csv", "the columns changed: `cost` is gone")] * 2
    assert told(loaded, "opened") == ["its columns changed: `cost` is gone; what came so was set aside"]
    assert loaded.plan() == {}
    loaded.good()
    assert (len(rejected(loaded)), told(loaded, "opened")) == (2, [])
    assert loaded.cli("accept", JOB).returncode == 0
    assert jobs(loaded) == ["A1", "A2", "B1", "C1", "C2"]
    assert rejected(loaded) == []
    assert [
        e[0]
        for e in loaded.rows(
            "SELECT event FROM vestry.runs.incident WHERE kind = 'drift' AND event <> 'told' ORDER BY happened_at"
        )
    ] == ["opened", "over"]


def test_a_corrected_file_that_is_set_aside_leaves_the_rows_that_it_brought_before(loaded):
    with_policy(loaded, "quarantine")
    loaded.drop("a.csv", "job,uprn\nA1,1\n")
    loaded.good()
    assert jobs(loaded) == ["A1", "A2"]
    loaded.drop("a.csv", "job,uprn,done,cost\nA9,100,2024-02-28,1\n")
    loaded.good()
    assert (jobs(loaded), rejected(loaded)) == (["A9"], [])


def test_a_table_read_whole_that_is_set_aside_is_not_emptied_and_builds_nothing(council):
    source = "connector: database\nurl: sqlite:///works.sqlite\ndrift: {}\ntables:\n  visit:\n"

    def become(sql: str) -> None:
        con = sqlite3.connect(council.root / "works.sqlite")
        con.executescript(sql)
        con.close()

    become("CREATE TABLE visit (id INTEGER, note TEXT); INSERT INTO visit VALUES (1, 'a'), (2, 'b')")
    council.source("works", source.format("quarantine"))
    council.product("housing.visits", {"id": "logicalType: integer"}, visit_sql="SELECT id FROM bronze.works.visit")
    council.good()
    become("ALTER TABLE visit DROP COLUMN note; INSERT INTO visit VALUES (3)")
    outcomes = council.good()
    visit = outcomes["bronze.works.visit"]
    assert (visit.facts["rows_in"], visit.facts["loaded"], visit.facts["rejected"]) == (3, 0, 3)
    assert outcomes["housing.visits.visit"].detail == "its inputs did not change"
    assert council.one("SELECT count(*) FROM bronze.works.visit") == 2
    assert council.plan() == {}
    assert council.cli("accept", "bronze.works.visit").returncode == 0
    assert council.rows("SELECT id FROM bronze.works.visit ORDER BY id") == [(1,), (2,), (3,)]


def test_a_type_that_changes_is_drift(council):
    con = sqlite3.connect(council.write("works.sqlite", b""))
    con.executescript("CREATE TABLE visit (id INTEGER, cost INTEGER); INSERT INTO visit VALUES (1, 5)")
    con.commit()
    council.source("works", "connector: database\nurl: sqlite:///works.sqlite\ndrift: freeze\ntables:\n  visit:\n")
    council.good()
    con.executescript("DROP TABLE visit; CREATE TABLE visit (id INTEGER, cost TEXT); INSERT INTO visit VALUES (1, 'x')")
    con.close()
    error = council.run()["bronze.works.visit"].error
    assert error is not None
    assert "`cost` was BIGINT and is now VARCHAR" in error.what


def test_an_unknown_policy_is_a_fault_with_its_line(council):
    council.source("repairs", 'connector: files\npath: drop\ndrift: freez\ntables:\n  job: {files: "*.csv"}\n')
    done = council.cli("check")
    assert done.returncode == 2
    assert "sources/repairs.yaml:3: `drift` cannot be `freez`\n    did you mean `freeze`?" in done.stdout


def test_a_table_of_no_source_cannot_be_accepted(loaded):
    done = loaded.cli("accept", "bronze.repairs.jobs")
    assert done.returncode == 2
    assert f"did you mean `{JOB}`?" in done.stderr


def test_a_source_whose_columns_come_back_has_nothing_set_aside_any_more(council):
    source = "connector: database\nurl: sqlite:///works.sqlite\ndrift: quarantine\ntables:\n  visit:\n"
    con = sqlite3.connect(council.write("works.sqlite", b""))
    con.executescript("CREATE TABLE visit (id INTEGER); INSERT INTO visit VALUES (1)")
    council.source("works", source)
    council.good()
    con.executescript("ALTER TABLE visit ADD COLUMN note TEXT")
    council.good()
    assert council.one("SELECT count(*) FROM bronze.works.visit__rejected") == 1
    con.executescript("ALTER TABLE visit DROP COLUMN note")
    con.close()
    council.good()
    assert council.one("SELECT count(*) FROM bronze.works.visit__rejected") == 0
    assert council.one("SELECT count(*) FROM bronze.works.visit") == 1
    assert told(council, "over") == ["its columns changed: `note` is new; what came so was set aside"]


def test_of_an_archive_only_the_file_whose_columns_changed_is_set_aside(loaded):
    with_policy(loaded, "quarantine")
    loaded.source(
        "repairs", (loaded.root / "sources/repairs.yaml").read_text().replace('"*.csv"', '["*.csv", "*.zip"]')
    )
    with zipfile.ZipFile(loaded.root / "drop/week.zip", "w") as archive:
        archive.writestr("mon.csv", "job,uprn,done,cost\nM1,102,2024-03-01,5\n")
        archive.writestr("tue.csv", "job,uprn,done\nT1,102,2024-03-01\n")
    facts = loaded.good()[JOB].facts
    assert (facts["rows_in"], facts["loaded"], facts["rejected"]) == (2, 1, 1)
    assert jobs(loaded) == ["A1", "A2", "M1"]
    assert loaded.plan() == {}
    assert loaded.cli("accept", JOB).returncode == 0
    assert (jobs(loaded), rejected(loaded)) == (["A1", "A2", "M1", "T1"], [])
