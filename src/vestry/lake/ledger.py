"""Tables of the platform's own that only grow: results of audits, steps of runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from deltalake import QueryBuilder

from vestry.lake.maintenance import compact
from vestry.lake.tables import Lake
from vestry.project import TableName

if TYPE_CHECKING:
    import duckdb

#: Each entry makes a small file; so many are put together again.
_FILES = 200


def enter(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    ledger: TableName,
    select: str,
    skip_by: Collection[str],
    marks: Mapping[str, int] | None = None,
) -> None:
    """Add the rows of `select` to a ledger, and put its files together when they have become many."""
    with lake.lock(ledger):
        lake.publish(lake.stage(con, ledger, select), skip_by=skip_by, marks=marks)
        many = len(lake.existing(ledger).file_uris()) > _FILES
    if many:
        compact(lake, ledger)


def entries(lake: Lake, ledger: TableName, where: str = "true") -> list[dict[str, Any]]:
    """The rows of a ledger of which the SQL `where` is true; none where there is no ledger.

    Delta's own reader answers in a hundredth of a second, where to start DuckDB or pyarrow takes longer than to read.
    """
    return asked(lake, ledger, f"SELECT * FROM ledger WHERE {where}")


def asked(lake: Lake, ledger: TableName, select: str) -> list[dict[str, Any]]:
    """The rows of a SELECT over a ledger, which it calls `ledger`, in DataFusion's SQL; none where there is none."""
    table = lake.open(ledger)
    if table is None:
        return []
    found = QueryBuilder().register("ledger", table).execute(select).read_all()
    columns = {name: found.column(name).to_pylist() for name in found.column_names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
