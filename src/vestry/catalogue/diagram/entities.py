"""The diagram of a product's entities: its tables, their keys, and how they belong together by the contracts."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vestry.catalogue.diagram.shapes import Box, Drawing, Href, Line, Row
from vestry.catalogue.lineage.model import WHOLE, ColumnName
from vestry.catalogue.relations import relations_of
from vestry.project import Product, ProductTable, Project, TableName

#: How many tables, and how many columns of each, beside those of keys, which are all shown.
TABLES, COLUMNS = 30, 12
#: Tables that belong to no other stand side by side.
ACROSS = 4


def entity_diagram(
    project: Project, products: Collection[Product], title: str, href: Href = lambda name: None
) -> Drawing:
    """The tables of those products, and the tables of others that they refer to, or that refer to them."""
    mine = {table.name: table for product in products for table in product.tables}
    every = [r for product in project.products.values() for r in relations_of(product)]
    joined = [r for r in every if r.of in mine or r.to in mine]
    others = [name for r in joined for name in (r.of, r.to) if name not in mine]
    names = list(dict.fromkeys([*mine, *others]))
    shown = names[:TABLES]
    ends: dict[TableName, list[str]] = {name: [] for name in names}
    for r in joined:
        ends[r.of] += r.columns
        ends[r.to] += r.to_columns
    columns = {name: _columns(project.tables.get(name), ends[name], name in mine) for name in shown}
    alone = [name for name in shown if not ends[name]]
    across = {name: number % ACROSS for number, name in enumerate(alone)}
    boxes = tuple(
        _box(project, name, columns[name], name in mine, ends[name], href, across.get(name, 0)) for name in shown
    )
    lines = tuple(
        Line(
            str(r.of),
            str(r.to),
            columns[r.of].index(r.columns[0]),
            columns[r.to].index(r.to_columns[0]),
            str(r),
            many=not _is_unique(project.tables.get(r.of), r.columns),
        )
        for r in joined
        if r.of in columns and r.to in columns
    )
    told = f"{len(boxes)} tables and {len(lines)} relationships. " + " ".join(f"{r}." for r in joined[:20])
    return Drawing(title, told.strip(), boxes, lines, hidden=len(names) - len(shown), directed=False)


def _columns(table: ProductTable | None, ends: Collection[str], whole: bool) -> list[str]:
    """Which columns are shown: keys first, then what relationships name, then others of the table itself."""
    keys = table.contract.primary_key if table else ()
    others = [c.name for c in table.contract.columns] if table and whole else []
    found = list(dict.fromkeys([*keys, *ends]))
    return list(dict.fromkeys([*found, *others]))[: max(COLUMNS, len(found))]


def _is_unique(table: ProductTable | None, columns: Sequence[str]) -> bool:
    if table is None:
        return False
    alone = table.contract.column(columns[0]) if len(columns) == 1 else None
    return set(table.contract.primary_key) == set(columns) or bool(alone and alone.unique)


def _box(
    project: Project,
    name: TableName,
    columns: list[str],
    is_mine: bool,
    ends: Collection[str],
    href: Href,
    layer: int,
) -> Box:
    table = project.tables.get(name)
    keys = table.contract.primary_key if table else ()
    rows = [
        Row(c, href(ColumnName(name, c)), "key" if c in keys else "refers" if c in ends else "", chosen=c in keys)
        for c in columns
    ]
    left = len(table.contract.columns) - len(columns) if table and is_mine else 0
    if left > 0:
        rows.append(Row(f"and {left} more"))
    kind = "bronze" if name.is_bronze else table.layer if table and is_mine else "other"
    subtitle = f"{name.domain}.{name.product}"
    return Box(str(name), name.table, subtitle, kind, href(ColumnName(name, WHOLE)), tuple(rows), layer=layer)
