"""Pictures of the catalogue, as SVG that needs no script and no style sheet: lineage, and entities with their keys.

`lineage_picture` and `entity_diagram` say what is drawn (`shapes.py`), `layout.py` says where, `svg.py` draws.
"""

from vestry.catalogue.diagram.entities import entity_diagram
from vestry.catalogue.diagram.lineage import lineage_picture
from vestry.catalogue.diagram.shapes import Box, Drawing, Line, Row
from vestry.catalogue.diagram.svg import svg

__all__ = ["Box", "Drawing", "Line", "Row", "entity_diagram", "lineage_picture", "svg"]
