"""Write what a query gives, as a system would: into a SQLite database or as delimited files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb


def count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """The number of rows of ``query``."""
    row = con.execute(f"SELECT count(*) FROM ({query})").fetchone()
    assert row is not None
    return int(row[0])


def to_sqlite(con: duckdb.DuckDBPyConnection, path: Path, ddl: str, queries: dict[str, str]) -> dict[str, int]:
    """Create the database ``path`` by ``ddl`` and fill each table from its query, in its order; rows by table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.executescript(ddl)
    con.execute(f"ATTACH '{_quoted(path)}' AS target (TYPE sqlite)")
    try:
        for table, query in queries.items():
            con.execute(f'INSERT INTO target."{table}" {query}')
        return {table: count(con, f'SELECT 1 FROM target."{table}"') for table in queries}
    finally:
        con.execute("DETACH target")


def to_csv(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    query: str,
    *,
    delimiter: str = ",",
    date_format: str = "%Y-%m-%d",
    encoding: str = "utf-8",
    line_end: str = "\n",
) -> int:
    """Write the rows of ``query`` with a header to ``path``; return their number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = con.execute(
        f"COPY ({query}) TO '{_quoted(path)}' (HEADER, DELIMITER '{delimiter}', DATEFORMAT '{date_format}')"
    ).fetchone()
    assert rows is not None
    if encoding != "utf-8" or line_end != "\n":
        text = path.read_text(encoding="utf-8")
        path.write_bytes(text.replace("\n", line_end).encode(encoding, errors="replace"))
    return int(rows[0])


def months(con: duckdb.DuckDBPyConnection) -> list[tuple[int, int, str]]:
    """The months of the two years as (position from 0, number of months, 'YYYY-MM'), oldest first."""
    rows = con.execute(
        """SELECT strftime(m, '%Y-%m') FROM range(getvariable('start')::TIMESTAMP,
           getvariable('today')::TIMESTAMP + INTERVAL 1 DAY, INTERVAL 1 MONTH) r (m) ORDER BY m"""
    ).fetchall()
    return [(i, len(rows), month) for i, (month,) in enumerate(rows)]


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
