"""What columns refer to, as contracts say it (`relationships` of the standard)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vestry.project import TableName
from vestry.project.product import Product


@dataclass(frozen=True)
class Relation:
    """Columns of a table that refer to columns of another, pairwise."""

    of: TableName
    columns: tuple[str, ...]
    to: TableName
    to_columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.of}.{', '.join(self.columns)} refers to {self.to}.{', '.join(self.to_columns)}"


def relations_of(product: Product) -> list[Relation]:
    """The references of a product's tables, in the contract's order; what names no table is left out."""
    found = []
    for table in product.contract.tables:
        name = TableName(product.domain, product.name, table.name)
        for relation in table.relationships:
            found += _relation(product, name, _listed(relation.get("from")), relation.get("to"))
        for column in table.columns:
            for relation in column.relationships:
                found += _relation(product, name, (column.name,), relation.get("to"))
    return found


def _relation(product: Product, of: TableName, columns: tuple[str, ...], to: Any) -> list[Relation]:
    """`to` is `table.column`, or with the product before it; of keys of several columns a list."""
    targets = [text.split(".") for text in _listed(to)]
    if not targets or any(len(parts) not in (2, 4) for parts in targets):
        return []
    first = targets[0]
    other = TableName(product.domain, product.name, first[0]) if len(first) == 2 else TableName(*first[:3])
    return [Relation(of, tuple(c.rpartition(".")[2] for c in columns), other, tuple(parts[-1] for parts in targets))]


def _listed(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (str(value),) if value else ()
