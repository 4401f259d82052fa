"""The lineage that follows the catalogue."""

from __future__ import annotations

from vestry.catalogue.lineage.graph import LineageGraph
from vestry.catalogue.lineage.kept import Lineages
from vestry.catalogue.lineage.project import lineage_graph
from vestry.catalogue.live import Live
from vestry.catalogue.model import Catalogue


def lineage_of(catalogue: Catalogue, lineages: Lineages) -> LineageGraph:
    """The lineage of a whole catalogue; only recipes that changed, or whose inputs did, are read."""
    inputs = {name: step.inputs for name, step in catalogue.graph.steps.items()}
    columns = {name: [c.name for c in table.columns] for name, table in catalogue.tables.items()}
    return lineage_graph(catalogue.project, inputs, lambda name: columns.get(name, ()), lineages)


class LiveLineage:
    """The lineage of the catalogue as it was a moment ago; None until it has been read once."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._lineages = Lineages(live.workspace.project.state)
        self._of: Catalogue | None = None
        self.current: LineageGraph | None = None

    def update(self) -> LineageGraph:
        """Bring it up to date."""
        catalogue = self._live.catalogue()
        if self.current is None or catalogue is not self._of:
            self.current, self._of = lineage_of(catalogue, self._lineages), catalogue
        return self.current
