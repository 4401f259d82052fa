"""A look at one table: it is read once, up to a limit, and everything is asked of that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestry.ingest.discovery.kinds import Kind, kinds, words_of
from vestry.ingest.discovery.report import Column, Table
from vestry.ingest.files.inspection import cells_of, in_parts
from vestry.lake.engine import MACROS
from vestry.project import quote

if TYPE_CHECKING:
    import duckdb

#: Rows that are read of a table at most; of a sample of those, so many distinct values of each column are
#: held against the kinds.
ROWS = 200_000
_DISTINCT = 500
_SAMPLE = 10_000
#: A share of the values that is nothing to speak of.
_FEW = 0.05
_LOOKED, _SAMPLED = "vestry_looked_at", "vestry_sampled"
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
    """Profile what a SELECT gives; `rows` is how many there are, where that is known without reading, and else counted
    where not all are read."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_LOOKED} AS SELECT * FROM ({select}) LIMIT {ROWS}")
    try:
        described = [(str(r[0]), str(r[1])) for r in con.execute(f"DESCRIBE {_LOOKED}").fetchall() if r[0] != "_row"]
        looked, measured = 0, dict[str, Sequence[Any]]()
        for part in in_parts([column for column, _ in described]):
            asked = ", ".join(["count(*)", *map(_measures, part)])
            row = con.execute(f"SELECT {asked} FROM {_LOOKED}").fetchone() or (0,)
            looked = int(row[0])
            measured |= {column: row[1 + 2 * i : 3 + 2 * i] for i, column in enumerate(part)}
        values = _values(con, [column for column, _ in described])
        found = [_column(con, column, kind, looked, measured[column], values.get(column)) for column, kind in described]
    finally:
        con.execute(f"DROP TABLE IF EXISTS {_LOOKED}")
    if rows is None and looked == ROWS:
        counted = con.execute(f"SELECT count(*) FROM ({select})").fetchone()
        rows = int(counted[0]) if counted else None
    of_people = any(c.kind and c.kind.of_people for c in found)
    if not of_people:
        found = [_without_guess(c) for c in found]
    return Table(system, name, max(looked, rows or 0), looked, found, keys or _keys(found, looked), notes)


def _measures(column: str) -> str:
    q = quote(column)
    return f"count({q}) FILTER (trim({q}::VARCHAR) <> ''), approx_count_distinct({q})"


@dataclass(frozen=True)
class _Values:
    """The share of a column's distinct values that pass each kind's test, and their days."""

    shares: Mapping[str, float]
    #: First and last year, share of the values that are days, how many are to come.
    days: tuple[int, int, float, int] | None


def _values(con: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> dict[str, _Values]:
    """Ask all tests of some distinct values of many columns at once: to plan a query for each takes longest."""
    asked = [kind for kind in kinds() if kind.test]
    counts = ", ".join(f"count(*) FILTER ({kind.test})" for kind in asked)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_SAMPLED} AS "
        f"SELECT * FROM {_LOOKED} USING SAMPLE reservoir({_SAMPLE} ROWS) REPEATABLE (1)"
    )
    rows = []
    for part in in_parts(columns):
        cells = f"SELECT DISTINCT name, trim(v) AS v FROM ({cells_of(_SAMPLED, part)}) WHERE trim(v) <> ''"
        some = f"{cells} QUALIFY row_number() OVER (PARTITION BY name) <= {_DISTINCT}"
        rows += con.execute(
            f"SELECT name, count(*), min(year(day)), max(year(day)), count(day), "
            f"count(*) FILTER (day > today()), {counts} "
            f"FROM (SELECT name, v, uk_date(v) AS day FROM ({some})) GROUP BY name"
        ).fetchall()
    con.execute(f"DROP TABLE {_SAMPLED}")
    found = {}
    for name, values, first, last, days, later, *passed in rows:
        shares = {kind.name: int(n) / values for kind, n in zip(asked, passed, strict=True)}
        found[name] = _Values(shares, (first, last, days / values, later) if days and values > 20 else None)
    return found


def _column(
    con: duckdb.DuckDBPyConnection, name: str, kind: str, rows: int, measured: Sequence[Any], values: _Values | None
) -> Column:
    filled, distinct = int(measured[0]), min(int(measured[1]), int(measured[0]))
    share = filled / rows if rows else 0.0
    told, why, by_values = _kind(name, values)
    least = greatest = None
    if told is None and filled and re.match(r"(TINY|SMALL|BIG|HUGE)?INT|DECIMAL|DOUBLE|FLOAT|DATE|TIMESTAMP", kind):
        q = quote(name)
        row = con.execute(f"SELECT min({q})::VARCHAR, max({q})::VARCHAR FROM {_LOOKED}").fetchone()
        least, greatest = row if row else (None, None)
    return Column(name, kind, share, distinct, told, why, least, greatest, by_values)


def _kind(name: str, values: _Values | None) -> tuple[Kind | None, str, bool]:
    """What the column holds, why that is thought, and whether the values pass the kind's own test."""
    words = words_of(name)
    shares = values.shares if values else {}
    lives = False
    if values and values.days:
        first, last, of_days, later = values.days
        lives = of_days > 0.9 and not later and first < _LONG_AGO and last - first > _SPREAD
    for kind in kinds():
        share = shares.get(kind.name)
        if kind.test and share is not None and share >= kind.sure:
            return kind, f"{_percent(share)} of the values {kind.says}", True
        # The key of an address is none, whatever it is called.
        if kind.named(words) and not (kind.test and kind.fits == 0 and re.search(r" (id|ref|key|code) $", words)):
            if not kind.test or share is None or (share < _FEW and kind.fits == 0):
                return kind, "by its name", False
            if share >= kind.fits:
                return kind, f"by its name, and {_percent(share)} of the values {kind.says}", True
        if kind.name == "date of birth" and lives:
            return kind, "days that go back as people's lives do", False
    return None, "", False


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _without_guess(column: Column) -> Column:
    """In a table of nobody, a role or a balance is nobody's."""
    if column.kind and column.kind.only_of_people:
        return Column(column.name, column.type, column.filled, column.distinct)
    return column


def _keys(columns: Sequence[Column], rows: int) -> list[str]:
    """Columns that are filled and, as far as an estimate tells, different in every row."""
    unique = [c.name for c in columns if rows > 1 and c.filled == 1 and c.distinct >= 0.97 * rows]
    named = [n for n in unique if re.search(r" (id|ref|reference|number|no|key|code|uprn) ", words_of(n))]
    return named or unique[:1]
