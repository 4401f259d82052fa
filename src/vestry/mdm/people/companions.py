"""A citizen index's tables by name, those that the contract promises and its own; and which of its pairs are told."""

from __future__ import annotations

from vestry.lake import Lake
from vestry.project import TableName, literal


class Companions:
    """The names of an index's own tables; `base` is that of the golden record."""

    def __init__(self, base: TableName) -> None:
        self.base = base
        self.standard = base.beside("standard")
        self.pair = base.beside("pair")
        self.model = base.beside("model")
        self.common = base.beside("common")
        self.frequency = base.beside("frequency")
        self.lives = base.beside("lives")
        self.decision = base.beside("decision")
        self.record = TableName(base.domain, base.product, f"{base.table}_record")
        self.event = TableName(base.domain, base.product, f"{base.table}_event")


def told_pairs(lake: Lake, names: Companions, pairs: str) -> str:
    """SQL of those of the weighed pairs that may be used and shown."""
    if lake.open(names.lives) is None:
        return pairs
    lives = f"delta_scan({literal(lake.uri(names.lives))})"
    return f"(SELECT * FROM {pairs} WHERE (uid_l, uid_r) NOT IN (SELECT (uid_l, uid_r) FROM {lives}))"
