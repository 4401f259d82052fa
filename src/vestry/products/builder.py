"""What a builder is: from a table's recipe and its inputs to the rows of one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol

import duckdb

from vestry.lake import Engine
from vestry.project import ProductTable, Project, TableName, VestryError
from vestry.project.errors import listed


@dataclass(frozen=True)
class Making:
    """The rows that a builder gives.

    `select` is SQL for the context's connection. Without `keys` it is the whole table; with
    `keys` (columns) it is all rows of those keys that stand in `affected` (a relation with just
    these columns): earlier rows of an affected key go.
    """

    select: str
    keys: Sequence[str] = ()
    affected: str = ""
    #: The columns by which a whole table is put in order, so that a later change touches few files.
    order: Sequence[str] = ()
    marks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What a builder works with. On `con`, SQL names every input `domain.product.table`."""

    project: Project
    table: ProductTable
    engine: Engine
    con: duckdb.DuckDBPyConnection
    inputs: Mapping[TableName, int]
    #: Reads a mark of an input as it is mounted, whatever others have written since.
    input_mark: Callable[[TableName, str], int | None]
    #: Reads a mark of the table's own last commits; None where there is none.
    mark: Callable[[str], int | None]
    #: The table must be made anew: its code or contract has changed.
    anew: bool

    @property
    def where(self) -> str:
        return self.project.shown(self.table.recipe)


class Builder(Protocol):
    """A way to make a table, chosen by its recipe's suffix.

    It may also have `inputs(table)`, the tables that a recipe names; `selects(table)`, what it asks of them, for
    `vestry check`; and `lineage(table, columns)`, one SELECT of the contract's columns from which the lineage is read.
    """

    def make(self, context: Context) -> Making | None:
        """The rows, or None where nothing has changed."""
        ...


@cache
def builder(kind: str) -> Builder:
    """The builder for recipes of that suffix, ours or another package's.

    Raises VestryError where there is none.
    """
    for entry in entry_points(group="vestry.builders", name=kind):
        made: Builder = entry.load()()
        return made
    known = sorted(f".{entry.name}" for entry in entry_points(group="vestry.builders"))
    raise VestryError(f"nothing builds a recipe that ends in .{kind}", mend=f"use {listed(known, 'or')}")
