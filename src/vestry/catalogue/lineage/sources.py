"""From bronze to the system of record: the file, table or endpoint, and the field, as the system calls them."""

from __future__ import annotations

from collections.abc import Iterable

from vestry.catalogue.lineage.model import SYSTEM_OF_RECORD, WHOLE, ColumnName, Lineage, Origin
from vestry.project import TableName
from vestry.project.source import Source


def bronze_lineage(source: Source, table: str, columns: Iterable[str]) -> Lineage:
    """The lineage of a bronze table, of those of its columns that are known."""
    system = system_table(source, table)
    headers = getattr(source.spec.tables[table], "columns", None)
    named = headers if isinstance(headers, dict) else {}
    found: dict[str, Origin] = {}
    for column in dict.fromkeys([*named, *columns]):
        if column.startswith("_"):
            found[column] = Origin()  # the platform's own: when it was loaded, and from which row
        else:
            fields = named.get(column) or [column]
            found[column] = Origin(frozenset(ColumnName(system, field) for field in fields))
    return Lineage(found, frozenset([ColumnName(system, WHOLE)]) if not found else frozenset())


def system_table(source: Source, table: str) -> TableName:
    """What the system of record calls the table: the files' patterns, its name there, or the endpoint."""
    spec = source.spec.tables[table]
    theirs = getattr(spec, "files", None) or getattr(spec, "table", None) or getattr(spec, "endpoint", None)
    if above := getattr(spec, "from_", None):
        theirs = f"{system_table(source, above).table} {spec.rows}"
    if isinstance(theirs, list):
        theirs = ", ".join(theirs)
    return TableName(SYSTEM_OF_RECORD, source.name, str(theirs or table))
