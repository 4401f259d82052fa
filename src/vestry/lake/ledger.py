"""Tables of the platform's own that only grow: results of audits, steps of runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

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
