"""The map: systems, what ties every two of them, and those that hold nothing of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vestry.catalogue.live import Live
from vestry.catalogue.missing import SMALLEST
from vestry.catalogue.model import Catalogue, ColumnEntry
from vestry.catalogue.overlap.estimate import Estimate, estimate, probed, sharing
from vestry.catalogue.overlap.shared import Shared, homes, people
from vestry.catalogue.overlap.sketch import Sketch, Sketches
from vestry.catalogue.register.kinds import NAME, identifies, is_place, kinds_of
from vestry.lake import Engine
from vestry.project import TableName

#: From so large a part on, what a column holds counts as being elsewhere too.
WHOLLY = 0.98
#: Below this part a tie may be chance; and of fewer values that both hold nothing is told: see `SMALLEST`.
_PART = 0.1
#: And this is what a part must surely be of which WHOLLY is the estimate.
_SURE = 0.95
#: An estimate from fewer values than this is too rough where a better one is to be had.
_ENOUGH = 200
#: Where neither column tells things apart, as surnames do not, the tie is one of kind and not of things.
_UNIQUE = 0.5


@dataclass(frozen=True)
class ColumnTie:
    """Two columns of different systems that share values, and how much of each the other has."""

    a: str
    b: str
    shares: Estimate
    #: Whether the columns tell things apart, so that the same value means the same thing.
    is_strong: bool
    #: The glossary's term that both carry.
    term: str | None


@dataclass(frozen=True)
class SystemTie:
    """Two systems that hold the same things; the counts are whole, and 0 where no index knows both."""

    a: str
    b: str
    columns: tuple[ColumnTie, ...]
    people: int
    homes: int

    @property
    def strong(self) -> tuple[ColumnTie, ...]:
        return tuple(tie for tie in self.columns if tie.is_strong)


@dataclass(frozen=True)
class Retirable:
    """A system whose identifying data are wholly in others: a candidate to retire, once what is its own has a home."""

    system: str
    #: The systems that hold it.
    held_by: tuple[str, ...]
    #: Its columns that say who or where, and the smallest part of any that is elsewhere.
    columns: tuple[str, ...]
    part: float
    people: float | None
    homes: float | None
    #: Columns that nobody else holds.
    own: tuple[str, ...]


@dataclass(frozen=True)
class DataMap:
    """All systems, and how they overlap; ties in the order of how much they share."""

    systems: tuple[str, ...]
    ties: tuple[SystemTie, ...]
    people: Shared
    homes: Shared
    retirable: tuple[Retirable, ...]

    def of(self, system: str) -> tuple[SystemTie, ...]:
        return tuple(tie for tie in self.ties if system in (tie.a, tie.b))


def systems_of(catalogue: Catalogue) -> dict[TableName, str]:
    """The system whose data a table holds: of bronze its source; of silver the one that its product reads them from.

    A table that mixes several, as an index does, is of none: what it holds is theirs.
    """
    found = {name: name.product for name in catalogue.tables if name.is_bronze}
    for name, table in catalogue.tables.items():
        if table.layer == "silver":
            sources = {n.product for n in _within(catalogue, name) if n.is_bronze}
            if len(sources) == 1:
                found[name] = next(iter(sources))
    return found


def _within(catalogue: Catalogue, name: TableName) -> set[TableName]:
    """The inputs of a table, through the tables of its own product."""
    reached, waiting = set[TableName](), [name]
    while waiting:
        at = waiting.pop()
        for other in catalogue.tables[at].inputs if at in catalogue.tables else ():
            if other not in reached:
                reached.add(other)
                if (other.domain, other.product) == (name.domain, name.product):
                    waiting.append(other)
    return reached


def data_map(catalogue: Catalogue, sketches: Sketches, engine: Callable[[], Engine]) -> DataMap:
    """The map of a catalogue. Reads the tables that have changed since their sketches were made, and the indexes."""
    systems = systems_of(catalogue)
    made = sketches.of((catalogue.tables[name] for name in systems), engine)
    found = list(_column_ties(catalogue, sketches, made, systems, engine))
    who, where = people(catalogue, engine(), systems), homes(catalogue, engine(), systems)
    grouped: dict[tuple[str, str], list[ColumnTie]] = {}
    for a, b, tie in found:
        grouped.setdefault((a, b), []).append(tie)
    ties = [
        SystemTie(a, b, tuple(_best(grouped.get((a, b), ()))), who.between(a, b), where.between(a, b))
        for a, b in sorted({*grouped, *who.both, *where.both})
    ]
    ties.sort(key=lambda tie: (-tie.people, -tie.homes, -len(tie.strong), tie.a, tie.b))
    names = tuple(sorted(set(systems.values())))
    retirable = tuple(_retirable(catalogue, names, systems, made, found, who, where))
    return DataMap(names, tuple(ties), who, where, retirable)


def _column_ties(
    catalogue: Catalogue,
    kept: Sketches,
    made: Mapping[str, Sketch],
    systems: Mapping[TableName, str],
    engine: Callable[[], Engine],
) -> Iterator[tuple[str, str, ColumnTie]]:
    """Every tie that is more than chance, with its two systems in the order of the alphabet."""
    sketches = sorted(made.values(), key=lambda s: (systems[s.table], s.full_name))
    entries = [catalogue.columns[s.full_name] for s in sketches]
    named = [kinds_of([entry], catalogue.glossary) == [NAME] for entry in entries]
    near = {
        (a, b): estimate(sketches[a], sketches[b]) for a, b in sharing(sketches, [systems[s.table] for s in sketches])
    }
    unsure = list(_unsure(catalogue, sketches, entries, systems))
    counts = kept.probe([(sketches[a], sketches[b]) for a, b in unsure], engine)
    for (a, b), count in zip(unsure, counts, strict=True):
        said = probed(sketches[a], sketches[b], count)
        near[min(a, b), max(a, b)] = said if a < b else said.turned
    for (a, b), said in sorted(near.items()):
        mine, other = sketches[a], sketches[b]
        if max(said.a_in_b, said.b_in_a) < _PART or not _is_comparable(mine, other, entries[a], entries[b]):
            continue
        if said.seen[2] < SMALLEST:
            continue
        is_strong = max(mine.uniqueness, other.uniqueness) >= _UNIQUE and not (named[a] or named[b])
        term = entries[a].term if entries[a].term == entries[b].term else None
        if not is_strong and term is None and mine.column != other.column:
            continue  # a surname that is somebody's forename
        yield (
            systems[mine.table],
            systems[other.table],
            ColumnTie(mine.full_name, other.full_name, said, is_strong, term),
        )


def _unsure(
    catalogue: Catalogue, sketches: Sequence[Sketch], entries: Sequence[ColumnEntry], systems: Mapping[TableName, str]
) -> Iterator[tuple[int, int]]:
    """Columns that say who or where, beside others of the same term or name so large that too few hashes meet."""
    alike: dict[str, list[int]] = {}
    for place, entry in enumerate(entries):
        if identifies(entry, catalogue.glossary):
            alike.setdefault(entry.term or entry.name, []).append(place)
    for places in alike.values():
        for a in places:
            for b in places:
                mine, other = sketches[a], sketches[b]
                if systems[mine.table] != systems[other.table] and mine.distinct < other.distinct:
                    met = len(mine.hashes) * min(1.0, other.threshold / mine.threshold)
                    if met < min(_ENOUGH, len(mine.hashes)):
                        yield a, b


def _best(ties: Sequence[ColumnTie]) -> list[ColumnTie]:
    """Of the ties that say the same, by their term or the names of their columns, the one that says it best."""
    best: dict[object, ColumnTie] = {}
    for tie in sorted(ties, key=lambda tie: (not tie.is_strong, -tie.shares.jaccard, tie.a, tie.b)):
        best.setdefault(tie.term or (tie.a.rpartition(".")[2], tie.b.rpartition(".")[2]), tie)
    return list(best.values())


def _is_comparable(a: Sketch, b: Sketch, mine: ColumnEntry, theirs: ColumnEntry) -> bool:
    """Short whole numbers are the same in all systems by chance: they count where both columns are called alike."""
    if "number" not in (a.kind, b.kind):
        return True
    return a.column == b.column or (mine.term is not None and mine.term == theirs.term)


def _retirable(
    catalogue: Catalogue,
    names: Sequence[str],
    systems: Mapping[TableName, str],
    sketches: Mapping[str, Sketch],
    ties: Sequence[tuple[str, str, ColumnTie]],
    who: Shared,
    where: Shared,
) -> Iterator[Retirable]:
    elsewhere: dict[str, tuple[float, float, str]] = {}  # of each column the best: lower bound, part, system
    for a, b, tie in ties:
        for column, said, system in ((tie.a, tie.shares, b), (tie.b, tie.shares.turned, a)):
            known = elsewhere.get(column, (0.0, 0.0, ""))
            elsewhere[column] = max(known, (said.a_between[0], said.a_in_b, system))
    for name in names:
        mine = [c for c in catalogue.columns.values() if systems.get(c.table) == name]
        telling = [c for c in mine if c.full_name in sketches and identifies(c, catalogue.glossary)]
        parts = [elsewhere.get(c.full_name, (0.0, 0.0, "")) for c in telling]
        held = [part for _, part, _ in parts]
        held += [part for part in (who.elsewhere(name), where.elsewhere(name)) if part is not None]
        if not held or min(held) < WHOLLY or any(low < _SURE for low, _, _ in parts):
            continue
        if who.elsewhere(name) is None and all(is_place(c, catalogue.glossary) for c in telling):
            # That a place is in the gazetteer too is as it should be: what is said of it must be elsewhere as well.
            told = [c for c in mine if c.full_name in sketches and not is_place(c, catalogue.glossary)]
            if 2 * sum(_is_elsewhere(c, elsewhere) for c in told) <= len(told):
                continue
        holders = {system for _, _, system in parts if system}
        holders |= {other for other in names if other != name and who.between(name, other)}
        own = [c.full_name for c in mine if c.table.is_bronze and not _is_elsewhere(c, elsewhere)]
        yield Retirable(
            name,
            tuple(sorted(holders)),
            tuple(c.full_name for c in telling),
            min(held),
            who.elsewhere(name),
            where.elsewhere(name),
            tuple(own),
        )


def _is_elsewhere(column: ColumnEntry, elsewhere: Mapping[str, tuple[float, float, str]]) -> bool:
    return column.name.startswith("_") or elsewhere.get(column.full_name, (0.0, 0.0, ""))[1] >= WHOLLY


class LiveMap:
    """The map as the catalogue was when it was last made; `update` makes it anew where that is another."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._sketches = Sketches(live.workspace.project.state)
        self._made: tuple[Catalogue, DataMap] | None = None
        self._making = threading.Lock()

    @property
    def current(self) -> DataMap | None:
        """The last one; None before the first."""
        return self._made[1] if self._made else None

    def update(self) -> DataMap:
        """The map of the catalogue as it is now: seconds where tables are new, else at once."""
        catalogue = self._live.catalogue()
        with self._making:
            if self._made is None or self._made[0] is not catalogue:
                made = data_map(catalogue, self._sketches, lambda: self._live.workspace.engine)
                self._made = catalogue, made
            return self._made[1]
