"""What each column looks like, for the data dictionary: its shape, its fill, and what is missing of whom.

Of a personal column only shapes are told (`AA9 9AA`), and only those that at least 10 rows share; of others a few
frequent values, or the range. In a table about people no value is told of any column that fewer than 10 rows share, and
no range, whose ends are somebody's: without a grant the gate shows nothing of such a row. A profile is made once for
each version of a table's data and kept in `.vestry/profile/`, so that a page only reads it. It is thrown away too when
a column is classified anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vestry.catalogue.missing import SMALLEST, Group, Missing, missing_of, present
from vestry.catalogue.model import ColumnEntry, TableEntry
from vestry.catalogue.shape import shape
from vestry.project import DataError, TableName, quote

if TYPE_CHECKING:
    import duckdb

    from vestry.catalogue.live import Live
    from vestry.catalogue.model import Catalogue
    from vestry.lake import Engine

#: Where profiles are kept, below `.vestry`.
FOLDER = "profile"
#: Part of the cache: raise it when what is kept changes.
_FORMAT = 2
#: Columns that are looked at in one query.
_AT_ONCE = 200
#: Values that one query counts at most, for all different ones are held in memory.
_COUNTED = 4_000_000
#: Values and shapes are counted in so many rows of a larger table; fill, range and distinct values in all.
_LOOKED = 200_000
#: A column of more different values is told by its shapes, not by its values.
_VALUES = 200
_TOLD, _LONGEST = 5, 40
_ORDERED = re.compile(r"(TINY|SMALL|BIG|HUGE)?INT|DECIMAL|DOUBLE|FLOAT|DATE|TIMESTAMP")


@dataclass(frozen=True)
class ColumnProfile:
    """One column: `filled` of the table's rows are neither NULL nor blank, with about `distinct` different values.

    `values` and `shapes` are told with the rows that have them, of those that were looked at, the most frequent
    first. `least` and `greatest` are of numbers and days that are not personal.
    """

    name: str
    personal: bool
    filled: int
    distinct: int
    least: str | None = None
    greatest: str | None = None
    values: tuple[tuple[str, int], ...] = ()
    shapes: tuple[tuple[str, int], ...] = ()

    @property
    def example(self) -> str:
        """How the column looks, in a few words: its values, its range, or its most frequent shape."""
        if self.values:
            return ", ".join(value for value, _ in self.values)
        if self.least is not None:
            return f"{self.least} to {self.greatest}"
        return self.shapes[0][0] if self.shapes else ""


@dataclass(frozen=True)
class TableProfile:
    """A table at one version of its data."""

    table: TableName
    rows: int
    #: Rows in which values and shapes were counted.
    looked: int
    made: datetime
    columns: tuple[ColumnProfile, ...]
    missing: tuple[Missing, ...]

    @cached_property
    def by_name(self) -> dict[str, ColumnProfile]:
        return {column.name: column for column in self.columns}


def kept_profile(folder: Path, entry: TableEntry) -> TableProfile | None:
    """The profile of a table as it stands now; None where it has not been profiled yet, or is not there.

    `folder` is `.vestry/profile` of the project. It costs the reading of one small file.
    """
    if entry.state is None:
        return None
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(_file(folder, entry).read_bytes())
        if kept.pop("of") == _mark(entry):
            return _of_json(entry.name, kept)
    return None


def profile(engine: Engine, folder: Path, entry: TableEntry) -> TableProfile | None:
    """Profile a table at the version that the catalogue knows, and keep it; None where it is not in the lake.

    Raises DataError where the table cannot be read.
    """
    import duckdb

    from vestry.lake import failure

    if entry.state is None:
        return None
    relation = engine.relation(entry.name, entry.state.version)
    columns = [replace(c, type=entry.state.types[c.name]) for c in entry.columns if c.name in entry.state.types]
    try:
        with engine.cursor() as con:
            made = _profiled(con, entry, relation, columns)
    except duckdb.Error as error:
        raise DataError(f"{entry.name} cannot be profiled: {failure(error)}", entry.made_by) from error
    told = {**asdict(made), "of": _mark(entry), "made": made.made.isoformat()}
    del told["table"]
    with suppress(OSError):  # a cache: without it the next who asks only waits longer
        folder.mkdir(parents=True, exist_ok=True)
        aside = _file(folder, entry).with_suffix(f".{os.getpid()}.tmp")
        aside.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
        aside.replace(_file(folder, entry))
    return made


class LiveProfiles:
    """The profiles of a catalogue that is followed: read at once where they were made, made one by one by `update`."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._folder = live.workspace.project.state / FOLDER
        self._read: dict[TableName, tuple[str, TableProfile]] = {}
        self._made: Catalogue | None = None

    def of(self, entry: TableEntry) -> TableProfile | None:
        """The profile of a table as it stands; None where it has not been profiled yet, or is not there."""
        if entry.state is None:
            return None
        mark, known = _mark(entry), self._read.get(entry.name)
        if known is None or known[0] != mark:
            if (found := kept_profile(self._folder, entry)) is None:
                return None
            known = self._read[entry.name] = mark, found
        return known[1]

    def made(self, entry: TableEntry) -> TableProfile | None:
        """The profile of a table, made now where it has not been; None where the table is not there.

        Raises DataError where the table cannot be read.
        """
        return self.of(entry) or profile(self._live.workspace.engine, self._folder, entry)

    def update(self) -> None:
        """Profile what has changed: minutes after the first run of a large project, else seconds."""
        catalogue = self._live.catalogue()
        if self._made is catalogue:
            return
        for entry in catalogue.tables.values():
            with suppress(DataError):  # what cannot be read has no profile, and the pages say so
                self.made(entry)
        self._made = catalogue


