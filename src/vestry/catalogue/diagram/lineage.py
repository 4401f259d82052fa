"""The picture of a lineage: what tables or a column come from on the left, what follows from them on the right."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from vestry.catalogue.diagram.shapes import Box, Drawing, Href, Line, Row
from vestry.catalogue.lineage.graph import LineageGraph, Way
from vestry.catalogue.lineage.model import SYSTEM_OF_RECORD, WHOLE, ColumnName
from vestry.project import TableName

#: How many boxes a reader can take in, and rows of a box.
BOXES, ROWS = 36, 8
#: How many steps are shown of what follows, of a column and of a table, whose followers are many more. What something
#: comes from is shown to the end.
COLUMN_STEPS, TABLE_STEPS = 3, 1


def lineage_picture(
    graph: LineageGraph,
    about: Collection[ColumnName],
    layers: Mapping[TableName, str],
    href: Href = lambda name: None,
    limit: int = BOXES,
) -> Drawing:
    """What is drawn of tables (all of them named WHOLE) or of columns.

    `layers` gives `silver` or `gold` of a product's table; `href` the address of a `ColumnName`. Of what is too much
    the nearest `limit` tables are shown, and each says how many more there are before or after it.
    """
    above, below = graph.reach(about, "up"), graph.reach(about, "down")
    steps = {**below, **above}
    of_columns = any(name.column != WHOLE for name in about)
    far = COLUMN_STEPS if of_columns else TABLE_STEPS
    near = sorted((n for n in steps if below.get(n, 0) <= far or n in above), key=lambda n: (steps[n], n))
    shown = list(dict.fromkeys(name.table for name in near))[:limit]
    chosen = {name.table for name in about}
    rows: dict[TableName, list[ColumnName]] = {table: [] for table in shown}
    for name in near:
        if name.column != WHOLE and name.table in rows:
            rows[name.table].append(name)
    boxes = []
    for table in shown:
        names = rows[table] if of_columns else [ColumnName(table, WHOLE)]
        more = [
            _more(graph, [n for n in names if n in above], rows, "up", "before"),
            _more(graph, [n for n in names if n in below], rows, "down", "after"),
        ]
        boxes.append(_box(table, rows[table], more, table in chosen, about, layers, href))
    lines = _column_lines(graph, rows, {*near}) if of_columns else _table_lines(graph, shown)
    before, after = ({n.table for n in some} - chosen for some in (above, below))
    return Drawing(
        f"Lineage of {', '.join(name.shown for name in list(about)[:3])}",
        f"On the left {_counted(before)} that it comes from, on the right {_counted(after)} that follow from it.",
        tuple(boxes),
        lines,
        hidden=len(before | after | chosen) - len(shown),
    )


def _counted(tables: Collection[TableName]) -> str:
    return "1 table" if len(tables) == 1 else f"{len(tables):,} tables"


def _more(graph: LineageGraph, names: Collection[ColumnName], shown: Collection[TableName], way: Way, word: str) -> str:
    left = {following.table for name in names for following in graph.next(name, way)} - {*shown}
    return f"{len(left)} more {word} it" if left else ""


def _kind(table: TableName, layers: Mapping[TableName, str]) -> str:
    """`source`, `bronze`, `silver` or `gold`."""
    if table.domain == SYSTEM_OF_RECORD:
        return "source"
    return "bronze" if table.is_bronze else layers.get(table, "other")


_LEAST = {"source": 0, "bronze": 1}


def _box(
    table: TableName,
    columns: list[ColumnName],
    more: Collection[str],
    chosen: bool,
    about: Collection[ColumnName],
    layers: Mapping[TableName, str],
    href: Href,
) -> Box:
    kind = _kind(table, layers)
    rows = [Row(c.column, href(c), chosen=c in about) for c in columns[:ROWS]]
    if len(columns) > ROWS:
        rows.append(Row(f"and {len(columns) - ROWS} more"))
    rows += [Row(text) for text in more if text]
    subtitle = {"source": f"{table.product}, system of record", "bronze": f"bronze.{table.product}"}.get(
        kind, f"{table.domain}.{table.product}" + (f", {kind}" if kind != "other" else "")
    )
    least = _LEAST.get(kind, 2)
    return Box(str(table), table.table, subtitle, kind, href(ColumnName(table, WHOLE)), tuple(rows), chosen, least)


def _table_lines(graph: LineageGraph, shown: list[TableName]) -> tuple[Line, ...]:
    return tuple(
        Line(str(above), str(table)) for table in shown for above in graph.tables.get(table, ()) if above in shown
    )


def _column_lines(
    graph: LineageGraph, rows: Mapping[TableName, list[ColumnName]], near: set[ColumnName]
) -> tuple[Line, ...]:
    """A line from each column to those made of it, by their places in their boxes."""
    place: dict[ColumnName, int | None] = {
        name: min(number, ROWS) for columns in rows.values() for number, name in enumerate(columns)
    }
    place |= {ColumnName(table, WHOLE): None for table in rows}
    lines = dict.fromkeys(
        Line(str(above.table), str(name.table), place[above], place[name])
        for columns in rows.values()
        for name in columns
        for above in graph.next(name, "up")
        if above in near and above in place
    )
    return tuple(lines)
