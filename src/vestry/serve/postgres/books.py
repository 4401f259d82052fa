"""What was published last, kept in the database itself and written in the transaction that publishes it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestry.project import DataError, literal, quote
from vestry.serve.postgres.server import Server

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

#: Numbers of ours for PostgreSQL's advisory locks: one publishes at a time, and rights change one after the other.
_PUBLISHING, _RIGHTS = 7_658, 7_659
_TABLES = """
CREATE TABLE IF NOT EXISTS {data}.piece (
    key text PRIMARY KEY, physical text NOT NULL, of text NOT NULL, stamp text NOT NULL, rows bigint NOT NULL,
    sent_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS {data}.seen (
    schema text, name text, role text NOT NULL, piece text NOT NULL, "grant" text NOT NULL, definition text NOT NULL,
    PRIMARY KEY (schema, name));
"""


@dataclass(frozen=True)
class Kept:
    """A piece that is there: the table that holds it, and the stamp of its rows."""

    physical: str
    of: str
    stamp: str
    rows: int


@dataclass(frozen=True)
class Right:
    """A view that is there."""

    schema: str
    name: str
    role: str
    piece: str
    grant: str
    definition: str


@dataclass(frozen=True)
class Books:
    """All that is there, by key of the piece, and by schema and name."""

    pieces: dict[str, Kept]
    rights: dict[tuple[str, str], Right]


def read(con: Connection, server: Server) -> Books:
    """What was published last; nothing where nothing was."""
    if not _is_there(con, server.data, "seen"):
        return Books({}, {})
    data = quote(server.data)
    pieces = con.execute(f"SELECT key, physical, of, stamp, rows FROM {data}.piece").fetchall()
    rights = con.execute(f'SELECT schema, name, role, piece, "grant", definition FROM {data}.seen').fetchall()
    return Books({key: Kept(*rest) for key, *rest in pieces}, {(r[0], r[1]): Right(*r) for r in rights})


def open_schema(con: Connection, server: Server, schema: str, mark: str) -> None:
    """See that a schema is there and ours. Raises DataError where somebody else made it."""
    found = con.execute(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s", [schema]
    ).fetchone()
    if found is None:
        con.execute(f"CREATE SCHEMA {quote(schema)}")
        con.execute(f"COMMENT ON SCHEMA {quote(schema)} IS {literal(mark)}")
    elif found[0] != mark:
        raise DataError(
            f"the schema `{schema}` of {server.shown} was made by somebody else, or for another council",
            server.where,
            "give this publication a schema_prefix of its own",
        )


def open_books(con: Connection, server: Server, mark: str) -> None:
    """See that the schema of the data is there, with the tables of what is published."""
    with con.transaction():
        open_schema(con, server, server.data, mark)
        con.execute(_TABLES.format(data=quote(server.data)))


def in_the_way(con: Connection, names: Iterable[tuple[str, str]]) -> str | None:
    """The first of these (schema, name) that stands there already."""
    return next((f"{schema}.{name}" for schema, name in names if _is_there(con, schema, name)), None)


@contextmanager
def alone(con: Connection, server: Server) -> Iterator[None]:
    """Publish alone. Raises DataError where another publication to the same place is at work."""
    key = _number(server)
    if con.execute("SELECT pg_try_advisory_lock(%s, %s)", [_PUBLISHING, key]).fetchone() != (True,):
        what = f"another `vestry publish` is at work on {server.shown}"
        raise DataError(what, server.where, "wait until it has ended")
    yield  # the lock goes with the connection


def lock_rights(con: Connection, server: Server) -> None:
    """Until the transaction ends, nobody else gives or takes rights."""
    con.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_RIGHTS, _number(server)])


def _is_there(con: Connection, schema: str, name: str) -> bool:
    found = con.execute(
        "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = %s AND relname = %s",
        [schema, name],
    )
    return found.fetchone() is not None


def _number(server: Server) -> int:
    return zlib.crc32(server.data.encode()) - 2**31
