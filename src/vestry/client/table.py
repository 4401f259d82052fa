"""A table as it is asked for: each step gives another, and nothing is read until `to_…`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from vestry.project import VestryError
from vestry.project.errors import did_you_mean

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa

_OPERATORS = {
    "==": "eq", "=": "eq", "!=": "ne", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "in": "in", "is": "is",
    "contains": "contains", "startswith": "startswith", "endswith": "endswith",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column that may be read: its type (DuckDB's), what it means, and how it is shown."""

    name: str
    type: str
    meaning: str | None
    treatment: str


class Place(Protocol):
    """Where tables are read: a portal, or a folder."""

    def tables(self) -> list[str]: ...

    def columns(self, table: str, purpose: str) -> list[Column]: ...

    def read(self, table: str, asked: dict[str, Any]) -> AbstractContextManager[pa.RecordBatchReader]: ...


@dataclass(frozen=True)
class Table:
    """One table, and what is asked of it."""

    name: str
    purpose: str
    _place: Place = field(repr=False)
    _columns: tuple[str, ...] | None = None
    _where: tuple[tuple[str, str, Any], ...] = ()
    _order: tuple[str, ...] = ()
    _limit: int | None = None

    @property
    def columns(self) -> list[Column]:
        """The columns that you may read."""
        return self._place.columns(self.name, self.purpose)

    def select(self, *columns: str) -> Table:
        """These columns, in this order."""
        return replace(self, _columns=columns)

    def where(self, column: str, operator: str, value: Any) -> Table:
        """Rows for which it holds, besides what was asked before: `where("ward", "in", ["North", "South"])`.

        Operators are ==, !=, >, >=, <, <=, in, contains, startswith, endswith; and `is`, with None or "notnull".
        """
        known = _OPERATORS.get(operator) or (operator if operator in _OPERATORS.values() else None)
        if known is None:
            raise VestryError(f"there is no operator `{operator}`", mend=did_you_mean(operator, _OPERATORS))
        return replace(self, _where=(*self._where, (column, known, _plain(value))))

    def order(self, *columns: str) -> Table:
        """By these columns; `"cost.desc"` turns one round."""
        return replace(self, _order=columns)

    def limit(self, rows: int) -> Table:
        """So many rows at most."""
        return replace(self, _limit=rows)

    def to_arrow(self) -> pa.Table:
        return self._read(lambda reader: reader.read_all())

    def to_pandas(self) -> pd.DataFrame:
        """A data frame of pandas, which must be installed."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """A data frame of Polars, which must be installed."""
        try:
            import polars as pl
        except ImportError:
            raise VestryError("Polars is not installed", mend="pip install polars") from None
        found = pl.from_arrow(self.to_arrow())
        assert isinstance(found, pl.DataFrame)
        return found

    def to_duckdb(self, con: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """A relation of DuckDB, on a connection of yours or its own one; the rows are in memory."""
        import duckdb

        return (con or duckdb.connect()).from_arrow(self.to_arrow())

    def _read(self, take: Callable[[pa.RecordBatchReader], pa.Table]) -> pa.Table:
        asked = {
            "columns": list(self._columns) if self._columns is not None else None,
            "where": [{"column": column, "op": op, "value": value} for column, op, value in self._where],
            "order": list(self._order),
            "limit": self._limit,
            "purpose": self.purpose,
        }
        with self._place.read(self.name, asked) as reader:
            return take(reader)


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, str | bool | int | float) or value is None:
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Sequence | set | frozenset):
        return [_plain(one) for one in value]
    return str(value)
