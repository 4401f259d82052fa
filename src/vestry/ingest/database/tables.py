"""A table of a database server: whole, from its cursor on, or what differs from bronze; all at once or gently."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vestry.ingest.asked import Asked, last_asked, note_asked
from vestry.ingest.connector import Context, Part
from vestry.ingest.cursor import greatest, is_number, new_only
from vestry.ingest.database import sqlite
from vestry.ingest.database.changes import changed
from vestry.ingest.database.gently import PIECES, Manner, Partial, Piece, Window, read
from vestry.ingest.database.server import Server, attached, sqlite_file
from vestry.ingest.database.url import Address, address_of
from vestry.project import DataError, VestryError, literal, quote
from vestry.project.durations import seconds
from vestry.project.project import expand
from vestry.project.source_models import DatabaseTable

if TYPE_CHECKING:
    import duckdb


def news(context: Context) -> str | None:
    """Not outside of the source's hours, and not more often than its `every`: only reading tells of news."""
    window = _window(context)
    if window and not window.open_at(datetime.now(UTC)):
        return None
    if context.mark("vestry.data") is None:
        return "not loaded yet"
    if Partial.waits(_folder(context), context.mark(PIECES)):
        return "goes on from where it stopped"
    asked = last_asked(context.project, context.bronze)
    since = time.time() - (asked.at if asked else 0)
    return None if since < seconds(context.settings.every) else f"last asked more than {context.settings.every} ago"


def opens(context: Context) -> datetime | None:
    """When the source's hours begin, where it has hours, it is none of them, and there is something to read."""
    window = _window(context)
    now = datetime.now(UTC)
    if window is None or window.open_at(now):
        return None
    asked = last_asked(context.project, context.bronze)
    loaded, pieces = context.mark("vestry.data") is not None, context.mark(PIECES)
    due = not asked or time.time() - asked.at >= seconds(context.settings.every)
    return window.opens_after(now) if due or not loaded or Partial.waits(_folder(context), pieces) else None


def parts(context: Context, con: duckdb.DuckDBPyConnection) -> Iterator[Part]:
    """The table, or what is new of it; from the replica where one answers."""
    asked = time.time()
    addresses = [context.settings.replica, context.settings.url]
    for place, url in enumerate(u for u in addresses if u):
        address = address_of(expand(url, context.where, context.project.env), context.where)
        if address.system == "sqlite":
            address, _ = sqlite_file(address, context.project.root, context.where)
        try:
            with _attached(context, con, address) as server:
                for part in table_parts(context, server):
                    yield replace(part, done=lambda: _finished(context, asked))
                if not Partial.waits(_folder(context), context.mark(PIECES)):
                    note_asked(context.project, context.bronze, Asked(asked))
                return
        except DataError as error:
            if place or not context.settings.replica or "cannot be read" not in error.what:
                raise


def _finished(context: Context, asked: float) -> None:
    """What is in bronze need not be kept aside, nor asked for before its time."""
    shutil.rmtree(_folder(context), ignore_errors=True)
    note_asked(context.project, context.bronze, Asked(asked))


def _attached(context: Context, con: duckdb.DuckDBPyConnection, address: Address) -> Any:
    alias = f"{context.source.name}/{context.table}"
    timeout = seconds(context.settings.statement_timeout)
    one = _manner(context).is_gentle
    return attached(con, context.engine.load, address, alias, context.where, timeout, one)


def table_parts(context: Context, server: Server, once: bool = False) -> Iterator[Part]:
    """One table of an attached server; `once`: of a copy that nobody else reads, with no need to be gentle."""
    spec: DatabaseTable = context.spec or DatabaseTable()
    table = spec.table or context.table
    kinds = server.columns(table, [*(spec.columns or []), *spec.key, *([spec.cursor] if spec.cursor else [])])
    names = list(dict.fromkeys([*spec.key, *(spec.columns or kinds)]))
    kinds = {n: kinds[n] for n in [*names, *([spec.cursor] if spec.cursor else [])]}
    selected = {sqlite.kept_as(n): _read(n, kinds[n], context) for n in names}
    origin = f"{server.address.database}/{table}"
    if spec.changes:
        key = [sqlite.kept_as(k) for k in _key(spec, server, table, "tell what changed")]
        select = changed(context, server, table, {n: kinds[n] for n in names}, selected, key)
        if select:
            yield Part(origin, select, replaces="nothing", record={"changes": spec.changes})
        return
    since = greatest(context, server.con, spec.cursor) if spec.cursor else None
    if since is not None and spec.overlap:
        since = _before(context, server, str(spec.cursor), since, spec.overlap)
    manner = Manner() if once else _manner(context)
    partial = None
    if manner.is_gentle:
        key = _key(spec, server, table, "read it in parts")
        piece = Piece(table, {n: kinds[n] for n in names}, key, _own_condition(server, spec, kinds, since, context))
        partial = _partial(context, piece)
        if not read(server, piece, manner, partial, lambda: datetime.now(UTC), str(context.bronze)):
            return
        files = _listed(partial.files)
        relation = f"read_parquet({files})" if files else f"(SELECT * FROM {server.relation(table)} LIMIT 0)"
        after = ""
    elif server.needs_select(table):
        own = _own_condition(server, spec, kinds, since, context)
        relation = server.select(table, {n: kinds[n] for n in names}, f" WHERE {own}" if own else "")
        after = ""
    else:
        relation = server.relation(table)
        after = f" WHERE {_condition(spec, kinds, since, context)}" if since is not None else ""
    columns = ", ".join(f"{sql} AS {quote(name)}" for name, sql in selected.items())
    select = f"SELECT {columns}, NULL::BIGINT AS _row FROM {relation}{after}"
    if since is not None:
        select = new_only(context, select, list(selected), str(spec.cursor), since)
        if server.con.execute(f"SELECT 1 FROM ({select}) LIMIT 1").fetchone() is None:
            if partial:
                shutil.rmtree(partial.folder)
            return
    yield Part(
        origin,
        select,
        replaces="table" if since is None else "nothing",
        marks={PIECES: partial.began} if partial else {},
        record={"cursor": spec.cursor, "since": since} if spec.cursor else {},
    )


