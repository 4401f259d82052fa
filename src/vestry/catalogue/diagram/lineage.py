"""The picture of a lineage: what tables or a column come from on the left, what follows from them on the right."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from vestry.catalogue.diagram.shapes import Box, Drawing, Href, Line, Row
from vestry.catalogue.lineage.graph import LineageGraph
from vestry.catalogue.lineage.model import SYSTEM_OF_RECORD, WHOLE, ColumnName
from vestry.project import TableName

#: How many boxes a reader can take in, and rows of a box.
BOXES, ROWS = 40, 8


def lineage_picture(
    graph: LineageGraph,
    about: Collection[ColumnName],
    layers: Mapping[TableName, str],
    href: Href = lambda name: None,
    limit: int = BOXES,
) -> Drawing:
    """What is drawn of tables (all of them named WHOLE) or of columns.

    `layers` gives `silver` or `gold` of a product's table; `href` the address of a `ColumnName`. Of what is too much
    the nearest `limit` tables are shown.
    """
    above, below = graph.reach(about, "up"), graph.reach(about, "down")
    near = sorted({**above, **below}, key=lambda n: (min(above.get(n, 9999), below.get(n, 9999)), n))
    tables = list(dict.fromkeys(name.table for name in near))
    shown = tables[:limit]
    of_columns = any(name.column != WHOLE for name in about)
    rows = _rows(near, shown) if of_columns else {table: [] for table in shown}
    boxes = tuple(_box(t, rows[t], t in {n.table for n in about}, about, layers, href) for t in shown)
    lines = _column_lines(graph, rows, {*near}) if of_columns else _table_lines(graph, shown)
    what = " and ".join(str(name) for name in list(about)[:3])
    return Drawing(
        f"Lineage of {what}",
        f"{len([n for n in dict.fromkeys(x.table for x in above) if n not in {a.table for a in about}])} tables that it "
        f"comes from, on the left; {len([n for n in dict.fromkeys(x.table for x in below) if n not in {a.table for a in about}])} that follow "
        "from it, on the right. The same stands below as a list.",
        boxes,
        lines,
        hidden=len(tables) - len(shown),
    )


def kind_of(table: TableName, layers: Mapping[TableName, str]) -> str:
    """`source`, `bronze`, `silver` or `gold`."""
    if table.domain == SYSTEM_OF_RECORD:
        return "source"
    return "bronze" if table.is_bronze else layers.get(table, "other")


_LEAST = {"source": 0, "bronze": 1}


def _box(
    table: TableName,
    columns: list[ColumnName],
    chosen: bool,
    about: Collection[ColumnName],
    layers: Mapping[TableName, str],
    href: Href,
) -> Box:
    kind = kind_of(table, layers)
    rows = [Row(c.column, href(c), chosen=c in about) for c in columns[:ROWS] if c.column != WHOLE]
    if len(columns) > ROWS:
        rows.append(Row(f"and {len(columns) - ROWS} more"))
    subtitle = {"source": f"{table.product}, system of record", "bronze": f"bronze.{table.product}"}.get(
        kind, f"{table.domain}.{table.product}" + (f", {kind}" if kind != "other" else "")
    )
    return Box(
        str(table), table.table, subtitle, kind, href(ColumnName(table, WHOLE)), tuple(rows), chosen, _LEAST.get(kind, 2)
    )


def _rows(near: list[ColumnName], shown: list[TableName]) -> dict[TableName, list[ColumnName]]:
    found: dict[TableName, list[ColumnName]] = {table: [] for table in shown}
    for name in near:
        if name.table in found:
            found[name.table].append(name)
    return found


def _table_lines(graph: LineageGraph, shown: list[TableName]) -> tuple[Line, ...]:
    return tuple(Line(str(above), str(table)) for table in shown for above in graph.tables[table] if above in shown)


def _column_lines(
    graph: LineageGraph, rows: Mapping[TableName, list[ColumnName]], near: set[ColumnName]
) -> tuple[Line, ...]:
    """A line from each column to those made of it, by their places in their boxes."""
    place = {
        name: min(number, ROWS) if name.column != WHOLE else None
        for columns in rows.values()
        for number, name in enumerate(columns)
    }
    lines = dict.fromkeys(
        Line(str(above.table), str(name.table), place[above], place[name])
        for columns in rows.values()
        for name in columns
        for above in graph.next(name, "up")
        if above in near and above in place
    )
    return tuple(lines)
