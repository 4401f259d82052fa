"""A look at one table: it is read once, up to a limit, and everything is asked of that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vestry.ingest.discovery.kinds import KINDS, OF_PEOPLE, Kind, tests, words_of
from vestry.ingest.discovery.report import Column, Table
from vestry.lake.engine import MACROS
from vestry.project import quote

if TYPE_CHECKING:
    import duckdb

#: Rows that are read of a table at most; of one column so many distinct values are held against the kinds.
ROWS = 200_000
_VALUES = 1_000
_LOOKED = "vestry_looked_at"
#: By its values a day is one of birth where some are so long ago, they are spread so wide, and none is to come.
_LONG_AGO, _SPREAD = 1975, 35

_LUHN = """
CREATE OR REPLACE TEMP MACRO luhn(value) AS (
    SELECT list_sum(list_transform(digits, lambda d, i: CASE
        WHEN (len(digits) - i) % 2 = 0 THEN d ELSE 2 * d // 10 + 2 * d % 10 END)) % 10 = 0
    FROM (SELECT list_transform(
        string_split(regexp_replace(value, '[^0-9]', '', 'g'), ''), lambda c: try_cast(c AS INT)) AS digits)
)
"""


@contextmanager
def prepared() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that knows Vestry's functions, keeps to a gigabyte, and downloads nothing."""
    import duckdb

    config = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": "800MB",
        "threads": "2",
    }
    with duckdb.connect(config=config) as con:  # type: ignore[arg-type]
        con.execute(MACROS.read_text(encoding="utf-8"))
        con.execute(_LUHN)
        yield con


def look_at(
    con: duckdb.DuckDBPyConnection,
    system: str,
    name: str,
    select: str,
    keys: Sequence[str] = (),
    rows: int | None = None,
    notes: Sequence[str] = (),
) -> Table:
    """Profile what a SELECT gives; `rows` is how many there are, where that is known without reading."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_LOOKED} AS SELECT * FROM ({select}) LIMIT {ROWS}")
    try:
        described = [(str(r[0]), str(r[1])) for r in con.execute(f"DESCRIBE {_LOOKED}").fetchall() if r[0] != "_row"]
        measures = ", ".join(_measures(column) for column, _ in described)
        row = con.execute(f"SELECT count(*){', ' if measures else ''}{measures} FROM {_LOOKED}").fetchone() or (0,)
        looked = int(row[0])
        found = [
            _column(con, column, kind, looked, row[1 + 2 * i : 3 + 2 * i]) for i, (column, kind) in enumerate(described)
        ]
    finally:
        con.execute(f"DROP TABLE IF EXISTS {_LOOKED}")
    of_people = any(c.kind and c.kind.name in OF_PEOPLE for c in found)
    if not of_people:
        found = [_without_guess(c) for c in found]
    return Table(system, name, max(looked, rows or 0), looked, found, keys or _keys(found, looked), notes)


def _measures(column: str) -> str:
    q = quote(column)
    return f"count({q}) FILTER (trim({q}::VARCHAR) <> ''), approx_count_distinct({q})"


def _column(con: duckdb.DuckDBPyConnection, name: str, kind: str, rows: int, measured: Sequence[Any]) -> Column:
    filled, distinct = int(measured[0]), min(int(measured[1]), int(measured[0]))
    share = filled / rows if rows else 0.0
    told, why = _kind(con, name, filled)
    least = greatest = None
    if told is None and filled and re.match(r"(TINY|SMALL|BIG|HUGE)?INT|DECIMAL|DOUBLE|FLOAT|DATE|TIMESTAMP", kind):
        q = quote(name)
        row = con.execute(f"SELECT min({q})::VARCHAR, max({q})::VARCHAR FROM {_LOOKED}").fetchone()
        least, greatest = row if row else (None, None)
    return Column(name, kind, share, distinct, told, why, least, greatest)


def _kind(con: duckdb.DuckDBPyConnection, name: str, filled: int) -> tuple[Kind | None, str]:
    """What the column holds, and why that is thought."""
    words = words_of(name)
    shares: dict[str, float] = {}
    if filled:
        asked = tests()
        counts = ", ".join(f"count(*) FILTER ({test})" for _, test in asked)
        born = "min(year(uk_date(v))), max(year(uk_date(v))), count(uk_date(v)), count(*) FILTER (uk_date(v) > today())"
        q = quote(name)
        row = con.execute(
            f"SELECT count(*), {born}, {counts} FROM (SELECT DISTINCT trim({q}::VARCHAR) AS v FROM {_LOOKED} "
            f"WHERE {q} IS NOT NULL AND trim({q}::VARCHAR) <> '' LIMIT {_VALUES})"
        ).fetchone()
        assert row is not None
        values = max(1, int(row[0]))
        shares = {kind.name: int(n) / values for (kind, _), n in zip(asked, row[5:], strict=True)}
        first, last, days, later = row[1:5]
        if days / values > 0.9 and values > 20 and not later and first < _LONG_AGO and last - first > _SPREAD:
            shares["date of birth by its values"] = days / values
    for kind in KINDS:
        share = shares.get(kind.name)
        if kind.test and share is not None and share >= kind.sure:
            return kind, f"{share:.0%} of the values {kind.says}"
        # The key of an address is none, whatever it is called.
        if kind.named(words) and not (kind.fits == 0 and re.search(r" (id|ref|key|code) $", words)):
            if not kind.test or share is None:
                return kind, "by its name"
            if share >= kind.fits:
                return kind, f"by its name, and {share:.0%} of the values {kind.says}"
        if kind.name == "date of birth" and "date of birth by its values" in shares:
            return kind, "days that go back as people's lives do"
    return None, ""


def _without_guess(column: Column) -> Column:
    """In a table of nobody, words such as `first` or `role` speak of nobody: what the values tell stays."""
    if column.kind and column.why == "by its name" and column.kind.classification == "personal":
        return Column(column.name, column.type, column.filled, column.distinct)
    return column


def _keys(columns: Sequence[Column], rows: int) -> list[str]:
    """Columns that are filled and, as far as an estimate tells, different in every row."""
    unique = [c.name for c in columns if rows > 1 and c.filled == 1 and c.distinct >= 0.97 * rows]
    named = [n for n in unique if re.search(r" (id|ref|reference|number|no|key|code|uprn) ", words_of(n))]
    return named or unique[:1]
