"""What is in a file, for somebody who has never seen it: types, keys, how full the columns are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vestry.ingest.files.model import BLANK, FileOptions, FileRows
from vestry.ingest.files.reading import read_file
from vestry.project.names import literal, quote

if TYPE_CHECKING:
    import duckdb

LogicalType = Literal["string", "integer", "decimal", "date", "timestamp", "boolean"]

#: In order: where several fit as well, the first wins, and so day before month, as the country writes it.
DATE_FORMATS = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%d/%m/%y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d-%m-%Y",
    "%d.%m.%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%m-%y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%m/%d/%Y",
)
TIMESTAMP_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y %H:%M",
)
#: A type fits if all but this share of the filled cells are of it: one 31/02/2020 makes no text of a date.
TOLERATED = 0.01

_INTEGER = r"^[-+]?(0|[1-9][0-9]{0,17})$"
# Money as people write it: £1,234.50-  (12.00)  -£3  1,000
_DECIMAL = (
    r"^(\(\s*[£$€]?\s*[0-9][0-9,]*(\.[0-9]+)?\s*\)"
    r"|[-+]?\s*[£$€]?\s*[-+]?([0-9][0-9,]*(\.[0-9]*)?|\.[0-9]+)\s*-?)$"
)
_CODE = r"^[-+]?0[0-9]+$"  # a leading zero says something: a code, not a number
#: Columns whose cells are counted by one query.
_TOGETHER = 100
_BOOLEAN = ("true", "false", "yes", "no", "y", "n", "t", "f")


@dataclass(frozen=True)
class ColumnProfile:
    """One column: what it holds, and how much of it; no value of it is kept here."""

    name: str
    header: str
    type: str
    """string, integer, decimal, date, timestamp or boolean; for Parquet its own type, in DuckDB's words."""
    format: str | None
    """How dates and times are written, as strptime has it."""
    filled: float
    """Share of the rows, from 0 to 1."""
    values: int
    """Cells that hold something: what the type was guessed from."""
    distinct: int
    key: bool
    """Unique and filled in every row."""


@dataclass(frozen=True)
class FileProfile:
    """A file at a glance."""

    rows: int
    rejected: int
    columns: tuple[ColumnProfile, ...]
    keys: tuple[str, ...]
    """Columns each of which could be the key, the likeliest first."""
    notes: tuple[str, ...]


def inspect_file(path: Path, options: FileOptions, con: duckdb.DuckDBPyConnection, workdir: Path) -> FileProfile:
    """Reads the whole file and says what is in its columns. Raises as `read_file` does."""
    table = quote("vestry inspected file")
    rows, count = take_file(path, options, con, workdir, table)
    try:
        return profile_of(con, table, rows, count)
    finally:
        con.execute(f"DROP TABLE {table}")


def take_file(
    path: Path, options: FileOptions, con: duckdb.DuckDBPyConnection, workdir: Path, table: str
) -> tuple[FileRows, int]:
    """Read a file into a temporary table, the patient way where the quick one does not do; and how many rows it has."""
    import duckdb

    rows = read_file(path, options, con, workdir)
    try:
        count = _materialise(con, table, rows)
    except duckdb.Error:
        if rows.patient:
            raise
        count = -1
    if count != rows.rows and not rows.patient:
        rows = read_file(path, options, con, workdir, patient=True)
        count = _materialise(con, table, rows)
    return rows, count


def profile_of(con: duckdb.DuckDBPyConnection, table: str, rows: FileRows, count: int) -> FileProfile:
    """What is in the columns of a file that `take_file` took."""
    types = {str(r[0]): str(r[1]) for r in con.execute(f"DESCRIBE {table}").fetchall()}
    texts = [name for name in rows.columns if types[name] == "VARCHAR"]
    counts: dict[str, list[int]] = {}
    for start in range(0, len(texts), _TOGETHER):
        counts |= _counted(con, table, texts[start : start + _TOGETHER])
    columns = tuple(
        _profile(con, table, name, header, types[name], count, counts.get(name))
        for name, header in zip(rows.columns, rows.headers, strict=True)
    )
    return FileProfile(count, rows.rejected.num_rows, columns, _keys(columns), rows.notes)


