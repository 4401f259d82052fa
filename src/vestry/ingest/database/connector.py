"""The connector `database`: which way a source's database is read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.ingest.connector import Context, Part
from vestry.ingest.database import sqlite
from vestry.ingest.database.url import address_of
from vestry.project.project import expand
from vestry.project.source_models import DatabaseTable

if TYPE_CHECKING:
    import duckdb


class DatabaseConnector:
    """SQLite by its file, servers by their URL, dumps by a server of our own."""

    def news(self, context: Context) -> str | None:
        from vestry.ingest.database import backup, tables

        if context.settings.backup:
            return backup.news(context)
        return sqlite.news(context) if _is_file(context) else tables.news(context)

    def opens(self, context: Context) -> datetime | None:
        """When a table that is to be read may be read; None where it may be now, or there is nothing to read."""
        from vestry.ingest.database import tables

        return None if context.settings.backup or _is_file(context) else tables.opens(context)

    def parts(self, context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
        from vestry.ingest.database import backup, tables

        if context.settings.backup:
            return backup.parts(context, con, workdir)
        spec: DatabaseTable | None = context.spec
        # A file is compared with bronze like a server: only whether it has changed is told by itself.
        if _is_file(context) and not (spec and spec.changes):
            return sqlite.parts(context, con)
        return tables.parts(context, con)


def _is_file(context: Context) -> bool:
    url = expand(context.settings.url, context.where, context.project.env)
    return address_of(url, context.where).system == "sqlite"
