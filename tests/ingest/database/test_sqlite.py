"""SQLite to bronze: whole, or by a cursor."""

from __future__ import annotations

import sqlite3

import pytest

from council import Council

pytestmark = pytest.mark.slow

JOB = "bronze.works.job"
REJECTED = "bronze.works.job__rejected"


class Works:
    """A council with one SQLite system."""

    def __init__(self, council: Council) -> None:
        self.council = council
        self.file = council.root / "works.sqlite"
        self.read()

    def read(self, more: str = "", table: str = "job") -> None:
        spec = f"{{{more}}}" if more else ""
        self.council.source("works", f"connector: database\nurl: sqlite:///works.sqlite\ntables:\n  {table}: {spec}\n")

    def sql(self, *statements: str) -> None:
        con = sqlite3.connect(self.file)
        for statement in statements:
            con.execute(statement)
        con.commit()
        con.close()

    def rows(self, columns: str = "id, name") -> list[tuple[object, ...]]:
        return self.council.rows(f"SELECT {columns} FROM {JOB} ORDER BY ALL")


@pytest.fixture
def works(council: Council) -> Works:
    made = Works(council)
    made.sql("CREATE TABLE job (id INTEGER PRIMARY KEY, name TEXT, at TEXT)")
    made.sql("INSERT INTO job VALUES (1, 'a', '2024-01-01'), (2, 'b', '2024-01-02')")
    return made


def test_a_table_is_read_whole_and_replaced_whole(works):
    works.council.good()
    assert works.rows() == [(1, "a"), (2, "b")]
    works.sql("DELETE FROM job WHERE id = 1", "INSERT INTO job VALUES (3, 'c', '2024-01-03')")
    works.council.good()
    assert works.rows() == [(2, "b"), (3, "c")]
    record = works.council.record(JOB)
    assert (record["rows_in"], record["loaded"], record["rejected"]) == (2, 2, 0)


def test_an_unchanged_table_makes_no_new_version(works):
    works.council.good()
    before = works.council.versions()
    works.council.good()
    assert works.council.versions() == before


def test_a_change_elsewhere_in_the_file_makes_no_new_data(works):
    works.council.product("housing.jobs", {"id": "logicalType: integer"}, job_sql="SELECT id FROM bronze.works.job")
    works.council.good()
    built = works.council.version("housing.jobs.job")
    works.sql("CREATE TABLE other (x)")
    assert works.council.good()[JOB].status == "skipped"
    assert works.council.version("housing.jobs.job") == built
    assert works.council.plan() == {}


def test_a_change_in_the_write_ahead_log_is_seen(works):
    works.sql("PRAGMA journal_mode=WAL")
    works.council.good()
    keep = sqlite3.connect(works.file)
    keep.execute("INSERT INTO job VALUES (3, 'c', '2024-01-03')")
    keep.commit()
    try:
        works.council.good()
        assert works.rows() == [(1, "a"), (2, "b"), (3, "c")]
    finally:
        keep.close()


def test_by_a_cursor_only_what_is_new_is_added(works):
    works.read("cursor: at")
    works.council.good()
    works.sql(
        "INSERT INTO job VALUES (3, 'c', '2024-01-03')", "UPDATE job SET name = 'A', at = '2024-01-04' WHERE id = 1"
    )
    works.council.good()
    assert works.rows() == [(1, "A"), (1, "a"), (2, "b"), (3, "c")]
    record = works.council.record(JOB)
    assert (record["loaded"], record["parts"][0]["since"]) == (2, "2024-01-02")
    works.sql("INSERT INTO job VALUES (5, 'same moment', '2024-01-04')")
    works.council.good()
    assert (5, "same moment") in works.rows()
    assert len(works.rows()) == 5


@pytest.mark.parametrize("kind", ["INTEGER", "TEXT", "REAL", "TIMESTAMP"])
def test_a_cursor_may_be_of_any_type(council, kind):
    works = Works(council)
    works.read("cursor: at")
    moments = {
        "INTEGER": ["9", "10"],
        "TEXT": ["'9'", "'10'"],
        "REAL": ["1.5", "10.25"],
        "TIMESTAMP": ["'2024-01-01 10:00:00'", "'2024-01-01 10:00:00.5'"],
    }[kind]
    works.sql(f"CREATE TABLE job (id INTEGER, name TEXT, at {kind})", f"INSERT INTO job VALUES (1, 'a', {moments[0]})")
    council.good()
    works.sql(f"INSERT INTO job VALUES (2, 'b', {moments[1]})")
    council.good()
    assert works.rows() == [(1, "a"), (2, "b")]
    works.sql("CREATE TABLE other (x)")
    council.good()
    assert works.rows() == [(1, "a"), (2, "b")]


def test_a_value_of_another_type_is_kept_as_text(works):
    works.sql("CREATE TABLE loose (id INTEGER, n INTEGER)", "INSERT INTO loose VALUES (1, 5), (2, 'five')")
    works.read("table: loose")
    works.council.good()
    assert works.rows("id::VARCHAR, n::VARCHAR") == [("1", "5"), ("2", "five")]


