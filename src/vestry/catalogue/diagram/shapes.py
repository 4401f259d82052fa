"""What a picture shows: boxes with rows, and lines between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vestry.catalogue.lineage.model import ColumnName

#: The address of the page of a column, or of a table (named WHOLE); None where it has none.
Href = Callable[[ColumnName], str | None]


@dataclass(frozen=True)
class Row:
    """One line of a box, such as a column; `mark` stands before it, such as `key`."""

    text: str
    href: str | None = None
    mark: str = ""
    #: The one that the picture is about.
    chosen: bool = False


@dataclass(frozen=True)
class Box:
    """One thing, such as a table. `kind` gives its colour: `source`, `bronze`, `silver`, `gold` or `other`."""

    key: str
    title: str
    subtitle: str
    kind: str
    href: str | None = None
    rows: tuple[Row, ...] = ()
    chosen: bool = False
    #: Its least place from the left, from 0.
    layer: int = 0


@dataclass(frozen=True)
class Line:
    """From one box to another; or from one's row to another's, by their places from 0."""

    start: str
    end: str
    start_row: int | None = None
    end_row: int | None = None
    label: str = ""
    #: Many at the start of the line, as where several rows have one key of another table.
    many: bool = False


@dataclass(frozen=True)
class Drawing:
    """A picture, with the words that stand for it where it cannot be seen."""

    title: str
    description: str
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    #: How many boxes are not shown, because there are too many.
    hidden: int = 0
    #: Whether lines have arrowheads: data goes one way, a relationship both.
    directed: bool = True
