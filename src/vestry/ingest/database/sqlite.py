"""SQLite databases: a file tells by itself whether it has changed, and a column may hold values of any type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.ingest.connector import LOAD_COLUMNS, Context, Part
from vestry.ingest.cursor import at_or_after, greatest, is_number, new_only
from vestry.ingest.database.server import sqlite_file
from vestry.ingest.database.url import address_of
from vestry.ingest.fingerprints import number
from vestry.project import DataError, VestryError, literal, quote
from vestry.project.errors import did_you_mean
from vestry.project.project import expand
from vestry.project.source_models import DatabaseTable

if TYPE_CHECKING:
    import duckdb

_FILE = "vestry.file"
_MAGIC = b"SQLite format 3\0"


def news(context: Context) -> str | None:
    """Whether the file, or what is asked of it, has changed."""
    file = _file(context)
    had = context.mark(_FILE)
    if had is None:
        return "not loaded yet"
    return None if had == state(context, file) else f"{file.name} has changed"


def parts(context: Context, con: duckdb.DuckDBPyConnection) -> Iterator[Part]:
    """The table, whole or from its cursor on, where the file has changed."""
    import duckdb

    file = _file(context)
    now = state(context, file)
    if context.mark(_FILE) == now:
        return
    context.engine.load("sqlite_scanner")
    alias = f"{context.source.name}/{context.table}"
    with file.open("rb") as stream:
        if stream.read(len(_MAGIC)) not in (_MAGIC, b""):
            raise DataError(f"{file.name} is not an SQLite database", context.where, "check `url`")
    try:
        con.execute(f"ATTACH {literal(str(file))} AS {quote(alias)} (TYPE sqlite, READ_ONLY)")
        names = _columns(con, alias, context)
    except duckdb.Error as error:
        what = f"{file.name} cannot be read: it is locked by another program, or damaged"
        raise DataError(what, context.where, "run again when the other program is done") from error
    try:
        yield _part(context, con, alias, now, names)
    finally:
        con.execute(f"DETACH {quote(alias)}")


def _part(context: Context, con: duckdb.DuckDBPyConnection, alias: str, now: int, names: list[str]) -> Part:
    spec: DatabaseTable = context.spec or DatabaseTable()
    table = spec.table or context.table
    relation = f"{quote(alias)}.{quote(table)}"
    since = greatest(context, con, spec.cursor) if spec.cursor else None
    after = after_in_sqlite = ""
    if since is not None:
        column = quote(str(spec.cursor))
        after = f" WHERE {at_or_after(context, str(spec.cursor), column, since)}"
        as_number = f"CAST({column} AS NUMERIC) >= {since}"
        after_in_sqlite = f" WHERE {as_number if is_number(since) else f'{column} >= {literal(since)}'}"

    def part(select: str) -> Part:
        if since is not None:
            select = new_only(context, select, [kept_as(n) for n in names], str(spec.cursor), since)
        return Part(
            origin=f"{context.settings.url.rsplit('/', 1)[-1]}/{table}",
            select=select,
            replaces="table" if since is None else "nothing",
            marks={_FILE: now},
            record={"cursor": spec.cursor, "since": since} if spec.cursor else {},
        )

    picked = ", ".join(f"{quote(n)} AS {quote(kept_as(n))}" for n in names)
    # SQLite lets a column hold values of any type; where one does, all can be kept as text.
    texts = ", ".join(f"CAST({quote(n)} AS TEXT) AS {quote(kept_as(n))}" for n in names)
    inner = f"SELECT {texts} FROM {quote(table)}{after_in_sqlite}"
    as_text = f"SELECT *, row_number() OVER () AS _row FROM sqlite_query({literal(alias)}, {literal(inner)})"
    typed = f"SELECT {picked}, {_place(con, relation, names)} AS _row FROM {relation}{after}"
    return replace(part(typed), again=lambda: part(as_text))


def kept_as(name: str) -> str:
    """A column's name in bronze: its own, but for one that a load gives to its rows."""
    return f"{name}_" if name.casefold() in ("_row", *LOAD_COLUMNS) else name


def _columns(con: duckdb.DuckDBPyConnection, alias: str, context: Context) -> list[str]:
    """The columns to read.

    Raises VestryError with the nearest name where the table or a column is not there.
    """
    spec: DatabaseTable = context.spec or DatabaseTable()
    wanted = spec.table or context.table
    names = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
    tables = [r[0] for r in con.execute("SELECT name FROM sqlite_query(?, ?)", [alias, names]).fetchall()]
    if wanted not in tables:
        raise VestryError(f"the database has no table `{wanted}`", context.where, did_you_mean(wanted, tables))
    columns = [r[0] for r in con.execute(f"DESCRIBE {quote(alias)}.{quote(wanted)}").fetchall()]
    for name in [*(spec.columns or []), *([spec.cursor] if spec.cursor else [])]:
        if name not in columns:
            mend = did_you_mean(name, columns)
            raise VestryError(f"the table `{wanted}` has no column `{name}`", context.where, mend)
    return spec.columns or columns


def _place(con: duckdb.DuckDBPyConnection, relation: str, names: list[str]) -> str:
    """SQLite's own row id, which costs nothing; a table without one is counted."""
    import duckdb

    if "rowid" in (n.casefold() for n in names):
        return "row_number() OVER ()"
    try:
        con.execute(f"SELECT rowid FROM {relation} LIMIT 1").fetchone()
    except duckdb.Error:
        return "row_number() OVER ()"
    return "rowid"


def _file(context: Context) -> Path:
    address = address_of(expand(context.settings.url, context.where, context.project.env), context.where)
    return sqlite_file(address, context.project.root, context.where)[1]


def state(context: Context, file: Path) -> int:
    """What tells whether the file, or the way it is read, has changed; a write-ahead log counts as the file."""
    log = file.with_name(file.name + "-wal")
    logged = context.fingerprints.of(log) if log.is_file() and log.stat().st_size else ""
    return number(context.fingerprints.of(file), logged, context.spec)
