"""Names within a query: which column of which input each of them means.

Where the columns of an input are not known (a bronze table that was never loaded), a name is still certain if no
other input could have it, for the SQL is known to bind. Where it is not certain, it is the whole table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from vestry.catalogue.lineage.model import NOTHING, WHOLE, ColumnName, Columns, Origin, union
from vestry.project import TableName


@dataclass(frozen=True)
class Relation:
    """What a FROM can name: its columns in order, what decides its rows, and what any other column of it would be of.

    `rest` is a table whose columns are not known, an origin, or None where there are no others.
    """

    columns: Sequence[tuple[str, Origin]] = ()
    rows: Columns = frozenset()
    rest: TableName | Origin | None = None
    #: The table itself, where it is one of the lake.
    table: TableName | None = None

    @cached_property
    def known(self) -> Mapping[str, Origin]:
        found: dict[str, Origin] = {}
        for name, origin in self.columns:
            found.setdefault(name.casefold(), origin)
        return found

    def other(self, name: str) -> Origin | None:
        """The origin of a column that is not among the known ones."""
        if isinstance(self.rest, TableName):
            return Origin(frozenset([ColumnName(self.rest, name)]))
        return self.rest

    def find(self, name: str) -> Origin | None:
        return self.known.get(name.casefold()) or self.other(name)

    @cached_property
    def whole(self) -> Origin:
        """All that its columns are of."""
        return union([*(origin for _, origin in self.columns), self.other(WHOLE) or NOTHING])


@dataclass
class Scope:
    """The names that an expression can use: those of its FROM, then those around it."""

    outer: Scope | None = None
    ctes: Mapping[str, Relation] = field(default_factory=dict)
    sources: dict[str, Relation] = field(default_factory=dict)
    #: Columns that a join by USING made one.
    joined: dict[str, Origin] = field(default_factory=dict)
    #: Aliases of the SELECT so far, which DuckDB lets other expressions name.
    aliases: dict[str, Origin] = field(default_factory=dict)
    #: Variables of lambdas and comprehensions, before everything else.
    bound: dict[str, Origin] = field(default_factory=dict)
    windows: dict[str, Origin] = field(default_factory=dict)
    #: Names that an input whose columns are not known has for certain: they were used before an alias was so called.
    certain: dict[str, Origin] = field(default_factory=dict)

    def column(self, parts: Sequence[str]) -> Origin:
        """The origin of a name as it is written: `c`, `t.c`, `domain.product.table.c`, or with fields of structs."""
        found = self._qualified(parts) if len(parts) > 1 else None
        if found is None:
            found = self._plain(parts[0])
        if found is None:  # nothing has it: then it may be of anything here
            found = union(Origin(frozenset(ColumnName(c.table, WHOLE) for c in r.whole.all)) for r in self._around())
        return found

    def _around(self) -> Iterable[Relation]:
        yield from self.sources.values()
        if self.outer:
            yield from self.outer._around()

    def _qualified(self, parts: Sequence[str]) -> Origin | None:
        if parts[0].casefold() in self.bound:
            return self.bound[parts[0].casefold()]
        source = self.sources.get(parts[0].casefold())
        at = 1
        if source is None and len(parts) > 3:
            name = tuple(p.casefold() for p in parts[:3])
            named = (r for r in self.sources.values() if r.table and str(r.table).casefold() == ".".join(name))
            source, at = next(named, None), 3
        if source is not None and (found := source.find(parts[at])) is not None:
            return found
        if source is None and self._has(parts[0]):
            return None  # a struct of this scope, not a table around it
        return self.outer._qualified(parts) if self.outer else None

    def _has(self, name: str) -> bool:
        return any(name.casefold() in source.known for source in self.sources.values())

    def _plain(self, name: str) -> Origin | None:
        key = name.casefold()
        if key in self.bound:
            return self.bound[key]
        if key in self.joined:
            return self.joined[key]
        if key in self.certain:
            return self.certain[key]
        for source in self.sources.values():
            if key in source.known:
                return source.known[key]
        alias = self.aliases.get(key)
        around = self.outer._plain(name) if self.outer else None
        others = [source for source in self.sources.values() if source.rest is not None]
        if not others:
            if alias is not None:
                return alias
            return self.sources[key].whole if key in self.sources else around  # a row as a value
        if len(others) == 1 and alias is None and around is None:
            self.certain[key] = others[0].other(name) or NOTHING
            return self.certain[key]
        # It may be a column of any of them, or the other thing of that name.
        return union([*(source.other(WHOLE) or NOTHING for source in others), alias or NOTHING, around or NOTHING])
