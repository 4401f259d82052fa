"""Stage, publish, and what a table remembers."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import duckdb
import pytest

from vestry.lake import DATA, Engine, Lake
from vestry.lake.maintenance import compact, restore, vacuum
from vestry.lake.rewrite import touched
from vestry.project import DataError, TableName, VestryError

pytestmark = pytest.mark.slow


def publish(lake: Lake, con: duckdb.DuckDBPyConnection, table: TableName, select: str, **how: object) -> int:
    with lake.lock(table):
        return lake.publish(lake.stage(con, table, select), **how)  # type: ignore[arg-type]


def rows(engine: Engine, table: TableName, version: int | None = None) -> list[tuple[object, ...]]:
    return engine.cursor().execute(f"SELECT * FROM {engine.relation(table, version)} ORDER BY ALL").fetchall()


def test_what_is_staged_is_not_seen_until_it_is_published(lake, engine, con, table):
    publish(lake, con, table, "SELECT 1 AS a")
    staged = lake.stage(con, table, "SELECT 2 AS a")
    assert rows(engine, table) == [(1,)]
    assert con.execute(f"SELECT * FROM {staged.relation()}").fetchall() == [(2,)]
    lake.publish(staged)
    assert rows(engine, table) == [(1,), (2,)]


def test_what_is_discarded_leaves_no_file(lake, con, table):
    publish(lake, con, table, "SELECT 1 AS a")
    before = set(Path(lake.uri(table)).rglob("*"))
    lake.discard(lake.stage(con, table, "SELECT 2 AS a"))
    assert set(Path(lake.uri(table)).rglob("*")) == before


def test_a_select_that_fails_half_way_leaves_no_file(lake, con, table):
    publish(lake, con, table, "SELECT 1::BIGINT AS a")
    before = set(Path(lake.uri(table)).rglob("*"))
    with pytest.raises(duckdb.Error):
        lake.stage(con, table, "SELECT CASE WHEN i = 1999999 THEN error('x') ELSE i END AS a FROM range(2000000) t(i)")
    assert set(Path(lake.uri(table)).rglob("*")) == before


def test_replacing_all_may_change_the_columns_and_their_types(lake, engine, con, table):
    publish(lake, con, table, "SELECT 1 AS a, 'x' AS b, 2 AS gone")
    publish(lake, con, table, "SELECT DATE '2024-01-01' AS a, 'y' AS b, 3.5::DOUBLE AS new", replace=True)
    assert lake.columns(table) == {"a": "DATE", "b": "VARCHAR", "new": "DOUBLE"}
    assert [r[1:] for r in rows(engine, table)] == [("y", 3.5)]
    assert rows(engine, table, 0) == [(1, "x", 2)]


def test_replacing_named_files_keeps_the_others(lake, engine, con, table):
    publish(lake, con, table, "SELECT 1 AS a")
    publish(lake, con, table, "SELECT 2 AS a")
    found = touched(lake, con, table, "a = 1")
    assert found is not None
    publish(lake, con, table, "SELECT 10 AS a", replace=found.files)
    assert rows(engine, table) == [(2,), (10,)]


def test_replacing_a_file_that_is_not_there_is_refused(lake, engine, con, table):
    publish(lake, con, table, "SELECT 1 AS a")
    staged = lake.stage(con, table, "SELECT 2 AS a")
    with pytest.raises(DataError, match="changed"):
        lake.publish(staged, replace=["part-of-nobody.parquet"])
    assert rows(engine, table) == [(1,)]


def test_an_append_with_a_new_column_widens_the_table(lake, engine, con, table):
    publish(lake, con, table, "SELECT 1 AS a")
    publish(lake, con, table, "SELECT 2 AS a, 'x' AS b")
    publish(lake, con, table, "SELECT 3 AS a")
    assert rows(engine, table) == [(1, None), (2, "x"), (3, None)]


@pytest.mark.parametrize("name", ['Tenant\'s "Name"', "a b", "naïve", "a,b", "Straße (alt)"])
def test_columns_may_have_any_name(lake, engine, con, table, name):
    quoted = '"' + name.replace('"', '""') + '"'
    publish(lake, con, table, f"SELECT 1 AS {quoted}, 'x' AS k", skip_by=["k"])
    publish(lake, con, table, f"SELECT 2 AS {quoted}, 'y' AS k", skip_by=["k"])
    found = touched(lake, con, table, "k = 'x'")
    assert found is not None
    assert con.execute(found.kept).fetchall() == []
    compact(lake, table)
    assert rows(engine, table) == [(1, "x"), (2, "y")]


@pytest.mark.parametrize(
    "value",
    [
        "TIMESTAMPTZ 'infinity'",
        "DATE 'infinity'",
        "TIMESTAMPTZ '0044-03-15 (BC) 00:00:00+00'",
        "DATE '0044-03-15 (BC)'",
        "TIMESTAMPTZ '12024-01-01 00:00:00+00'",
        "DATE '12024-01-01'",
        "TIMESTAMP '2024-01-01 10:00:00.123456'",
        "'x'::VARCHAR",
        "chr(0)",
        "repeat('é', 40)",
    ],
)
def test_unusual_values_can_be_written_with_statistics(lake, engine, con, table, value):
    publish(lake, con, table, f"SELECT {value} AS a, 1 AS n", skip_by=["a", "n"])
    found = con.execute(f"SELECT n FROM {engine.relation(table)} WHERE a = {value}").fetchall()
    assert found == [(1,)]
    publish(lake, con, table, f"SELECT {value} AS a, 2 AS n", skip_by=["a", "n"])
    if value != "DATE 'infinity'":
        compact(lake, table)
    assert con.execute(f"SELECT count(*) FROM {engine.relation(table)} WHERE a = {value}").fetchone() == (2,)


def test_a_compaction_that_fails_leaves_the_table_as_it_was(lake, engine, con, table):
    for _ in range(2):
        publish(lake, con, table, "SELECT DATE 'infinity' AS a", skip_by=["a"])
    with pytest.raises(DataError, match="could not be compacted"):
        compact(lake, table)
    assert lake.existing(table).version() == 1
    assert con.execute(f"SELECT count(*) FROM {engine.relation(table)}").fetchone() == (2,)


def test_marks_are_of_the_commit_and_survive_compaction_and_checkpoints(lake, con, table):
    for n in range(12):
        publish(lake, con, table, f"SELECT {n} AS a", marks={"cursor": n, f"file:{n}.csv": n})
    compact(lake, table)
    lake.existing(table).create_checkpoint()
    assert lake.mark(table, "cursor") == 11
    assert [lake.mark(table, f"file:{n}.csv") for n in range(12)] == list(range(12))
    assert lake.mark(table, "nobody's") is None


def test_compaction_does_not_change_the_data_nor_its_mark(lake, engine, con, table):
    for n in range(5):
        publish(lake, con, table, f"SELECT {n} AS a")
    before, mark = rows(engine, table), lake.mark(table, DATA)
    assert compact(lake, table) == (5, 1)
    assert rows(engine, table) == before
    assert lake.mark(table, DATA) == mark


def test_history_tells_of_every_version_newest_first(lake, con, table):
    publish(lake, con, table, "SELECT 1 AS a", record={"kind": "build", "rows": 1})
    publish(lake, con, table, "SELECT 2 AS a", record={"kind": "build", "rows": 2})
    found = lake.history(table)
    assert [(v.version, v.record["rows"]) for v in found] == [(1, 2), (0, 1)]
    assert lake.version_at(table, found[1].at) == 0
    with pytest.raises(VestryError, match="did not exist"):
        lake.version_at(table, found[1].at.replace(year=2001))


def test_restore_brings_an_earlier_version_back_as_a_new_one(lake, engine, con, table):
    publish(lake, con, table, "SELECT 1 AS a")
    publish(lake, con, table, "SELECT 2 AS a, 3 AS b", replace=True)
    before = lake.mark(table)
    assert restore(lake, table, 0) == 2
    assert rows(engine, table) == [(1,)]
    assert rows(engine, table, 1) == [(2, 3)]
    assert (lake.mark(table) or 0) > (before or 0)
    with pytest.raises(VestryError, match="has no version 9"):
        restore(lake, table, 9)


def test_restore_to_a_version_whose_files_are_gone_says_so(lake, engine, con, table):
    publish(lake, con, table, "SELECT 1 AS a")
    publish(lake, con, table, "SELECT 2 AS a", replace=True)
    lake.existing(table).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    with pytest.raises(VestryError, match="no longer"):
        restore(lake, table, 0)
    assert rows(engine, table) == [(2,)]


def test_vacuum_refuses_a_retention_that_readers_would_feel(lake, con, table):
    publish(lake, con, table, "SELECT 1 AS a")
    with pytest.raises(VestryError, match="not safe"):
        vacuum(lake, table, hours=1)


def test_vacuum_removes_old_orphans_and_leaves_young_ones(lake, engine, con, table, age_file):
    publish(lake, con, table, "SELECT 1 AS a")
    old, young = lake.stage(con, table, "SELECT 2 AS a"), lake.stage(con, table, "SELECT 3 AS a")
    folder = Path(lake.uri(table))
    age_file(folder / old.files[0].name, days=60)
    assert vacuum(lake, table) == 1
    assert not (folder / old.files[0].name).exists()
    assert (folder / young.files[0].name).exists()
    assert rows(engine, table) == [(1,)]


def _append(location: str, state: str, n: int, start: object) -> None:
    lake = Lake(location, Path(state))
    table = TableName("housing", "repairs", "repair")
    con = Engine(lake, memory_limit="200MB", threads=1).cursor()
    start.wait()  # type: ignore[attr-defined]
    for i in range(5):
        with lake.lock(table):
            seen = lake.mark(table, "count") or 0
            lake.publish(lake.stage(con, table, f"SELECT {n * 10 + i} AS a"), marks={"count": seen + 1})


@pytest.mark.slow
def test_processes_that_wait_for_the_lock_each_append_once(tmp_path, lake, engine, table):
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Barrier(4)
    several = [spawn.Process(target=_append, args=(lake.location, str(tmp_path / "state"), n, start)) for n in range(4)]
    for process in several:
        process.start()
    for process in several:
        process.join(60)
    assert [p.exitcode for p in several] == [0, 0, 0, 0]
    assert rows(engine, table) == [(n * 10 + i,) for n in range(4) for i in range(5)]
    assert lake.mark(table, "count") == 20


def test_a_lock_that_is_not_given_is_an_error_that_names_the_table(lake, table):
    other = Lake(lake.location, lake._locks.parent).lock(table, seconds=0.2)
    with lake.lock(table), pytest.raises(DataError, match=r"housing\.repairs\.repair is being written"), other:
        pass


def test_the_log_holds_no_value_of_a_personal_column(lake, con, table):
    people = "SELECT * FROM (VALUES ('Zebedee Quillfeather', 1), ('Ottoline Brackenbury', 2)) AS p(name, n)"
    for _ in range(3):
        publish(lake, con, table, people, skip_by=["n"])
    compact(lake, table)
    lake.existing(table).create_checkpoint()
    log = b"".join(f.read_bytes() for f in Path(lake.uri(table), "_delta_log").iterdir())
    assert b"numRecords" in log
    for name in (b"Zebedee", b"Quillfeather", b"Ottoline", b"Brackenbury"):
        assert name not in log


def test_a_table_that_is_made_personal_later_gets_no_more_statistics(lake, con, table):
    publish(lake, con, table, "SELECT 'Zebedee' AS name, 1 AS n", skip_by=["n", "name"])
    publish(lake, con, table, "SELECT 'Quillfeather' AS name, 1 AS n", skip_by=["n"])
    log = "".join(f.read_text() for f in Path(lake.uri(table), "_delta_log").glob("*.json"))
    assert "Quillfeather" not in log


def test_compaction_keeps_to_the_size_that_a_table_was_written_with(lake, con, table):
    select = "SELECT i AS id, md5(i::VARCHAR) AS ref, md5((i + 1)::VARCHAR) AS note FROM range(300000) AS r(i)"
    lake.publish(lake.stage(con, table, select, file_size=2**20))
    before, after = compact(lake, table)
    assert before == after > 1
