"""The lineage of a whole project."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from vestry.catalogue.lineage.graph import LineageGraph
from vestry.catalogue.lineage.kept import Lineages
from vestry.catalogue.lineage.model import WHOLE
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
    found = dict(lineages.of(project.tables.values(), inputs, lambda name: shapes.get(name, [])))
    used: dict[TableName, dict[str, None]] = {}
    for lineage in found.values():
        for one in lineage.rows.union(*(origin.all for origin in lineage.columns.values())):
            if one.table in project.bronze and one.column != WHOLE:
                used.setdefault(one.table, {})[one.column] = None
    for name, source in project.bronze.items():
        # What is not loaded yet has at least the columns that somebody reads.
        columns = shapes[name] or sorted(used.get(name, ()))
        found[name] = bronze_lineage(source, name.table, columns)
    return LineageGraph(found, {name: inputs.get(name, ()) for name in project.tables})
