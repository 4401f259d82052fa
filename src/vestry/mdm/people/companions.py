"""The names of a citizen index's tables: those that the contract promises, and its own beside them."""

from __future__ import annotations

from dataclasses import dataclass

from vestry.lake import Lake
from vestry.project import TableName, literal


@dataclass(frozen=True)
class Companions:
    """The names of an index's own tables; `base` is that of the golden record."""

    base: TableName

    @property
    def standard(self) -> TableName:
        return self.base.beside("standard")

    @property
    def pair(self) -> TableName:
        return self.base.beside("pair")

    @property
    def model(self) -> TableName:
        return self.base.beside("model")

    @property
    def common(self) -> TableName:
        return self.base.beside("common")

    @property
    def frequency(self) -> TableName:
        return self.base.beside("frequency")

    @property
    def lives(self) -> TableName:
        return self.base.beside("lives")

    @property
    def decision(self) -> TableName:
        return self.base.beside("decision")

    @property
    def record(self) -> TableName:
        return TableName(self.base.domain, self.base.product, f"{self.base.table}_record")

    @property
    def event(self) -> TableName:
        return TableName(self.base.domain, self.base.product, f"{self.base.table}_event")


def told_pairs(lake: Lake, names: Companions, pairs: str) -> str:
    """SQL of those of the weighed pairs that may be used and shown."""
    if lake.open(names.lives) is None:
        return pairs
    lives = f"delta_scan({literal(lake.uri(names.lives))})"
    return f"(SELECT * FROM {pairs} WHERE (uid_l, uid_r) NOT IN (SELECT (uid_l, uid_r) FROM {lives}))"
