"""A question to one table, as a value: which columns, which rows, in which order, how many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from vestry.project import VestryError

Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "contains", "startswith", "endswith"]


class Wrong(VestryError):
    """The question cannot be understood, or not be asked of this table."""


class Gone(VestryError):
    """What the question goes on from is no longer what stands there."""


@dataclass(frozen=True)
class Compared:
    """A column against a value, which is text as it was sent."""

    column: str
    operator: Operator
    value: str


@dataclass(frozen=True)
class AnyOf:
    """A column is one of some values."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Missing:
    """A column holds nothing."""

    column: str


@dataclass(frozen=True)
class Not:
    of: Condition


@dataclass(frozen=True)
class All:
    """Every one holds; all rows where there is none."""

    of: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Either:
    """One of them holds."""

    of: tuple[Condition, ...]


Condition = Compared | AnyOf | Missing | Not | All | Either


def columns_of(condition: Condition) -> Iterator[str]:
    """The columns that a condition asks about."""
    match condition:
        case Compared(column) | AnyOf(column) | Missing(column):
            yield column
        case Not(of):
            yield from columns_of(of)
        case All(of) | Either(of):
            for part in of:
                yield from columns_of(part)


@dataclass(frozen=True)
class Order:
    column: str
    descending: bool = False


@dataclass(frozen=True)
class Query:
    """A question to one table. Without `columns`, all that may be seen; without `limit`, all rows."""

    columns: tuple[str, ...] | None = None
    where: Condition = All()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    skip: int = 0
    #: Where the page before ended, as `cursor.py` sealed it.
    cursor: str | None = None
