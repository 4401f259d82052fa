"""What is missing in each column, and whom that hides: groups whose values are missing more often than all's.

Groups are told by columns that everybody in the council may see and that have few values (a ward, a contractor, a
source), and by what the law and the Government Data Quality Framework ask about: age bands from a date of birth, sex,
ethnicity and their like. Of the latter only how many of a group lack a value is told, and of no group of fewer than 10.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestry.catalogue.model import PLATFORM, ColumnEntry
from vestry.ingest.discovery.kinds import words_of
from vestry.project import literal, quote

if TYPE_CHECKING:
    import duckdb

#: Groups of fewer are not told: they could point at somebody.
SMALLEST = 10
#: A column that has so few different values tells groups: fewer where its name does not say that it does.
_GROUPS, _OTHER_GROUPS = 50, 20
#: Of the columns that tell groups so many are used at most, and fewer where very many columns lack something.
_COLUMNS, _COMPARISONS = 12, 2400
#: By how many percentage points a group must stand out.
_MORE = 5.0
#: How sure it must be: of a thousand groups that are as all others are, one or none is told by chance.
_Z = 3.29
#: Columns that are looked at in one query, and groups that are told of each.
_AT_ONCE, _TOLD = 200, 5
_LONGEST = 40
_OF_PEOPLE = re.compile(
    r" (sex|gender|ethnic|ethnicity|ethnic group|tradition|religion|faith|language|nationality|disability|disabled) "
)
_OF_PLACES = re.compile(
    r" (ward|area|locality|district|neighbourhood|team|contractor|provider|supplier|school|source|system|tenure) "
)
_BIRTH = re.compile(r" (dob|birth|born) ")
_BANDS = ((18, "under 18"), (25, "18 to 24"), (45, "25 to 44"), (65, "45 to 64"), (75, "65 to 74"))
_OLDEST = "75 or over"


@dataclass(frozen=True)
class Group:
    """A group whose values are missing more often: `share` percent of its `rows`, where all have `overall`.

    `low` and `high` are the interval (Wilson, 99.9 %) in which the group's share lies, were it a sample.
    """

    by: str
    value: str
    rows: int
    share: float
    overall: float
    low: float
    high: float
    #: The column's name says that it tells people, places or suppliers apart, so that this is about who is not seen.
    of_whom: bool = True


@dataclass(frozen=True)
class Missing:
    """How much of a column is NULL or blank, in percent and in rows, and of whom most."""

    column: str
    share: float
    rows: int
    hidden: tuple[Group, ...] = ()


def present(column: ColumnEntry) -> str:
    """SQL of a column's value, NULL where it has none: blank text is none."""
    name = quote(column.name)
    return f"nullif(trim({name}), '')" if column.type == "VARCHAR" else name


