"""Where every table and column comes from, read from the recipes that make them.

`Lineages` reads and remembers the lineage of each table; `lineage_graph` puts all together, from the systems of record
on, and answers where something comes from and what breaks if it goes.
"""

from vestry.catalogue.lineage.graph import Branch, Impact, LineageGraph, flattened
from vestry.catalogue.lineage.kept import Lineages
from vestry.catalogue.lineage.model import SYSTEM_OF_RECORD, WHOLE, ColumnName, Lineage, Origin
from vestry.catalogue.lineage.project import lineage_graph

__all__ = [
    "SYSTEM_OF_RECORD",
    "WHOLE",
    "Branch",
    "ColumnName",
    "Impact",
    "Lineage",
    "LineageGraph",
    "Lineages",
    "Origin",
    "flattened",
    "lineage_graph",
]