def _materialise(con: duckdb.DuckDBPyConnection, table: str, rows: FileRows) -> int:
    con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {rows.select}")
    found = con.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found[0]) if found else 0


def _counted(con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> dict[str, list[int]]:
    """What `_guess` asks for, by column; of those that hold anything. A query for each would take longest to plan."""
    cell = f"trim(v, '{BLANK}')"
    measures = [
        "count(*)",
        "count(DISTINCT v)",
        f"count(*) FILTER (regexp_matches({cell}, {literal(_INTEGER)}))",
        f"count(*) FILTER (regexp_matches({cell}, {literal(_DECIMAL)}))",
        f"count(*) FILTER (regexp_matches({cell}, {literal(_CODE)}))",
        f"count(*) FILTER (lower({cell}) IN ({', '.join(map(literal, _BOOLEAN))}))",
        *_parsed(cell, DATE_FORMATS),
        *_parsed(cell, TIMESTAMP_FORMATS),
    ]
    # The table is named once: to bind one of thousands of columns takes as long as to read it.
    names, values = ", ".join(map(literal, columns)), ", ".join(map(quote, columns))
    cells = f"SELECT unnest([{names}]) AS name, unnest([{values}]) AS v FROM {table}"
    found = con.execute(
        f"SELECT name, {', '.join(measures)} FROM ({cells}) WHERE v IS NOT NULL AND {cell} <> '' GROUP BY name"
    ).fetchall()
    return {str(name): [int(n) for n in counts] for name, *counts in found}


def _profile(
    con: duckdb.DuckDBPyConnection,
    table: str,
    name: str,
    header: str,
    own: str,
    rows: int,
    counts: Sequence[int] | None,
) -> ColumnProfile:
    if own != "VARCHAR":
        column = quote(name)
        found = con.execute(f"SELECT count({column}), count(DISTINCT {column}) FROM {table}").fetchone()
        values, distinct = (int(n) for n in found) if found else (0, 0)
        guess: tuple[str, str | None] = (own, None)
    elif counts is None:
        values, distinct, guess = 0, 0, ("string", None)
    else:
        values, distinct = counts[:2]
        guess = _guess(counts)
    share = values / rows if rows else 0.0
    return ColumnProfile(name, header, *guess, share, values, distinct, rows > 0 and values == distinct == rows)


def _parsed(cell: str, formats: Sequence[str]) -> list[str]:
    # DuckDB reads `04-Jul-13` by %Y as the year 13.
    return [f"count(*) FILTER (year(try_strptime({cell}, {literal(fmt)})) >= 1000)" for fmt in formats]


def _guess(counts: Sequence[int]) -> tuple[LogicalType, str | None]:
    values, _, integers, decimals, codes, booleans = counts[:6]
    enough = values * (1 - TOLERATED) if values >= 20 else max(values - 0.5, 1) if values < 5 else values - 1
    dates = dict(zip(DATE_FORMATS, counts[6:], strict=False))
    times = dict(zip(TIMESTAMP_FORMATS, counts[6 + len(DATE_FORMATS) :], strict=True))
    date = max(DATE_FORMATS, key=lambda fmt: dates[fmt])
    # Eight digits are a date only where nothing else could be meant; they are numbers far more often.
    if dates[date] >= enough and not (date == "%Y%m%d" and integers < values):
        return "date", date
    time = max(TIMESTAMP_FORMATS, key=lambda fmt: times[fmt])
    if times[time] >= enough:
        return "timestamp", time
    if booleans == values:
        return "boolean", None
    if codes:
        return "string", None
    if integers >= enough and integers == decimals:
        return "integer", None
    return ("decimal", None) if decimals >= enough else ("string", None)


def _keys(columns: tuple[ColumnProfile, ...]) -> tuple[str, ...]:
    """Key columns: such as are named like one first, and no amounts or dates."""
    keys = [c for c in columns if c.key and c.type not in ("decimal", "date", "timestamp", "boolean")]
    words = ("id", "reference", "ref", "number", "key", "uprn", "code", "no")
    named = [c.name for c in keys if set(c.name.split("_")) & set(words) or c.name.endswith("id")]
    return (*named, *(c.name for c in keys if c.name not in named))
