"""The engine of one answer opens the files of one release, and nothing else, for a limited time."""

from __future__ import annotations

import duckdb
import pytest

from vestry.lake.engine import extension
from vestry.project import literal
from vestry.serve.rows.engine import TooLong, locked, timed


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    for name in ("mine", "other"):
        duckdb.sql("SELECT 1 AS a").write_parquet(str(folder / f"{name}.parquet"))
    with locked([str(folder / "mine.parquet")], folder / "spill") as con:
        yield con, folder


def test_it_reads_its_own_files(engine):
    con, folder = engine
    assert con.execute(f"SELECT a FROM read_parquet('{folder}/mine.parquet')").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "FROM read_parquet('{folder}/other.parquet')",
        "FROM read_parquet('{folder}/*.parquet')",
        "FROM read_parquet('{folder}/../release0/other.parquet')",
        "FROM read_text('/etc/passwd')",
        "FROM glob('/etc/*')",
        "FROM read_csv('http://127.0.0.1:9/x.csv')",
        "COPY (SELECT 1) TO '{folder}/out.parquet'",
        "ATTACH '{folder}/x.db'",
        "INSTALL httpfs",
        "LOAD {sqlite}",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/etc/passwd']",
        "SET lock_configuration = false",
        "RESET memory_limit",
    ],
)
def test_it_opens_nothing_else_and_stays_locked(engine, sql):
    con, folder = engine
    with pytest.raises(duckdb.Error):
        con.execute(sql.format(folder=folder, sqlite=literal(str(extension("sqlite_scanner"))))).fetchall()


def test_what_takes_too_long_is_stopped(engine):
    con, _ = engine
    with pytest.raises(TooLong), timed(con, 0.2):
        con.execute("SELECT count(*) FROM range(10_000_000_000) a, range(1_000) b").fetchall()
    assert con.execute("SELECT 1").fetchall() == [(1,)], "and the next question is answered"
