"""What a column is made of, and what decides which rows there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from vestry.project import TableName

#: In the place of a column: one of the table's, and it is not known which.
WHOLE = "*"
#: In the place of a domain: not a table of the lake, but what a system of record calls its own.
SYSTEM_OF_RECORD = "(system)"


class ColumnName(NamedTuple):
    """A column of a table, or the table where `column` is WHOLE."""

    table: TableName
    column: str

    def __str__(self) -> str:
        return str(self.table) if self.column == WHOLE else f"{self.table}.{self.column}"

    @property
    def shown(self) -> str:
        """As people read it: what is a system's own is said in its words."""
        if self.table.domain != SYSTEM_OF_RECORD:
            return str(self)
        place = f"{self.table.table} of {self.table.product}"
        return place if self.column == WHOLE else f"“{self.column}” in {place}"


Columns = frozenset[ColumnName]
_NONE: Columns = frozenset()


@dataclass(frozen=True, slots=True)
class Origin:
    """The columns whose values make a value, and those that only decide which value it is."""

    of: Columns = _NONE
    by: Columns = _NONE

    def __or__(self, other: Origin) -> Origin:
        if other is NOTHING or self == other:
            return self
        return other if self is NOTHING else Origin(self.of | other.of, self.by | other.by)

    @property
    def all(self) -> Columns:
        return self.of | self.by


NOTHING = Origin()


def union(origins: Iterable[Origin]) -> Origin:
    found = NOTHING
    for origin in origins:
        found |= origin
    return found


@dataclass(frozen=True)
class Lineage:
    """Of one table: the origin of each column, and the columns that decide which rows it has (joins, filters, groups).

    `exact` is False where some of it is known only as far as the table; `why` says what was in the way.
    """

    columns: Mapping[str, Origin] = field(default_factory=dict)
    rows: Columns = _NONE
    why: str = ""

    @property
    def exact(self) -> bool:
        whole = (name.column == WHOLE for origin in self.columns.values() for name in origin.all)
        return not (self.why or any(whole) or any(name.column == WHOLE for name in self.rows))

    @property
    def tables(self) -> frozenset[TableName]:
        """Every table that it reads a column of."""
        return frozenset(n.table for n in self.rows.union(*(o.all for o in self.columns.values())))
