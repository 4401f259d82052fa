"""Pictures of the catalogue on a page, with links to its pages."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from vestry.catalogue.diagram import Drawing, svg
from vestry.catalogue.lineage import SYSTEM_OF_RECORD, WHOLE, ColumnName
from vestry.catalogue.model import Catalogue
from vestry.serve import paths


def drawn(drawing: Drawing) -> Markup:
    """A picture as a template takes it: all text in it is escaped where it is drawn."""
    return Markup(svg(drawing))  # noqa: S704


def place_of(catalogue: Catalogue) -> Callable[[ColumnName], str | None]:
    """Gives the address of the page of a table or column; None where it has none, such as a companion table."""

    def href(name: ColumnName) -> str | None:
        if name.table.domain == SYSTEM_OF_RECORD:
            return paths.source(name.table.product)
        entry = catalogue.tables.get(name.table)
        if entry is None or (name.column != WHOLE and name.column not in entry.by_name):
            return None
        return paths.table(name.table) if name.column == WHOLE else paths.column(str(name))

    return href
