"""What discovery gives: tables and columns with what they hold, and no value of any that speaks of a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vestry.ingest.discovery.kinds import CLASSIFICATIONS, Kind


@dataclass(frozen=True)
class Column:
    """One column. `filled` is a share of the rows, `distinct` an estimate; `least` and `greatest` are only of numbers
    and days that speak of nobody."""

    name: str
    type: str
    filled: float
    distinct: int
    kind: Kind | None = None
    why: str = ""
    least: str | None = None
    greatest: str | None = None
    #: Whether the values pass the kind's own test.
    by_values: bool = False


@dataclass(frozen=True)
class Table:
    """One table of a system, or one file of a drive; `looked_at` rows were looked at of `rows`."""

    system: str
    name: str
    rows: int
    looked_at: int
    columns: Sequence[Column]
    keys: Sequence[str] = ()
    #: What a person should know of it, in words.
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def of_people(self) -> bool:
        """Whether its rows speak of people: it holds their names, numbers or references."""
        return any(c.kind and c.kind.of_people for c in self.columns)

    def classification(self, column: Column) -> str:
        """How a draft classifies a column: what is in a table of people speaks of them until somebody says not."""
        told = column.kind.classification if column.kind else "internal"
        if not self.of_people:
            # A home is personal where it is somebody's; a gazetteer is nobody's.
            return told if told in ("special", "criminal") else "internal"
        return told if told != "internal" else "personal"

    @property
    def strictest(self) -> str:
        return max((self.classification(c) for c in self.columns), key=CLASSIFICATIONS.index, default="internal")


@dataclass(frozen=True)
class Discovery:
    """All that was looked at, and what could not be looked at, with the reason."""

    tables: Sequence[Table]
    unread: Sequence[tuple[str, str]] = ()