def _listed(files: Sequence[Path]) -> str:
    """SQL of a list of files."""
    return f"[{', '.join(literal(str(f)) for f in files)}]" if files else ""


def _read(name: str, kind: str, context: Context) -> str:
    """SQL of a column; a time without a zone is one of the council's own clocks."""
    if kind.startswith("TIMESTAMP") and "TIME ZONE" not in kind:
        # What only says `ever` or `never` stays that.
        zone = literal(context.settings.timezone)
        return f"CASE WHEN isfinite({quote(name)}) THEN timezone({zone}, {quote(name)}) END"
    return quote(name)


def _key(spec: DatabaseTable, server: Server, table: str, wish: str) -> list[str]:
    key = spec.key or server.key(table)
    if not key:
        raise VestryError(
            f"`{table}` has no key, so there is no way to {wish}",
            server.where,
            "name the columns that tell its rows apart: `key: [id]`; or read it whole, without "
            "`changes`, `chunk_rows`, `rows_per_second` and `window`",
        )
    return key


def _condition(spec: DatabaseTable, kinds: Mapping[str, str], since: str, context: Context) -> str:
    """From a value of the cursor on, in DuckDB's SQL, so that the scanner lets the server find it."""
    column, kind = quote(str(spec.cursor)), kinds[str(spec.cursor)]
    if kind.startswith("TIMESTAMP") and "TIME ZONE" not in kind:
        local = f"timezone({literal(context.settings.timezone)}, TIMESTAMPTZ {literal(since)})"
        return f"{column} >= {local}"
    return f"{column} >= {since if is_number(since) and kind != 'VARCHAR' else f'CAST({literal(since)} AS {kind})'}"


def _own_condition(
    server: Server, spec: DatabaseTable, kinds: Mapping[str, str], since: str | None, context: Context
) -> str:
    """The same in the server's own SQL."""
    if since is None:
        return ""
    value = since
    kind = kinds[str(spec.cursor)]
    if kind.startswith("TIMESTAMP") and "TIME ZONE" not in kind:
        zone = literal(context.settings.timezone)
        row = server.con.execute(f"SELECT timezone({zone}, TIMESTAMPTZ {literal(since)})::VARCHAR").fetchone()
        value = str(row[0]) if row else since
    return f"{server.quoted(str(spec.cursor))} >= {value if is_number(value) else literal(value)}"


def _before(context: Context, server: Server, column: str, since: str, overlap: str) -> str:
    """The cursor's value so far earlier."""
    if is_number(overlap):
        return str(float(since) - float(overlap)) if "." in since + overlap else str(int(since) - int(overlap))
    length = seconds(overlap)
    kind = context.engine.lake.columns(context.bronze)[column]
    as_time = "DATE" if kind == "DATE" else "TIMESTAMPTZ"
    sql = f"({as_time} {literal(since)} - INTERVAL {length} SECOND)"
    if kind == "VARCHAR":
        sql = f"strftime({sql}, {literal('%Y-%m-%dT%H:%M:%S' if 'T' in since else '%Y-%m-%d %H:%M:%S')})"
    row = server.con.execute(f"SELECT {sql}::VARCHAR").fetchone()
    return str(row[0]) if row else since


def _window(context: Context) -> Window | None:
    text = context.settings.window
    return Window.of(text, context.settings.timezone, context.where) if text else None


def _manner(context: Context) -> Manner:
    spec: DatabaseTable | None = context.spec
    return Manner(_window(context), context.settings.rows_per_second, spec.chunk_rows if spec else None)


def _folder(context: Context) -> Path:
    return context.project.state / "partial" / str(context.bronze)


def _partial(context: Context, piece: Piece) -> Partial:
    """The pieces that an earlier load has left; those of one that was committed are forgotten."""
    folder = _folder(context)
    if not Partial.waits(folder, context.mark(PIECES)):
        shutil.rmtree(folder, ignore_errors=True)
    return Partial(folder, piece)