def _profiled(
    con: duckdb.DuckDBPyConnection, entry: TableEntry, relation: str, columns: Sequence[ColumnEntry]
) -> TableProfile:
    rows, measured = 0, []
    for some in _parts(columns):
        counts = con.execute(
            f"SELECT count(*), {', '.join(_measures(c, entry) for c in some)} FROM {relation}"
        ).fetchone()
        assert counts is not None
        rows = int(counts[0])
        measured += [_measured(c, counts[4 * n + 1 : 4 * n + 5]) for n, c in enumerate(some)]
    found = {p.name: p for p in measured}
    told = [c for c in columns if rows and found[c.name].filled and c.type != "BLOB"]
    for some in _parts(told, min(_AT_ONCE, _COUNTED // max(1, min(rows, _LOOKED)))):
        for column, frequent in zip(some, _frequent(con, entry, relation, some, rows, found), strict=True):
            known = found[column.name]
            by_value = _by_value(column, known)
            found[column.name] = replace(known, values=frequent) if by_value else replace(known, shapes=frequent)
    lacking = {p.name: rows - p.filled for p in measured}
    missing = missing_of(con, relation, columns, rows, lacking, {p.name: p.distinct for p in measured}) if rows else ()
    return TableProfile(entry.name, rows, min(rows, _LOOKED), datetime.now(UTC), tuple(found.values()), missing)


def _measures(column: ColumnEntry, entry: TableEntry) -> str:
    q = quote(column.name)
    ordered = not entry.is_personal and _ORDERED.match(column.type or "")
    ends = f"min({q})::VARCHAR, max({q})::VARCHAR" if ordered else "NULL, NULL"
    return f"count({present(column)}), approx_count_distinct({q}), {ends}"


def _measured(column: ColumnEntry, counts: Sequence[Any]) -> ColumnProfile:
    filled, distinct, least, greatest = counts
    return ColumnProfile(column.name, column.is_personal, filled, min(distinct, filled), least, greatest)


def _by_value(column: ColumnEntry, found: ColumnProfile) -> bool:
    return not column.is_personal and found.distinct <= _VALUES


def _frequent(
    con: duckdb.DuckDBPyConnection, entry: TableEntry, relation: str, columns: Sequence[ColumnEntry], rows: int,
    found: dict[str, ColumnProfile],
) -> list[tuple[tuple[str, int], ...]]:  # fmt: skip
    """The most frequent values or shapes of each column, counted in one pass; a shape is made once for each value."""
    by_value = [_by_value(c, found[c.name]) for c in columns]
    texts = [f"{present(c)}::VARCHAR" for c in columns]
    told = ", ".join(
        f"{f'left({text}, {_LONGEST})' if by else text} AS v{n}"
        for n, (text, by) in enumerate(zip(texts, by_value, strict=True))
    )
    some = f" USING SAMPLE reservoir({_LOOKED} ROWS) REPEATABLE (1)" if rows > _LOOKED else ""
    inner = f"SELECT {told} FROM (SELECT {', '.join(quote(c.name) for c in columns)} FROM {relation}{some})"
    as_they_are = ", ".join(f"'v{n}'" for n, by in enumerate(by_value) if by) or "''"
    tops = con.execute(
        f"""WITH counted AS (
            SELECT n, v, count(*) AS rows FROM (UNPIVOT ({inner}) ON * INTO NAME n VALUE v) GROUP BY n, v
        ),
        told AS (SELECT n, CASE WHEN n IN ({as_they_are}) THEN v ELSE {shape("v")} END AS t, rows FROM counted)
        SELECT substr(n, 2)::INTEGER AS place, t, sum(rows)::BIGINT AS many FROM told GROUP BY n, t
        QUALIFY row_number() OVER (PARTITION BY n ORDER BY sum(rows) DESC, t) <= {_TOLD} ORDER BY place, many DESC, t"""
    ).fetchall()
    frequent: list[list[tuple[str, int]]] = [[] for _ in columns]
    for place, text, many in tops:
        if many >= (1 if by_value[place] and not entry.is_personal else SMALLEST):
            frequent[place].append((text, many))
    return [tuple(found) for found in frequent]


def _parts(columns: Sequence[ColumnEntry], at_once: int = _AT_ONCE) -> Iterator[Sequence[ColumnEntry]]:
    return (columns[first : first + at_once] for first in range(0, len(columns), at_once))


def _file(folder: Path, entry: TableEntry) -> Path:
    return folder / f"{entry.name}.json"


def _mark(entry: TableEntry) -> str:
    """What a profile rests on: the version of the data, and which columns are personal."""
    assert entry.state is not None
    told = [_FORMAT, entry.state.data, *((c.name, c.type, c.classification) for c in entry.columns)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]


def _of_json(name: TableName, kept: dict[str, Any]) -> TableProfile:
    def pairs(found: list[list[Any]]) -> tuple[tuple[str, int], ...]:
        return tuple((value, rows) for value, rows in found)

    columns = tuple(
        ColumnProfile(**{**c, "values": pairs(c["values"]), "shapes": pairs(c["shapes"])}) for c in kept["columns"]
    )
    missing = tuple(
        Missing(**{**m, "hidden": tuple(Group(**g) for g in m["hidden"])}) for m in kept["missing"]
    )  # fmt: skip
    return TableProfile(name, kept["rows"], kept["looked"], datetime.fromisoformat(kept["made"]), columns, missing)
