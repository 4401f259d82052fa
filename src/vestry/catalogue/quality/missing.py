"""What is missing in each column, and of whom: the groups whose values are missing more often than others'."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestry.catalogue.model import ColumnEntry, TableEntry
from vestry.project import quote

if TYPE_CHECKING:
    import duckdb

    from vestry.lake import Engine

#: Groups of fewer are not told: they could point at somebody.
SMALLEST = 10
#: A column that has so few different values, all of them known to everybody, tells groups.
_GROUPS = 20
#: By how many percentage points a group must stand out.
_MORE = 5.0
#: Columns that are looked at in one query.
_AT_ONCE = 100


@dataclass(frozen=True)
class Group:
    """A group whose values are missing more often: `share` percent of its `rows`, where all have `overall`."""

    by: str
    value: str
    rows: int
    share: float
    overall: float


@dataclass(frozen=True)
class Missing:
    """How much of a column is missing, in percent, and of whom most."""

    column: str
    share: float
    rows: int
    hidden: tuple[Group, ...]


def missing(engine: Engine, entry: TableEntry) -> list[Missing]:
    """The columns of a table in which something is missing, the emptiest first; blank text counts as missing.

    A group stands out where the lowest share that its numbers allow (Wilson, 95 %) is above that of all.
    """
    if entry.state is None or not entry.state.rows:
        return []
    columns = [c for c in entry.columns if c.name in entry.state.types]
    relation = engine.relation(entry.name, entry.state.version)
    with engine.cursor() as con:
        total, counts = _counted(con, relation, columns)
        partly = [c for c, n in zip(columns, counts, strict=True) if 0 < n < total]
        groups = _group_columns(con, relation, columns) if partly else []
        hidden: dict[str, list[Group]] = {}
        for by in groups:
            _compare(con, relation, by, [c for c in partly if c.name != by.name], total, counts, columns, hidden)
    found = [
        Missing(c.name, 100 * n / total, n, tuple(sorted(hidden.get(c.name, ()), key=lambda g: -g.share)[:5]))
        for c, n in zip(columns, counts, strict=True)
        if n
    ]
    return sorted(found, key=lambda m: -m.share)


def _counted(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[ColumnEntry]) -> tuple[int, list[int]]:
    total, counts = 0, []
    for first in range(0, len(columns), _AT_ONCE):
        some = columns[first : first + _AT_ONCE]
        row = con.execute(f"SELECT count(*), {', '.join(map(_count, some))} FROM {relation}").fetchone()
        assert row is not None
        total = int(row[0])
        counts += [int(n) for n in row[1:]]
    return total, counts


def _count(column: ColumnEntry) -> str:
    name = quote(column.name)
    blank = f" OR trim({name}) = ''" if column.type == "VARCHAR" else ""
    return f"count(*) FILTER (WHERE {name} IS NULL{blank})"


def _group_columns(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[ColumnEntry]) -> list[ColumnEntry]:
    may = [c for c in columns if not c.is_personal and c.type in ("VARCHAR", "BOOLEAN") and not c.name.startswith("_")]
    may = may[:_AT_ONCE]
    if not may:
        return []
    distinct = ", ".join(f"approx_count_distinct({quote(c.name)})" for c in may)
    row = con.execute(f"SELECT {distinct} FROM {relation}").fetchone()
    assert row is not None
    return [c for c, n in zip(may, row, strict=True) if 1 < n <= _GROUPS]


def _compare(
    con: duckdb.DuckDBPyConnection, relation: str, by: ColumnEntry, partly: Sequence[ColumnEntry], total: int,
    counts: Sequence[int], columns: Sequence[ColumnEntry], hidden: dict[str, list[Group]],
) -> None:  # fmt: skip
    """Add the groups of one column in which another is missing more often than it is in all."""
    overall = {c.name: n / total for c, n in zip(columns, counts, strict=True)}
    for first in range(0, len(partly), _AT_ONCE):
        some = partly[first : first + _AT_ONCE]
        rows = con.execute(
            f"SELECT {quote(by.name)}::VARCHAR, count(*), {', '.join(map(_count, some))} FROM {relation} "
            f"WHERE {quote(by.name)} IS NOT NULL GROUP BY 1 HAVING count(*) >= {SMALLEST}"
        ).fetchall()
        for value, size, *missed in rows:
            for column, n in zip(some, missed, strict=True):
                share, all_of = n / size, overall[column.name]
                if 100 * (share - all_of) >= _MORE and _lowest(n, size) > all_of:
                    hidden.setdefault(column.name, []).append(Group(by.name, value, size, 100 * share, 100 * all_of))


def _lowest(n: int, of: int, z: float = 1.96) -> float:
    """The lower end of Wilson's interval for n of so many."""
    share = n / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - spread) / (1 + z * z / of)
