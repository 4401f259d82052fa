"""The tables of a database, each looked at once, read-only, over one connection, and one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.ingest.database.server import Server, attached, sqlite_file
from vestry.ingest.database.url import address_of
from vestry.ingest.discovery.profile import look_at, prepared
from vestry.ingest.discovery.report import Table
from vestry.lake.engine import extension
from vestry.project import VestryError, literal, quote

if TYPE_CHECKING:
    import duckdb

_ALIAS = "looked at"
#: Seconds that a server may work at one question.
_TIMEOUT = 600


def tables_of(url: str, root: Path, name: str, tell: Callable[[str], None]) -> Iterator[Table]:
    """Look at every table of the database at a URL; `tell` hears the name of each before it is read.

    Raises VestryError where the database cannot be reached.
    """
    import duckdb

    address = address_of(url, name)
    if address.system == "sqlite":
        address, _ = sqlite_file(address, root, name)
    if address.system == "odbc":
        raise VestryError("ODBC has no list of tables", name, "name them in a source, load it, and ask its tables")
    with (
        prepared() as con,
        attached(con, lambda n: _load(con, n), address, _ALIAS, name, _TIMEOUT, one=True) as server,
    ):
        for table in server.tables():
            tell(table)
            key = server.key(table)
            try:
                yield look_at(con, name, table, f"SELECT * FROM {server.relation(table)}", key)
            except duckdb.Error:
                # A column may hold what its type does not allow: then all is looked at as text.
                notes = ["some values are not of their column's type"]
                yield look_at(con, name, table, _as_text(server, table), key, notes=notes)


def _load(con: duckdb.DuckDBPyConnection, scanner: str) -> None:
    con.execute(f"LOAD {literal(str(extension(scanner)))}")


def _as_text(server: Server, table: str) -> str:
    columns = server.columns(table)
    if server.address.system == "sqlite":
        texts = ", ".join(f"CAST({quote(c)} AS TEXT) AS {quote(c)}" for c in columns)
        return f"SELECT * FROM {server.ask(f'SELECT {texts} FROM {server.own(table)}')}"
    texts = ", ".join(f"TRY_CAST({quote(c)} AS VARCHAR) AS {quote(c)}" for c in columns)
    return f"SELECT {texts} FROM {server.relation(table)}"
