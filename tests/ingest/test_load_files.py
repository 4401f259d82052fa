"""Files to bronze: nothing lost, nothing twice."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pytest

from council import Council
from vestry.lake.maintenance import compact
from vestry.project import TableName

pytestmark = pytest.mark.slow

JOB = "bronze.repairs.job"
REJECTED = "bronze.repairs.job__rejected"
LOAD = TableName.parse(JOB)


@pytest.fixture
def jobs(council: Council) -> Council:
    council.files()
    return council


def refs(council: Council) -> list[tuple[str, ...]]:
    return council.rows(f"SELECT ref, _source FROM {JOB} ORDER BY ALL")


def test_rows_in_are_rows_loaded_and_rows_rejected(jobs):
    jobs.drop("a.csv", "ref,cost\nA1,1\nA2,2,3,4\nA3,3\n")
    jobs.good()
    record = jobs.record(JOB)
    loaded, rejected = jobs.one(f"SELECT count(*) FROM {JOB}"), jobs.one(f"SELECT count(*) FROM {REJECTED}")
    assert (record["rows_in"], record["loaded"], record["rejected"]) == (3, loaded, rejected) == (3, 2, 1)
    part = record["parts"][0]
    assert (part["origin"], part["rows_in"], part["loaded"], part["rejected"]) == ("a.csv", 3, 2, 1)
    assert jobs.rows(f"SELECT line, raw, _source FROM {REJECTED}") == [(3, "A2,2,3,4", "a.csv")]


def test_bronze_keeps_what_was_received_and_where_from(jobs):
    jobs.drop("a.csv", "ref,cost\nA1, £1 \n")
    jobs.good()
    assert jobs.rows(f"SELECT ref, trim(cost), _source, _row FROM {JOB}") == [("A1", "£1", "a.csv", 2)]
    assert jobs.one(f"SELECT count(*) FROM {JOB} WHERE _load_id IS NULL OR _loaded_at IS NULL") == 0


def test_the_same_file_loads_once_also_by_another_name(jobs):
    jobs.drop("a.csv", "ref\nA1\n")
    jobs.good()
    before = jobs.versions()
    jobs.drop("copy of a.csv", "ref\nA1\n")
    assert jobs.good()[JOB].status == "skipped"
    assert jobs.versions() == before
    jobs.drop("b.csv", "ref\nB1\n")
    jobs.drop("b2.csv", "ref\nB1\n")
    jobs.good()
    assert refs(jobs) == [("A1", "a.csv"), ("B1", "b.csv")]


def test_a_file_added_later_adds_its_rows(jobs):
    jobs.drop("a.csv", "ref\nA1\n")
    jobs.good()
    jobs.drop("b.csv", "ref\nB1\n")
    assert jobs.plan() == {JOB: "1 file to load"}
    jobs.good()
    assert refs(jobs) == [("A1", "a.csv"), ("B1", "b.csv")]


@pytest.mark.parametrize("compacted", [False, True])
def test_a_corrected_file_replaces_its_rows_and_its_rejected_rows(jobs, compacted):
    jobs.drop("a.csv", "ref,cost\nA1,1\nA2,2,3,4\nA9,9\n")
    jobs.drop("b.csv", "ref,cost\nB1,1\nB2,2,3,4\nB9,9\n")
    jobs.drop("c.csv", "ref,cost\nC1,1\n")
    jobs.good()
    if compacted:
        jobs.drop("d.csv", "ref,cost\nD1,1\n")
        jobs.good()
        compact(jobs.lake, LOAD)
    jobs.drop("a.csv", "ref,cost\nA1,1\nA2,2\nA4,4\n")
    jobs.good()
    others = [("D1", "d.csv")] if compacted else []
    assert refs(jobs) == [
        ("A1", "a.csv"), ("A2", "a.csv"), ("A4", "a.csv"), ("B1", "b.csv"), ("B9", "b.csv"), ("C1", "c.csv"), *others,
    ]  # fmt: skip
    assert jobs.rows(f"SELECT _source FROM {REJECTED}") == [("b.csv",)]


def test_a_file_renamed_and_followed_by_another_of_its_old_name_is_not_lost(jobs):
    january = jobs.drop("latest.csv", "ref\nJan\n")
    jobs.good()
    january.rename(january.with_name("2024-01.csv"))
    jobs.drop("latest.csv", "ref\nFeb\n")
    jobs.good()
    assert refs(jobs) == [("Feb", "latest.csv"), ("Jan", "2024-01.csv")]


def test_a_file_that_becomes_a_copy_of_another_gives_its_rows_up(jobs):
    jobs.drop("a.csv", "ref\nX\n")
    jobs.drop("b.csv", "ref\nY\n")
    jobs.good()
    jobs.drop("b.csv", "ref\nX\n")
    jobs.good()
    assert refs(jobs) == [("X", "a.csv")]
    assert jobs.plan() == {}


@pytest.mark.slow
def test_whatever_happens_to_files_the_table_holds_each_content_once(jobs):
    """Many random days of writing, copying and renaming end as one load of the folder as it is."""
    chance = random.Random(11)
    names, contents = ["a.csv", "b.csv", "c.csv"], ["P", "Q", "R", "S"]
    folder = jobs.root / "drop"
    for _ in range(12):
        for _ in range(chance.randint(1, 3)):
            jobs.drop(chance.choice(names), f"ref\n{chance.choice(contents)}\n")
        jobs.good()
        there = {f.read_text().splitlines()[1] for f in folder.glob("*.csv")}
        assert sorted(r[0] for r in refs(jobs)) == sorted(there)
        assert jobs.plan() == {}


def test_a_file_taken_away_leaves_its_rows(jobs):
    file = jobs.drop("a.csv", "ref\nA1\n")
    jobs.drop("b.csv", "ref\nB1\n")
    jobs.good()
    file.unlink()
    jobs.drop("c.csv", "ref\nC1\n")
    jobs.good()
    assert [r[0] for r in refs(jobs)] == ["A1", "B1", "C1"]


def test_columns_gone_and_new_are_null_where_they_lack(jobs):
    jobs.drop("a.csv", "ref,cost\nA1,1\n")
    jobs.good()
    jobs.drop("b.csv", "ref,colour\nB1,red\n")
    jobs.good()
    assert jobs.rows(f"SELECT ref, cost, colour FROM {JOB} ORDER BY ref") == [("A1", "1", None), ("B1", None, "red")]


def test_headers_that_drift_come_to_one_name(jobs):
    jobs.source(
        "repairs",
        """\
        connector: files
        path: drop
        tables:
          job:
            files: "*.csv"
            columns: {ref: [ref, Job No], cost: [cost, Price]}
        """,
    )
    jobs.drop("a.csv", "ref,cost\nA1,1\n")
    jobs.drop("b.csv", "Job No,Price\nB1,2\n")
    jobs.good()
    assert jobs.rows(f"SELECT ref, cost FROM {JOB} ORDER BY ref") == [("A1", "1"), ("B1", "2")]


def test_a_new_way_of_reading_reads_files_again(jobs):
    jobs.drop("a.csv", "ref,cost\nA1,1\n")
    jobs.good()
    jobs.source(
        "repairs",
        'connector: files\npath: drop\ntables:\n  job:\n    files: "*.csv"\n    columns: {job: [ref]}\n',
    )
    jobs.good()
    assert jobs.rows(f"SELECT job FROM {JOB}") == [("A1",)]


def test_a_header_without_rows_makes_an_empty_table(jobs):
    jobs.drop("a.csv", "ref,cost\n")
    jobs.good()
    assert jobs.rows(f"SELECT ref, cost FROM {JOB}") == []
    assert jobs.record(JOB)["rows_in"] == 0
    jobs.drop("b.csv", "ref,cost\nB1,1\n")
    jobs.good()
    assert jobs.rows(f"SELECT ref, cost FROM {JOB}") == [("B1", "1")]


def test_an_empty_file_among_good_ones_is_named_and_loads_nothing(jobs):
    jobs.drop("a.csv", "ref\nA1\n")
    jobs.good()
    jobs.drop("b.csv", "")
    outcome = jobs.run()[JOB]
    assert outcome.status == "failed"
    assert "b.csv" in str(outcome.error)
    assert [r[0] for r in refs(jobs)] == ["A1"]
    assert not list((jobs.root / ".vestry" / "work").glob("*"))


def test_a_load_that_fails_leaves_no_file_behind(jobs):
    jobs.drop("a.csv", "ref\nA1\n")
    jobs.good()
    before = set(jobs.folder(JOB).iterdir())
    jobs.drop("b.csv", "ref\nB1\n")
    jobs.drop("c.csv", "")
    assert jobs.run()[JOB].status == "failed"
    assert set(jobs.folder(JOB).iterdir()) == before


def parquet(path: Path, select: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.sql(select).write_parquet(str(path))


def test_a_typed_column_whose_type_changes_keeps_what_fits_and_rejects_the_rest(council):
    council.files(glob="*.parquet")
    drop = council.root / "drop"
    parquet(drop / "a.parquet", "SELECT 1::INTEGER AS n, DATE '2024-01-31' AS d")
    council.good()
    parquet(drop / "b.parquet", "SELECT * FROM (VALUES ('2', '2024-02-01'), ('two', 'soon')) AS t(n, d)")
    council.good()
    assert council.rows(f"SELECT n::VARCHAR, d::VARCHAR FROM {JOB} ORDER BY 1") == [
        ("1", "2024-01-31"),
        ("2", "2024-02-01"),
    ]
    record = council.record(JOB)
    assert (record["rows_in"], record["loaded"], record["rejected"]) == (2, 1, 1)
    ((reason, raw),) = council.rows(f"SELECT reason, raw FROM {REJECTED}")
    assert "n was INTEGER and is now VARCHAR" in reason
    assert "two" in raw


@pytest.mark.parametrize(
    "value",
    [
        "TIMESTAMP_NS '2024-01-31 10:00:00.123456789'",
        "TIMESTAMP '2024-01-31 10:00:00.5'",
        "TIME '10:00:00'",
        "18446744073709551615::UBIGINT",
        "170141183460469231731687303715884105727::HUGEINT // 100",
        "uuid()",
        "{'a': 1, 'b': 'x'}",
        "[1, 2]",
        "[{'a': 1}]",
        "MAP {'k': 1}",
        "INTERVAL 3 DAY",
        "'x'::BLOB",
        "1.5::FLOAT",
        "'nan'::DOUBLE",
        "3::TINYINT",
    ],
)
def test_values_of_every_type_are_kept_the_same_way_each_time(council, value):
    council.files(glob="*.parquet")
    for name in ("a", "b"):
        parquet(council.root / "drop" / f"{name}.parquet", f"SELECT '{name}' AS file, v FROM (SELECT {value} AS v)")
        council.good()
    assert council.record(JOB)["rejected"] == 0
    texts = council.rows(f"SELECT v::VARCHAR FROM {JOB} ORDER BY file")
    assert len(texts) == 2
    if value != "uuid()":
        assert texts[0] == texts[1]


def test_columns_that_differ_in_case_are_one(council):
    council.files(glob="*.parquet")
    parquet(council.root / "drop" / "a.parquet", 'SELECT 1 AS "Ref"')
    council.good()
    parquet(council.root / "drop" / "b.parquet", 'SELECT 2 AS "ref"')
    council.good()
    assert council.rows(f"SELECT ref FROM {JOB} ORDER BY 1") == [(1,), (2,)]


def test_an_old_file_format_that_is_none_is_an_error_without_values(jobs):
    jobs.drop("a.csv", b"PK\x03\x04 Zebedee Quillfeather")
    outcome = jobs.run()[JOB]
    assert outcome.status == "failed"
    assert "Zebedee" not in str(outcome.error)


def test_a_folder_that_is_not_there_says_where_to_look(jobs):
    (jobs.root / "drop").rmdir()
    outcome = jobs.run()[JOB]
    assert outcome.error is not None
    assert "is not there" in outcome.error.what
    assert outcome.error.where.startswith("sources/repairs.yaml:")


def test_rejected_rows_of_a_load_that_was_killed_are_not_kept_twice(jobs):
    """The rejected rows are published first; a crash right after must leave no trace once the load is done again."""
    jobs.drop("a.csv", "ref,cost\nA1,1\nA2,2,3,4\n")
    jobs.good()
    lake = jobs.lake
    rejected = TableName.parse(REJECTED)
    con = jobs.open().engine.cursor()
    select = (
        "SELECT 7::BIGINT AS line, 'B7,7,7,7' AS raw, 'x' AS reason, 'killed' AS _load_id, now() AS _loaded_at, "
        "'b.csv' AS _source"
    )
    lake.publish(lake.stage(con, rejected, select), skip_by=("_load_id", "_loaded_at", "_source"))
    jobs.drop("c.csv", "ref,cost\nC1,1\n")
    jobs.good()
    assert jobs.rows(f"SELECT _source FROM {REJECTED}") == [("a.csv",)]
