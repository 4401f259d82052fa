"""The diagram of a product's entities: its tables, their keys, and how they belong together by the contracts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from vestry.catalogue.diagram.shapes import Box, Drawing, Href, Line, Row
from vestry.catalogue.lineage.model import WHOLE, ColumnName
from vestry.project import Product, ProductTable, Project, TableName

#: How many tables, and how many columns of each, beside those of keys, which are all shown.
TABLES, COLUMNS = 30, 12


@dataclass(frozen=True)
class Relationship:
    """Columns of one table whose values are those of another's."""

    start: TableName
    columns: tuple[str, ...]
    end: TableName
    keys: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.start}.{', '.join(self.columns)} refers to {self.end}.{', '.join(self.keys)}"


def relationships(product: Product) -> Iterator[Relationship]:
    """Those that a product's contract speaks of, of its columns and of its tables."""
    for table in product.contract.tables:
        name = TableName(product.domain, product.name, table.name)
        for column in table.columns:
            for found in column.relationships:
                yield from _relationship(product, [f"{table.name}.{column.name}"], found.get("to"))
        for found in table.relationships:
            yield from _relationship(product, found.get("from"), found.get("to"), name)


def _relationship(
    product: Product, start: object, end: object, table: TableName | None = None
) -> Iterator[Relationship]:
    left, right = _ends(product, start), _ends(product, end)
    if left and right and len({t for t, _ in left}) == len({t for t, _ in right}) == 1:
        yield Relationship(left[0][0], tuple(c for _, c in left), right[0][0], tuple(c for _, c in right))


def _ends(product: Product, named: object) -> list[tuple[TableName, str]]:
    """`table.column` of this contract, or `domain.product.table.column`; what is written otherwise is left out."""
    found = []
    for text in [named] if isinstance(named, str) else named if isinstance(named, Sequence) else []:
        parts = str(text).split(".")
        if len(parts) == 2:
            parts = [product.domain, product.name, *parts]
        if len(parts) == 4 and "/" not in text:
            found.append((TableName(*parts[:3]), parts[3]))
    return found


def entity_diagram(
    project: Project, products: Collection[Product], title: str, href: Href = lambda name: None
) -> Drawing:
    """The tables of those products, and the tables of others that they refer to, or that refer to them."""
    mine = {table.name: table for product in products for table in product.tables}
    every = [r for product in project.products.values() for r in relationships(product)]
    joined = [r for r in every if r.start in mine or r.end in mine]
    others = [name for r in joined for name in (r.start, r.end) if name not in mine]
    names = list(dict.fromkeys([*mine, *others]))
    shown = names[:TABLES]
    ends: dict[TableName, list[str]] = {name: [] for name in names}
    for r in joined:
        ends[r.start] += r.columns
        ends[r.end] += r.keys
    columns = {name: _columns(project.tables.get(name), ends[name], name in mine) for name in shown}
    boxes = tuple(_box(project, name, columns[name], name in mine, ends[name], href) for name in shown)
    lines = tuple(
        Line(
            str(r.start), str(r.end), columns[r.start].index(r.columns[0]), columns[r.end].index(r.keys[0]), str(r),
            many=not _is_unique(project.tables.get(r.start), r.columns),
        )
        for r in joined
        if r.start in columns and r.end in columns
    )  # fmt: skip
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
    project: Project, name: TableName, columns: list[str], is_mine: bool, ends: Collection[str], href: Href
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
    return Box(str(name), name.table, f"{name.domain}.{name.product}", kind, href(ColumnName(name, WHOLE)), tuple(rows))
