"""Where a table or column comes from, and what breaks if it goes: both ways over the lineage of all tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from vestry.catalogue.lineage.model import SYSTEM_OF_RECORD, WHOLE, ColumnName, Lineage
from vestry.project import TableName, VestryError
from vestry.project.errors import did_you_mean

#: `up` is where something comes from; `down` is what follows from it.
Way = Literal["up", "down"]
#: How many steps a tree goes, and how many branches it unfolds, where nobody says otherwise.
DEPTH, BRANCHES = 20, 300


@dataclass(frozen=True)
class Branch:
    """A table or column, with what it is made of (or what is made of it), as a tree that a page or a terminal shows.

    `by` are the columns that only decide which rows or value it has (downwards, those that it decides, or whole
    tables whose rows it decides). What stands elsewhere in the tree already is not unfolded again: it is `told`.
    """

    name: ColumnName
    children: tuple[Branch, ...] = ()
    by: tuple[ColumnName, ...] = ()
    told: bool = False
    #: Branches that were left out because the tree is as deep, or as large, as it may be.
    more: int = 0


@dataclass(frozen=True)
class Impact:
    """What breaks if something goes: columns that are made of it, and tables that cannot be made without it."""

    columns: tuple[ColumnName, ...]
    tables: tuple[TableName, ...]


@dataclass(frozen=True)
class LineageGraph:
    """The lineage of every table, bronze tables among them (made of what their system of record has).

    `inputs` are the tables that each recipe reads, whether a column of them is used or not.
    """

    lineage: Mapping[TableName, Lineage]
    inputs: Mapping[TableName, Sequence[TableName]] = field(default_factory=dict)

    @cached_property
    def tables(self) -> dict[TableName, tuple[TableName, ...]]:
        """Every table, and those that it is made of."""
        found: dict[TableName, tuple[TableName, ...]] = {}
        for name, lineage in self.lineage.items():
            found[name] = tuple(sorted({*self.inputs.get(name, ()), *lineage.tables} - {name}))
        for above in [above for named in found.values() for above in named]:
            found.setdefault(above, ())
        return found

    @cached_property
    def readers(self) -> dict[TableName, tuple[TableName, ...]]:
        """Every table, and those that read it."""
        found: dict[TableName, list[TableName]] = {name: [] for name in self.tables}
        for name, above in self.tables.items():
            for one in above:
                found[one].append(name)
        return {name: tuple(sorted(below)) for name, below in found.items()}

    @cached_property
    def columns(self) -> dict[TableName, tuple[str, ...]]:
        """The columns of each table that are made, or that somebody reads."""
        found: dict[TableName, dict[str, None]] = {name: {} for name in self.tables}
        for name, lineage in self.lineage.items():
            found[name].update(dict.fromkeys(lineage.columns))
        for used in (*self._made, *self._decided):
            if used.column != WHOLE:
                found[used.table].setdefault(used.column)
        return {name: tuple(columns) for name, columns in found.items()}

    @cached_property
    def _made(self) -> dict[ColumnName, list[ColumnName]]:
        """For each column, those that are made of it."""
        found: dict[ColumnName, list[ColumnName]] = {}
        for name, lineage in self.lineage.items():
            for column, origin in lineage.columns.items():
                made = ColumnName(name, column)
                for one in origin.of:
                    found.setdefault(one, []).append(made)
        return found

    @cached_property
    def _decided(self) -> dict[ColumnName, list[ColumnName]]:
        """For each column, those whose value it decides, and tables (as WHOLE) whose rows it decides."""
        found: dict[ColumnName, list[ColumnName]] = {}
        for name, lineage in self.lineage.items():
            for one in lineage.rows:
                found.setdefault(one, []).append(ColumnName(name, WHOLE))
            for column, origin in lineage.columns.items():
                for one in origin.by - origin.of - lineage.rows:
                    found.setdefault(one, []).append(ColumnName(name, column))
        return found

    def named(self, text: str) -> ColumnName:
        """The table, or column, of that full name. Raises VestryError that offers the nearest."""
        parts = text.split(".")
        tables = {str(table): table for table in self.tables if table.domain != SYSTEM_OF_RECORD}
        table = tables.get(".".join(parts[:3]))
        if table is None:
            mend = did_you_mean(text, tables, "name domain.product.table, or a column of it")
            raise VestryError(f"there is no table `{'.'.join(parts[:3])}`", mend=mend)
        name = ColumnName(table, ".".join(parts[3:]) or WHOLE)
        if name not in self:
            raise VestryError(
                f"{table} has no column `{name.column}`", mend=did_you_mean(name.column, self.columns[table])
            )
        return name

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, ColumnName):
            return name in self.tables
        return name.table in self.tables and (name.column == WHOLE or name.column in self.columns[name.table])

    def next(self, name: ColumnName, way: Way) -> list[ColumnName]:
        """One step: what it is made of, or what is made of it. Of a table, tables."""
        if name.column == WHOLE:
            around = self.tables if way == "up" else self.readers
            return [ColumnName(table, WHOLE) for table in around.get(name.table, ())]
        if way == "up":
            lineage = self.lineage.get(name.table)
            origin = lineage.columns.get(name.column) if lineage else None
            return sorted(origin.of) if origin else []
        # What is made of a column of the table, nobody knows which, may be made of this one.
        whole = ColumnName(name.table, WHOLE)
        return sorted({*self._made.get(name, ()), *self._made.get(whole, ())})

    def deciding(self, name: ColumnName, way: Way) -> list[ColumnName]:
        """One step: the columns that only decide it, or what it only decides. Of a table, none."""
        if name.column == WHOLE:
            return []
        if way == "down":
            return sorted(self._decided.get(name, ()))
        lineage = self.lineage.get(name.table)
        origin = lineage.columns.get(name.column) if lineage else None
        return sorted((origin.by | lineage.rows) - origin.of) if lineage and origin else []

    def tree(self, name: ColumnName, way: Way, depth: int = DEPTH) -> Branch:
        """What it comes from, or what follows from it, to so many steps."""
        return self._branch(name, way, depth, set())

    def _branch(self, name: ColumnName, way: Way, depth: int, seen: set[ColumnName]) -> Branch:
        if name in seen:
            return Branch(name, told=bool(self.next(name, way)))
        by = tuple(self.deciding(name, way))
        following = self.next(name, way)
        if depth <= 0 or len(seen) >= BRANCHES:  # not unfolded here, so it may be elsewhere
            return Branch(name, by=by, more=len(following))
        seen.add(name)
        return Branch(name, tuple(self._branch(one, way, depth - 1, seen) for one in following), by)

    def reach(self, names: Iterable[ColumnName], way: Way) -> dict[ColumnName, int]:
        """All that they come from, or that follows from them, with the least number of steps; themselves are 0."""
        found = dict.fromkeys(names, 0)
        waiting = list(found)
        for name in waiting:  # which grows
            for one in self.next(name, way):
                if one not in found:
                    found[one] = found[name] + 1
                    waiting.append(one)
        return found

    def impact(self, name: ColumnName) -> Impact:
        """What breaks if a table or column goes."""
        followers = list(self.reach([name], "down"))[1:]
        if name.column == WHOLE:
            return Impact((), tuple(one.table for one in followers))
        direct = [*self.next(name, "down"), *self.deciding(name, "down")]
        tables = self.reach([ColumnName(one.table, WHOLE) for one in direct], "down")
        return Impact(tuple(followers), tuple(one.table for one in tables))

    def origins(self, name: ColumnName) -> list[ColumnName]:
        """The fields (or tables) of systems of record that it comes from in the end."""
        return [one for one in self.reach([name], "up") if one.table.domain == SYSTEM_OF_RECORD]


def flattened(branch: Branch, depth: int = 0) -> Iterator[tuple[int, Branch]]:
    """The branches of a tree in the order in which they are read, each with its depth."""
    yield depth, branch
    for child in branch.children:
        yield from flattened(child, depth + 1)
