"""Lineage both ways: where a table or column comes from, and what breaks if it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from vestry.catalogue.lineage.recipes import Recipes
from vestry.catalogue.lineage.sql import Made, Ref
from vestry.catalogue.live import Live
from vestry.catalogue.model import Catalogue, TableEntry
from vestry.project import TableName
from vestry.project.source import Source


@dataclass(frozen=True)
class Step:
    """One column (or, where `column` is empty, table) on the way, how far it is, and from or to which it leads."""

    table: TableName
    column: str
    distance: int
    via: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.table}.{self.column}" if self.column else str(self.table)


@dataclass(frozen=True)
class Lineage:
    """What every column of a catalogue is made of."""

    made: Mapping[Ref, Made] = field(default_factory=dict)

    @cached_property
    def makes(self) -> dict[Ref, list[Ref]]:
        """For each column, those that are made of it."""
        found: dict[Ref, list[Ref]] = {}
        for made, of in self.made.items():
            for ref in of.of:
                found.setdefault(ref, []).append(made)
        return found

    @cached_property
    def decides(self) -> dict[Ref, set[TableName]]:
        """For each column, the tables whose rows it decides."""
        found: dict[Ref, set[TableName]] = {}
        for (table, _), of in self.made.items():
            for ref in of.decided_by:
                found.setdefault(ref, set()).add(table)
        return found

    def is_exact(self, table: TableName, column: str) -> bool:
        """Whether what a column is made of is known, and not only what it may be made of."""
        made = self.made.get((table, column))
        return made is None or made.exact

    def comes_from(self, table: TableName, column: str) -> list[Step]:
        """The columns that a column is made of, the nearest first, down to bronze."""
        return self._walk((table, column), lambda ref: self.made[ref].of if ref in self.made else ())

    def leads_to(self, table: TableName, column: str) -> list[Step]:
        """The columns that are made of a column, the nearest first."""
        return self._walk((table, column), lambda ref: self.makes.get(ref, ()))

    def decided(self, table: TableName, column: str) -> list[TableName]:
        """The tables whose rows a column decides: what its going breaks besides what is made of it."""
        return sorted(self.decides.get((table, column), set()))

    @staticmethod
    def _walk(start: Ref, following) -> list[Step]:  # type: ignore[no-untyped-def]
        distance = {start: 0}
        via: dict[Ref, set[Ref]] = {}
        waiting = [start]
        for ref in waiting:  # grows as it is walked
            for other in following(ref):
                if other not in distance:
                    distance[other] = distance[ref] + 1
                    waiting.append(other)
                if distance[other] == distance[ref] + 1:
                    via.setdefault(other, set()).add(ref)
        return [
            Step(ref[0], ref[1], distance[ref], tuple(sorted(f"{t}.{c}" for t, c in via[ref])))
            for ref in sorted(waiting[1:], key=lambda r: (distance[r], r))
        ]


def lineage_of(catalogue: Catalogue, recipes: Recipes) -> Lineage:
    """The lineage of a whole catalogue; only recipes that changed, or whose inputs did, are read."""
    made: dict[Ref, Made] = {}
    with recipes.kept():
        for name, table in catalogue.project.tables.items():
            inputs = [i for i in catalogue.tables[name].inputs if i in catalogue.tables]
            schema = {i: {c.name: c.type or "VARCHAR" for c in catalogue.tables[i].columns} for i in inputs}
            for column, of in recipes.of(table, schema).items():
                made[name, column] = of
    return Lineage(made)


@dataclass(frozen=True)
class Origin:
    """Where a bronze column is in its system of record: the file or table there, and what it is called in it."""

    source: str
    place: str
    fields: tuple[str, ...]


def origin_of(source: Source, table: str, column: str) -> Origin:
    """The field in the system of record that a bronze column holds."""
    spec = source.spec.tables[table]
    place = getattr(spec, "files", None) or getattr(spec, "table", None) or getattr(spec, "path", None) or table
    fields = (getattr(spec, "columns", None) or {}).get(column, [column]) if spec else [column]
    shown = ", ".join(place) if isinstance(place, list) else str(place)
    return Origin(source.name, shown, tuple(fields) if isinstance(fields, list) else (column,))


def neighbourhood(catalogue: Catalogue, tables: Iterable[TableName]) -> set[TableName]:
    """Some tables, all that they come from, and all that is made of them."""
    chosen = list(tables)
    return catalogue.graph.upstream(chosen) | catalogue.graph.downstream(chosen)


def entries(catalogue: Catalogue, names: Iterable[TableName]) -> list[TableEntry]:
    return [catalogue.tables[name] for name in sorted(names) if name in catalogue.tables]


class LiveLineage:
    """The lineage of the catalogue as it was a moment ago; None until it has been read once."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._recipes = Recipes(Path(live.workspace.project.state) / "lineage.json")
        self._of: Catalogue | None = None
        self.current: Lineage | None = None

    def update(self) -> Lineage:
        """Bring it up to date."""
        catalogue = self._live.catalogue()
        if self.current is None or catalogue is not self._of:
            self.current, self._of = lineage_of(catalogue, self._recipes), catalogue
        return self.current