def test_a_value_of_another_type_that_comes_later_is_rejected_with_the_reason(works):
    works.sql("CREATE TABLE loose (id INTEGER, n INTEGER)", "INSERT INTO loose VALUES (1, 5)")
    works.read("table: loose")
    works.council.good()
    works.sql("INSERT INTO loose VALUES (2, 'five')")
    works.council.good()
    assert works.rows("id, n") == [(1, 5)]
    record = works.council.record(JOB)
    assert (record["rows_in"], record["loaded"], record["rejected"]) == (2, 1, 1)
    assert "n was BIGINT and is now VARCHAR" in works.council.one(f"SELECT reason FROM {REJECTED}")
    works.sql("DELETE FROM loose WHERE id = 2")
    works.council.good()
    assert works.council.rows(f"SELECT * FROM {REJECTED}") == []


def test_a_column_gone_and_a_new_one(works):
    works.council.good()
    works.sql("ALTER TABLE job DROP COLUMN name", "ALTER TABLE job ADD COLUMN colour TEXT DEFAULT 'red'")
    works.council.good()
    assert works.rows("id, colour") == [(1, "red"), (2, "red")]


def test_columns_of_names_that_are_out_of_the_ordinary(works):
    works.sql(
        """CREATE TABLE odd ("Tenant's ""N"" ame" TEXT, "_row" INTEGER, "_load_id" TEXT, "Re f" TEXT, rowid TEXT)""",
        "INSERT INTO odd VALUES ('Jo', 7, 'x', 'y', 'z')",
    )
    works.read("table: odd")
    works.council.good()
    works.sql("INSERT INTO odd VALUES ('Al', 8, 'x', 'y', 'z')")
    works.council.good()
    assert works.council.rows(
        f"""SELECT "Tenant's ""N"" ame", "_row_", "_load_id_", "Re f", rowid FROM {JOB} ORDER BY 2"""
    ) == [("Jo", 7, "x", "y", "z"), ("Al", 8, "x", "y", "z")]


def test_a_view_and_a_table_without_row_ids_can_be_read(works):
    works.sql("CREATE VIEW seen AS SELECT * FROM job")
    works.sql("CREATE TABLE bare (id INTEGER PRIMARY KEY, name TEXT) WITHOUT ROWID", "INSERT INTO bare VALUES (7, 'x')")
    works.read("table: seen")
    works.council.good()
    assert works.rows() == [(1, "a"), (2, "b")]
    works.read("table: bare")
    works.council.good()
    assert works.rows() == [(7, "x")]


def test_an_empty_table_empties_bronze(works):
    works.council.good()
    works.sql("DELETE FROM job")
    works.council.good()
    assert works.rows() == []


def test_several_tables_of_one_file_load_side_by_side(works):
    tables = [f"t{n}" for n in range(6)]
    works.sql(*(f"CREATE TABLE {t} AS SELECT * FROM job" for t in tables))
    listed = "\n".join(f"  {t}: {{table: {t}}}" for t in tables)
    works.council.source("works", f"connector: database\nurl: sqlite:///works.sqlite\ntables:\n{listed}\n")
    works.council.source("works_t0", f"connector: database\nurl: sqlite:///works.sqlite\ntables:\n{listed}\n")
    works.council.write("vestry.toml", '[council]\nname = "T"\n[engine]\nparallel = 4\n')
    outcomes = works.council.good()
    assert {o.status for o in outcomes.values()} == {"done"}
    assert len(outcomes) == 12


@pytest.mark.parametrize(
    ("spec", "table", "said", "mend"),
    [
        ("", "jobs", "no table `jobs`", "did you mean `job`?"),
        ("cursor: changed", "job", "no column `changed`", "known: at, id, name"),
        ("columns: [id, nam]", "job", "no column `nam`", "did you mean `name`?"),
    ],
)
def test_a_missing_table_or_column_is_named_with_the_nearest(works, spec, table, said, mend):
    works.read(spec, table)
    (outcome,) = works.council.run().values()
    assert outcome.error is not None
    assert said in outcome.error.what
    assert outcome.error.mend == mend
    assert outcome.error.where.startswith("sources/works.yaml:")


def test_a_file_that_is_no_database_is_said_to_be_none(works):
    works.file.write_bytes(b"name,id\nZebedee,1\n" * 100)
    (outcome,) = works.council.run().values()
    assert outcome.error is not None
    assert "works.sqlite is not an SQLite database" in str(outcome.error)
    works.file.unlink()
    (outcome,) = works.council.run().values()
    assert outcome.error is not None
    assert "is not there" in str(outcome.error)


def test_a_damaged_database_loads_nothing_and_shows_no_value(works):
    works.sql(
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
        "INSERT INTO job SELECT i, 'Zebedee', 'x' FROM n"
    )
    works.council.good()
    data = bytearray(works.file.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    works.file.write_bytes(data)
    (outcome,) = works.council.run().values()
    assert outcome.status == "failed"
    assert "Zebedee" not in str(outcome.error)
    assert works.council.one(f"SELECT count(*) FROM {JOB}") == 4993


def test_restoring_bronze_then_loading_the_same_content_brings_it_back(works):
    """The table is as the source says after the next load, whatever it was put back to before."""
    from vestry.lake.maintenance import restore
    from vestry.project import TableName

    works.council.good()
    works.sql("INSERT INTO job VALUES (3, 'c', '2024-01-03')")
    works.council.good()
    restore(works.council.lake, TableName.parse(JOB), 0)
    works.sql("CREATE TABLE other (x)")
    works.council.good()
    assert works.rows() == [(1, "a"), (2, "b"), (3, "c")]