def missing_of(
    con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[ColumnEntry], rows: int,
    lacking: Mapping[str, int], distinct: Mapping[str, int],
) -> tuple[Missing, ...]:  # fmt: skip
    """The columns in which something is missing, the emptiest first, with the groups that stand out.

    `lacking` is in how many of the `rows` each column is missing, `distinct` how many values it has, about. A group
    stands out where the least share that its numbers allow is above that of all, and 5 points above at least.
    """
    partly = [c for c in columns if 0 < lacking[c.name] < rows]
    by = _group_columns(columns, distinct)[: max(2, _COMPARISONS // len(partly))] if partly else []
    hidden: dict[str, list[Group]] = {}
    for first in range(0, len(partly) if by else 0, _AT_ONCE):
        some = partly[first : first + _AT_ONCE]
        for column, group in _compared(con, relation, by, some, rows, lacking):
            hidden.setdefault(column, []).append(group)
    found = [
        Missing(
            c.name, 100 * lacking[c.name] / rows, lacking[c.name],
            tuple(sorted(hidden.get(c.name, ()), key=lambda g: (not g.of_whom, -g.share, -g.rows, g.by))[:_TOLD]),
        )
        for c in columns
        if lacking[c.name]
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda m: -m.share))


@dataclass(frozen=True)
class _By:
    """A column that tells groups, and SQL of a row's group."""

    column: ColumnEntry
    sql: str
    of_whom: bool
    name: str


def _group_columns(columns: Sequence[ColumnEntry], distinct: Mapping[str, int]) -> list[_By]:
    """The columns that tell groups; those whose names say so come first."""
    found: list[tuple[int, int, _By]] = []
    for column in columns:
        q, words, many = quote(column.name), words_of(column.name), distinct[column.name]
        if column.name in PLATFORM or many < 2:
            continue
        if _BIRTH.search(words) and column.type in ("DATE", "TIMESTAMP WITH TIME ZONE"):
            found.append((0, many, _By(column, _age_band(q), True, f"age by {column.name}")))
        elif many > _GROUPS or column.type not in ("VARCHAR", "BOOLEAN"):
            continue
        elif _OF_PEOPLE.search(words):
            found.append((0, many, _By(column, _label(q), True, column.name)))
        elif not column.is_personal and _OF_PLACES.search(words):
            found.append((1, many, _By(column, _label(q), True, column.name)))
        elif not column.is_personal and many <= _OTHER_GROUPS:
            found.append((2, many, _By(column, _label(q), False, column.name)))
    found.sort(key=lambda f: (f[0], f[1], f[2].column.name))
    return [by for _, _, by in found[:_COLUMNS]]


def _label(q: str) -> str:
    return f"nullif(left(trim({q}::VARCHAR), {_LONGEST}), '')"


def _age_band(q: str) -> str:
    age = f"date_diff('year', {q}::DATE, current_date)"
    bands = " ".join(f"WHEN {age} < {below} THEN {literal(said)}" for below, said in _BANDS)
    return f"CASE WHEN {q} IS NULL OR {q} > now() THEN NULL {bands} ELSE {literal(_OLDEST)} END"


def _compared(
    con: duckdb.DuckDBPyConnection, relation: str, by: Sequence[_By], partly: Sequence[ColumnEntry],
    rows: int, lacking: Mapping[str, int],
) -> Iterator[tuple[str, Group]]:  # fmt: skip
    """Each column with each group in which it is missing more often than in all, in one pass over the table."""
    groups = ", ".join(f"{of.sql} AS g{n}" for n, of in enumerate(by))
    values = ", ".join(f"{present(c)} AS v{n}" for n, c in enumerate(partly))
    counts = ", ".join(f"count(*) - count(v{n})" for n in range(len(partly)))
    names = ", ".join(f"g{n}" for n in range(len(by)))
    sets = ", ".join(f"(g{n})" for n in range(len(by)))
    found = con.execute(
        f"SELECT coalesce({names}), {', '.join(f'GROUPING(g{n})' for n in range(len(by)))}, count(*), {counts} "
        f"FROM (SELECT {groups}, {values} FROM {relation}) GROUP BY GROUPING SETS ({sets}) "
        f"HAVING count(*) >= {SMALLEST} AND coalesce({names}) IS NOT NULL"
    ).fetchall()
    for value, *rest in found:
        of, size, missed = by[rest[: len(by)].index(0)], rest[len(by)], rest[len(by) + 1 :]
        for column, n in zip(partly, missed, strict=True):
            overall = lacking[column.name] / rows
            low, high = wilson(n, size)
            if column.name != of.column.name and 100 * (n / size - overall) >= _MORE and low > overall:
                told = 100 * n / size, 100 * overall, 100 * low, 100 * high
                yield column.name, Group(of.name, value, size, *told, of_whom=of.of_whom)


def wilson(n: int, of: int, z: float = _Z) -> tuple[float, float]:
    """Wilson's interval for the share that is seen as n of so many."""
    share = n / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, (middle - spread) / (1 + z * z / of)), min(1.0, (middle + spread) / (1 + z * z / of))
