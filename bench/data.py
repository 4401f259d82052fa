"""The input of the benchmarks: invented, and the same each time."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import duckdb

WORK = Path(__file__).parent / "work"
ROWS = 5_000_000

#: Nine columns as a council's system exports them; about 140 bytes a row.
_ROW = """
    SELECT i AS id, 'name ' || (hash(i) % 100000) AS name, md5(i::VARCHAR) AS ref,
           ((hash(i * 7) % 1000000) / 100)::DECIMAL(18,2) AS amount,
           DATE '2020-01-01' + (hash(i * 3) % 2000)::INT AS day, 'cat' || (hash(i * 11) % 50) AS category,
           'note for row ' || i || ' and ' || md5((i * 5)::VARCHAR) AS note, (hash(i * 13) % 100000)::BIGINT AS uprn,
           'P' || (hash(i * 17) % 1000) AS code
    FROM range({rows}) AS r(i)
"""


def csv(rows: int = ROWS) -> Path:
    """A CSV of `rows` rows; 5 million are about 720 MB."""
    file = WORK / f"rows-{rows}.csv"
    if not file.exists():
        WORK.mkdir(exist_ok=True)
        aside = file.with_suffix(".part")
        duckdb.execute(f"COPY ({_ROW.format(rows=rows)}) TO '{aside}' (FORMAT csv, HEADER)")
        aside.rename(file)
    return file


def parquet(rows: int = ROWS) -> Path:
    """The same rows, typed."""
    file = WORK / f"rows-{rows}.parquet"
    if not file.exists():
        WORK.mkdir(exist_ok=True)
        aside = file.with_suffix(".part")
        duckdb.execute(f"COPY ({_ROW.format(rows=rows)}) TO '{aside}' (FORMAT parquet, COMPRESSION zstd)")
        aside.rename(file)
    return file


def sqlite(rows: int = ROWS) -> Path:
    """The same rows in a table of an SQLite file."""
    file = WORK / f"rows-{rows}.sqlite"
    if not file.exists():
        aside = file.with_suffix(".part")
        aside.unlink(missing_ok=True)
        db = sqlite3.connect(aside)
        db.execute("PRAGMA journal_mode = OFF")
        db.execute(
            "CREATE TABLE job (id INTEGER PRIMARY KEY, name TEXT, ref TEXT, amount REAL, day TEXT, category TEXT, "
            "note TEXT, uprn INTEGER, code TEXT)"
        )
        reader = duckdb.execute(
            f"SELECT id, name, ref, amount::DOUBLE, day::VARCHAR, * EXCLUDE (id, name, ref, amount, day) "
            f"FROM '{parquet(rows)}'"
        )
        while batch := reader.fetchmany(50_000):
            db.executemany("INSERT INTO job VALUES (?,?,?,?,?,?,?,?,?)", batch)
        db.commit()
        db.close()
        aside.rename(file)
    return file
