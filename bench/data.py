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


def legacy(tables: int = 200, rows: int = 100_000) -> Path:
    """A SQLite database of many tables, half of them of invented people: an old system that nobody knows."""
    import sqlite3

    file = WORK / f"legacy-{tables}-{rows}.sqlite"
    if file.exists():
        return file
    WORK.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    con = sqlite3.connect(part)
    con.execute("PRAGMA journal_mode = OFF")
    con.execute("PRAGMA synchronous = OFF")
    con.execute(
        "CREATE TABLE person_0 (person_ref INTEGER PRIMARY KEY, forename TEXT, surname TEXT, dob TEXT, "
        "nhs_number TEXT, address TEXT, postcode TEXT, telephone TEXT, updated_at TEXT)"
    )
    people = (
        (n, f"Jo{n % 997}", f"Byrne{n % 4999}", f"{1930 + n % 80}-{n % 12 + 1:02}-{n % 28 + 1:02}", f"99900{n:05}",
         f"{n % 200} Mill Lane, Benchham", f"BN{n % 9 + 1} {n % 9}AX", f"01632 960{n % 1000:03}", "2026-01-01")
        for n in range(rows)
    )  # fmt: skip
    con.executemany("INSERT INTO person_0 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", people)
    con.execute(
        "CREATE TABLE job_0 (job INTEGER PRIMARY KEY, trade TEXT, cost REAL, done TEXT, status TEXT, ward TEXT)"
    )
    jobs = ((n, f"T{n % 30}", n / 7, "2026-02-03", "DONE", f"E0{n % 20}") for n in range(rows))
    con.executemany("INSERT INTO job_0 VALUES (?, ?, ?, ?, ?, ?)", jobs)
    for n in range(1, tables // 2):
        for name in ("person", "job"):
            con.execute(f"CREATE TABLE {name}_{n} AS SELECT * FROM {name}_0")
    con.commit()
    con.close()
    part.rename(file)
    return file
