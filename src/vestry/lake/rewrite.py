"""Taking rows out of a table: only the files that hold them are written again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestry.lake.tables import Lake
from vestry.project import TableName, literal, quote

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Touched:
    """The files that hold rows of a condition, and SQL for the rows in them that stay."""

    files: tuple[str, ...]
    kept: str


def touched(
    lake: Lake, con: duckdb.DuckDBPyConnection, name: TableName, condition: str, prune: str = ""
) -> Touched | None:
    """What must be written again when the rows of `condition` go; None where no file holds any.

    `prune` is a simple comparison that follows from the condition, by which the table's statistics
    tell most files apart: so the cost grows with what is touched. Publish the kept rows in one
    commit with `replace=` the files.
    """
    table = lake.open(name)
    if table is None:
        return None
    relation = f"delta_scan({literal(lake.uri(name))}, version => {table.version()})"
    pruned = f"({prune}) AND ({condition})" if prune else condition
    found = con.execute(f"SELECT DISTINCT filename FROM {relation} WHERE {pruned}").fetchall()
    if not found:
        return None
    paths = [row[0] for row in found]
    files = ", ".join(literal(p) for p in paths)
    columns = ", ".join(quote(field.name) for field in table.schema().fields)
    kept = (
        f"SELECT {columns} FROM (SELECT *, filename FROM {relation} WHERE filename IN ({files})) "
        f"WHERE ({condition}) IS NOT TRUE"
    )
    return Touched(tuple(p.rsplit("/", 1)[-1] for p in paths), kept)
