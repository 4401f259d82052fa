"""The lineage of a whole project."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Collection, Mapping, Sequence

from vestry.catalogue.lineage.graph import LineageGraph
from vestry.catalogue.lineage.kept import Lineages
from vestry.catalogue.lineage.model import WHOLE, Lineage
from vestry.catalogue.lineage.sources import bronze_lineage
from vestry.project import Project, TableName


def lineage_graph(
    project: Project,
    inputs: Mapping[TableName, Sequence[TableName]],
    columns_of: Callable[[TableName], Collection[str]],
    lineages: Lineages | None = None,
) -> LineageGraph:
    """The lineage of every table of a project, from the systems of record on.

    `inputs` are the tables that each recipe reads; `columns_of` gives a table's columns, none where they are not
    known yet. `lineages` remembers what was read before.
    """
    lineages = lineages or Lineages(project.state)
    shapes = {name: list(columns_of(name)) for name in (*project.bronze, *project.tables)}
    made = lineages.of(project.tables.values(), inputs, lambda name: shapes.get(name, []))
    unknown = [name for name in project.bronze if not shapes[name]]
    used = _used(made, unknown) if unknown else {}
    loaded = {
        # What is not loaded yet has at least the columns that somebody reads.
        name: bronze_lineage(source, name.table, shapes[name] or used[name])
        for name, source in project.bronze.items()
    }
    return LineageGraph(ChainMap(loaded, made), {name: inputs.get(name, ()) for name in project.tables})  # type: ignore[arg-type]


def _used(lineages: Mapping[TableName, Lineage], tables: Collection[TableName]) -> dict[TableName, list[str]]:
    """The columns of some tables that others are made of."""
    found: dict[TableName, set[str]] = {name: set() for name in tables}
    for lineage in lineages.values():
        for one in lineage.rows.union(*(origin.all for origin in lineage.columns.values())):
            if one.table in found and one.column != WHOLE:
                found[one.table].add(one.column)
    return {name: sorted(columns) for name, columns in found.items()}
