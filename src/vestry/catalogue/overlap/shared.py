"""People and homes that systems share: counted whole, in the indexes that say who is who and what is where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vestry.catalogue.missing import SMALLEST
from vestry.catalogue.model import Catalogue
from vestry.catalogue.overlap.sketch import NORMAL
from vestry.lake import Engine
from vestry.project import TableName, literal, quote

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Shared:
    """How many things each system knows, how many of them no other does, and how many every two both know.

    Fewer than `SMALLEST` that are in others too count as none: whoever adds a file of one person would be told by the
    map in which systems that person is.
    """

    known: Mapping[str, int] = field(default_factory=dict)
    alone: Mapping[str, int] = field(default_factory=dict)
    #: By the names of two systems, the first before the second in the alphabet.
    both: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def between(self, a: str, b: str) -> int:
        return self.both.get((min(a, b), max(a, b)), 0)

    def elsewhere(self, system: str) -> float | None:
        """The part of a system's things that some other system knows too; None where it knows none."""
        known = self.known.get(system)
        return 1 - self.alone.get(system, 0) / known if known else None


def people(catalogue: Catalogue, engine: Engine, systems: Mapping[TableName, str]) -> Shared:
    """Who is in which system, by the records of every citizen index. Protected people are in no index."""
    selects = []
    for table in catalogue.project.tables.values():
        record = TableName(table.name.domain, table.name.product, f"{table.name.table}_record")
        if table.kind == "match.yaml" and not table.part and record in catalogue.states:
            person = f"{literal(str(table.name))} || ' ' || person_id"
            selects.append(f"SELECT source AS name, {person} AS thing FROM {engine.relation(record)}")
    return _shared(engine, selects, systems)


def homes(catalogue: Catalogue, engine: Engine, systems: Mapping[TableName, str]) -> Shared:
    """Which homes are in which system: by the columns called `uprn`, and by the addresses that were matched."""
    selects = []
    for name in systems:
        state = catalogue.states.get(name)
        if state and "uprn" in state.types:
            thing = NORMAL.format(quote("uprn"))
            selects.append(f"SELECT {literal(str(name))} AS name, {thing} AS thing FROM {engine.relation(name)}")
    for table in catalogue.project.tables.values():
        if table.kind == "uprn.yaml" and not table.part and table.name in catalogue.states:
            sources = "unnest(string_split(sources, ', '))"
            thing = NORMAL.format(quote("uprn"))
            selects.append(f"SELECT {sources} AS name, {thing} AS thing FROM {engine.relation(table.name)}")
    return _shared(engine, selects, systems)


#: Each thing once for each system that knows it.
_THINGS = """
CREATE TEMP TABLE things AS
SELECT DISTINCT s.system, t.thing
FROM ({selects}) t JOIN systems s ON t.name = s.name
WHERE t.thing IS NOT NULL
"""
_KNOWN = """
SELECT system, count(*), count(*) FILTER (others = 0)
FROM (SELECT system, count(*) OVER (PARTITION BY thing) - 1 AS others FROM things)
GROUP BY system ORDER BY system
"""
_BOTH = """
SELECT a.system, b.system, count(*)
FROM things a JOIN things b ON a.thing = b.thing AND a.system < b.system
GROUP BY ALL ORDER BY ALL
"""


def _shared(engine: Engine, selects: list[str], systems: Mapping[TableName, str]) -> Shared:
    if not selects:
        return Shared()
    with engine.cursor() as con:
        _systems(con, systems)
        con.execute(_THINGS.format(selects=" UNION ALL ".join(selects)))
        known = con.execute(_KNOWN).fetchall()
        both = con.execute(_BOTH).fetchall()
    return Shared(
        {system: count for system, count, _ in known},
        {system: alone if count - alone >= SMALLEST else count for system, count, alone in known},
        {(a, b): count for a, b, count in both if count >= SMALLEST},
    )


def _systems(con: duckdb.DuckDBPyConnection, systems: Mapping[TableName, str]) -> None:
    import pyarrow as pa

    con.register("systems", pa.table({"name": [str(n) for n in systems], "system": list(systems.values())}))
