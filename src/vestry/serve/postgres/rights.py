"""Rights in PostgreSQL: views that run with the reader's own, and policies on the tables behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from vestry.project import DataError, literal, quote
from vestry.serve.postgres.books import Books, Right
from vestry.serve.postgres.changes import Changes
from vestry.serve.postgres.server import WAIT, Server
from vestry.serve.postgres.wanted import Seen

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]


def take(con: Connection, server: Server, taken: Iterable[Right], books: Books) -> None:
    """Take rights away. It waits for nobody who reads: the next statement of a reader finds the door shut."""
    for right in taken:
        places = [f"{quote(right.schema)}.{quote(right.name)}"]
        if piece := books.pieces.get(right.piece):
            places.append(f"{quote(server.data)}.{quote(piece.physical)}")
        for place in places:
            found = con.execute("SELECT to_regclass(%s), to_regrole(%s)", [place, quote(right.role)]).fetchone() or ()
            if None not in found:
                con.execute(f"REVOKE ALL ON {place} FROM {quote(right.role)}")
        con.execute(
            f"UPDATE {quote(server.data)}.seen SET definition = '' WHERE schema = %s AND name = %s",
            [right.schema, right.name],
        )


def lock(con: Connection, server: Server, changes: Changes, books: Books) -> None:
    """Take what the swap changes out of readers' hands, all before anything changes."""
    places = {(right.schema, right.name): right.piece for right in changes.taken}
    places |= {
        (s.schema, s.name): books.rights[s.schema, s.name].piece
        for s in changes.given
        if (s.schema, s.name) in books.rights
    }
    named = [f"{quote(schema)}.{quote(name)}" for schema, name in sorted(places)]
    # A view's own lock takes the table behind it too; the rest are tables whose policies change.
    touched = {s.piece for s in changes.given if s.piece not in changes.sent} | {r.piece for r in changes.taken}
    named += [f"{quote(server.data)}.{quote(books.pieces[p].physical)}" for p in sorted(touched & books.pieces.keys())]
    there = [n for n in named if con.execute("SELECT to_regclass(%s)", [n]).fetchone() != (None,)]
    if there:  # the lock's own timeout is of each of them; this one is of all
        con.execute(f"SET LOCAL statement_timeout = '{WAIT:g}s'")
        con.execute(f"LOCK TABLE {', '.join(there)} IN ACCESS EXCLUSIVE MODE")
        con.execute("SET LOCAL statement_timeout = 0")


def drop_views(con: Connection, taken: Iterable[Right]) -> None:
    """Drop the views of rights that ended."""
    from psycopg.errors import DependentObjectsStillExist

    for right in taken:
        name = f"{right.schema}.{right.name}"
        try:
            con.execute(f"DROP VIEW IF EXISTS {quote(right.schema)}.{quote(right.name)}")
        except DependentObjectsStillExist:
            raise _depended(name) from None


def make_view(con: Connection, server: Server, physical: str, seen: Seen) -> None:
    """Make a view as it should be. What others built on it stays, unless its columns are not the same any more."""
    from psycopg.errors import DependentObjectsStillExist, InvalidTableDefinition

    place = f"{quote(seen.schema)}.{quote(seen.name)}"
    columns = ", ".join(quote(name) for name, _ in seen.columns)
    made = (
        f"VIEW {place} WITH (security_invoker = true) AS SELECT {columns} FROM {quote(server.data)}.{quote(physical)}"
    )
    try:
        with con.transaction():
            con.execute(f"CREATE OR REPLACE {made}")
    except InvalidTableDefinition:
        try:
            con.execute(f"DROP VIEW {place}")
        except DependentObjectsStillExist:
            raise _depended(f"{seen.schema}.{seen.name}") from None
        con.execute(f"CREATE {made}")
    con.execute(f"GRANT USAGE ON SCHEMA {quote(seen.schema)} TO {quote(seen.role)}")
    con.execute(f"GRANT SELECT ON {place} TO {quote(seen.role)}")
    con.execute(f"COMMENT ON VIEW {place} IS {literal(seen.comment) if seen.comment else 'NULL'}")
    said = dict(seen.column_comments)
    for name, _ in seen.columns:
        text = literal(said[name]) if name in said else "NULL"
        con.execute(f"COMMENT ON COLUMN {place}.{quote(name)} IS {text}")


def set_policies(con: Connection, server: Server, physical: str, views: Sequence[Seen]) -> None:
    """Let exactly these roles read a table, each its own rows; the owner none, where it holds personal data."""
    place = f"{quote(server.data)}.{quote(physical)}"
    rows = con.execute(
        "SELECT DISTINCT r.rolname FROM pg_class c, aclexplode(c.relacl) a, pg_roles r "
        "WHERE c.oid = to_regclass(%s) AND r.oid = a.grantee AND a.grantee <> c.relowner",
        [place],
    ).fetchall()
    for (role,) in rows:
        con.execute(f"REVOKE ALL ON {place} FROM {quote(str(role))}")
    con.execute(f"REVOKE ALL ON {place} FROM PUBLIC")
    for (policy,) in con.execute(
        "SELECT policyname FROM pg_policies WHERE schemaname = %s AND tablename = %s", [server.data, physical]
    ).fetchall():
        con.execute(f"DROP POLICY {quote(str(policy))} ON {place}")
    if any(seen.is_personal for seen in views):
        con.execute(f"ALTER TABLE {place} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        for seen in views:
            # `current_date` would be of the reader's own time zone, which a session sets as it likes.
            until = [f"now() < TIMESTAMP WITH TIME ZONE {literal(seen.until.isoformat())}"] if seen.until else []
            using = " AND ".join([*until, *([seen.condition] if seen.condition else [])]) or "true"
            role = quote(seen.role)
            con.execute(f"CREATE POLICY {role} ON {place} FOR SELECT TO {role} USING ({using})")
    for seen in views:
        con.execute(f"GRANT SELECT ON {place} TO {quote(seen.role)}")


def hide_statistics(con: Connection, server: Server, physical: str, seen: Seen, is_shared: bool) -> None:
    """Keep no statistics of values where readers differ in rows: EXPLAIN would tell of rows that one does not see."""
    if not is_shared:
        return
    rows = {row.column for row in seen.view.rows}
    parts = [f"ALTER COLUMN {quote(name)} SET STATISTICS 0" for name, _ in seen.columns if name not in rows]
    if parts:
        con.execute(f"ALTER TABLE {quote(server.data)}.{quote(physical)} {', '.join(parts)}")


def _depended(name: str) -> DataError:
    what = f"somebody has built a view on `{name}`, whose columns have changed or which has ended"
    return DataError(what, mend="drop that view, or make it again afterwards; until then nothing new is published")
