"""Publishing: what ended is taken away at once, what is new is loaded aside, and one transaction swaps everything."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vestry.governance.access.gate import Gate, Reading
from vestry.governance.access.grants import open_grants
from vestry.governance.access.release import Release
from vestry.governance.access.view import Refused
from vestry.governance.identity.accounts import accounts
from vestry.project import DataError, Project, literal, quote
from vestry.project.models import PublishSettings
from vestry.run.events import Event, Listener
from vestry.serve.postgres import books as kept
from vestry.serve.postgres import rights, roles
from vestry.serve.postgres.books import Books
from vestry.serve.postgres.changes import Changes, changes_of
from vestry.serve.postgres.server import Server, connected, patiently
from vestry.serve.postgres.types import definition, selected
from vestry.serve.postgres.wanted import DOOR, Seen, Wanted, wanted_of

if TYPE_CHECKING:
    import duckdb
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Published:
    """What a publication did: rows sent by the name of the table, how many views were given, and taken away."""

    sent: tuple[tuple[str, int], ...]
    given: int
    taken: int
    as_they_were: int
    left_out: tuple[tuple[str, str], ...]
    #: What was published before and could not be dropped yet, because somebody reads it.
    waiting: int = 0


@dataclass(frozen=True)
class Loaded:
    """A piece as it was just loaded."""

    physical: str
    stamp: str
    rows: int


def plan(gate: Gate, server: Server, settings: PublishSettings) -> tuple[Wanted, Changes]:
    """What would change; nothing is written."""
    wanted = wanted_of(gate, server, settings)
    with connected(server) as con:
        return wanted, changes_of(wanted, kept.read(con, server))


def publish(gate: Gate, server: Server, settings: PublishSettings, listen: Listener) -> Published:
    """Make a server hold what it should. Raises DataError; until the swap, what was published last stays."""
    project = gate.live.workspace.project
    wanted = wanted_of(gate, server, settings)
    mark = roles.mark_of(project.settings.council.name)
    with connected(server) as con, kept.alone(con, server):
        kept.open_books(con, server, f"{mark}: {server.name}")
        books = kept.read(con, server)
        changes = changes_of(wanted, books)
        with con.transaction():
            kept.lock_rights(con, server)
            rights.take(con, server, changes.taken, books)
        with con.transaction():
            for schema in sorted({seen.schema for seen in changes.given}):
                kept.open_schema(con, server, schema, f"{mark}: {server.name}")
        new = {(seen.schema, seen.name) for seen in changes.given} - set(books.rights)
        if other := kept.in_the_way(con, sorted(new)):
            what = f"`{other}` on {server.shown} was made by somebody else, and is in the way"
            raise DataError(what, server.where, "let it be renamed, or moved to another schema")
        roles.open_roles(con, server, [server.staff, *sorted({s.role for s in changes.given} - {server.staff})], mark)
        roles.set_staff(con, server, wanted.roles, mark)
        _sweep(con, server, books)  # what a publication left that was killed
        loaded, refused = _load(gate, server, con, wanted, changes, listen)
        given, taken = 0, 0
        if changes:
            given, taken = _swap(project, server, con, wanted, changes, books, loaded, refused)
        waiting = _sweep(con, server, kept.read(con, server))
    names = {key: str(views[0].view.table) for key, views in wanted.pieces.items()}
    return Published(
        tuple((names[key], piece.rows) for key, piece in loaded.items()),
        given,
        taken,
        len(wanted.pieces) - len(loaded),
        wanted.left_out,
        waiting,
    )


def _load(
    gate: Gate, server: Server, con: Connection, wanted: Wanted, changes: Changes, listen: Listener
) -> tuple[dict[str, Loaded], list[Seen]]:
    """Load the pieces that are new, each into a table of its own; and the views that the gate has come to refuse.

    The audit has its line of each reader before a row goes out.
    """
    loaded: dict[str, Loaded] = {}
    refused: list[Seen] = []
    engine = gate.live.workspace.engine if changes.given else None
    for key, views in wanted.pieces.items():
        asked = [seen for seen in views if key in changes.sent or seen in changes.given]
        readings: list[tuple[Seen, Reading, Release]] = []
        for seen in asked:
            purpose = seen.view.purpose if seen.view.grant else ""
            try:
                reading = gate.read(seen.user, [seen.view.table], DOOR, purpose)
            except Refused:
                refused.append(seen)
                continue
            release = reading.releases[seen.view.table]
            if release.view == seen.view:
                readings.append((seen, reading, release))
            else:  # narrowed a moment ago: the next publication gives what is left
                refused.append(seen)
        if not readings:
            continue
        assert engine is not None
        name = str(views[0].view.table)
        began = time.monotonic()
        if key in changes.sent:
            listen(Event("started", "publish", name))
        with engine.cursor() as duck:
            for seen, reading, release in readings:
                (count,) = duck.execute(f"SELECT count(*) FROM {release.relation()}").fetchone() or (0,)
                reading.give(int(count), note=f"published to {server.name} as {seen.schema}.{seen.name}")
            if key not in changes.sent:
                continue
            engine.load("postgres_scanner")
            views = [seen for seen, _, _ in readings]
            version = min(release.version for _, _, release in readings)
            physical = f"t_{key}_{secrets.token_hex(3)}"
            rows = _send(duck, server, con, physical, [(s, r) for s, _, r in readings])
            loaded[key] = Loaded(physical, wanted.stamp(views, version), rows)
        facts = {"seconds": time.monotonic() - began}
        listen(Event("done", "publish", name, f"{rows:,} rows for {len(views)} reader(s)", facts))
    return loaded, refused


def _send(
    duck: duckdb.DuckDBPyConnection,
    server: Server,
    con: Connection,
    physical: str,
    releases: Sequence[tuple[Seen, Release]],
) -> int:
    """Put the rows of releases into a new table, each row once; returns how many there are."""
    import duckdb

    columns = releases[0][0].columns
    con.execute(f"CREATE TABLE {quote(server.data)}.{quote(physical)} ({definition(columns)})")
    rights.set_policies(con, server, physical, [])  # nobody, whatever the database gives by default
    parts, had = [], list[str]()
    for condition, release in {seen.condition: release for seen, release in releases}.items():
        apart = "".join(f" AND ({other}) IS NOT TRUE" for other in had)
        parts.append(f"SELECT {selected(columns)} FROM {release.relation()} WHERE true{apart}")
        had.append(condition or "true")
    alias = f"publish {physical}"
    try:
        duck.execute("SET pg_null_byte_replacement = ''")  # PostgreSQL's text cannot hold one
        duck.execute(f"ATTACH {literal(server.conninfo())} AS {quote(alias)} (TYPE postgres)")
        try:
            target = f"{quote(alias)}.{quote(server.data)}.{quote(physical)}"
            (rows,) = duck.execute(f"INSERT INTO {target} {' UNION ALL '.join(parts)}").fetchone() or (0,)
        finally:
            duck.execute(f"DETACH {quote(alias)}")
    except duckdb.Error as error:  # its text may hold values, and the password
        what = f"{releases[0][0].view.table} could not be loaded into {server.shown} ({type(error).__name__})"
        raise DataError(what, server.where, "what was published last stays; look at the server's log") from None
    rights.hide_statistics(con, server, physical, releases[0][0], len(had) > 1)
    con.execute(f"ANALYZE {quote(server.data)}.{quote(physical)}")
    return int(rows)


def _swap(
    project: Project,
    server: Server,
    con: Connection,
    wanted: Wanted,
    changes: Changes,
    books: Books,
    loaded: dict[str, Loaded],
    refused: Sequence[Seen],
) -> tuple[int, int]:
    """Everything at once: views, rights, policies, and what is written of them.

    Returns how many views were given, and how many taken away.
    """

    def change() -> tuple[int, int]:
        rights.lock(con, server, changes, books)
        # From here nobody takes a right away but before us, which we then see, or after us, which then holds.
        kept.lock_rights(con, server)
        is_open = _open_now(project)
        given = [seen for seen in changes.given if seen not in refused and is_open(seen)]
        places = {(seen.schema, seen.name) for seen in given}
        over = {(s.schema, s.name) for s in changes.given} - places
        taken = [*changes.taken, *(right for place, right in books.rights.items() if place in over)]
        taken = [right for right in dict.fromkeys(taken) if (right.schema, right.name) not in places]
        rights.drop_views(con, taken)
        tables = {key: piece.physical for key, piece in books.pieces.items()}
        tables |= {key: piece.physical for key, piece in loaded.items()}
        were = [right for place, right in books.rights.items() if place in places]
        touched = {seen.piece for seen in given} | {right.piece for right in (*taken, *were)}
        for key in sorted(touched & tables.keys()):
            views = [seen for seen in wanted.pieces.get(key, []) if seen not in refused and is_open(seen)]
            rights.set_policies(con, server, tables[key], views)
        for seen in given:
            rights.make_view(con, server, tables[seen.piece], seen)
        data = quote(server.data)
        for right in taken:
            con.execute(f"DELETE FROM {data}.seen WHERE schema = %s AND name = %s", [right.schema, right.name])
        for key in changes.gone:
            con.execute(f"DELETE FROM {data}.piece WHERE key = %s", [key])
        for key, piece in loaded.items():
            of = str(wanted.pieces[key][0].view.table)
            con.execute(
                f"INSERT INTO {data}.piece (key, physical, of, stamp, rows) VALUES (%s, %s, %s, %s, %s) "
                "ON CONFLICT (key) DO UPDATE SET physical = excluded.physical, stamp = excluded.stamp, "
                "rows = excluded.rows, sent_at = now()",
                [key, piece.physical, of, piece.stamp, piece.rows],
            )
        for seen in given:
            con.execute(
                f"INSERT INTO {data}.seen VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (schema, name) DO UPDATE SET "
                'role = excluded.role, piece = excluded.piece, "grant" = excluded."grant", '
                "definition = excluded.definition",
                [seen.schema, seen.name, seen.role, seen.piece, seen.grant, seen.definition],
            )
        return len(given), len(taken)

    return patiently(con, server, change)


def _open_now(project: Project) -> Callable[[Seen], bool]:
    """Whether a view's grant is as it was when the gate was asked, and its reader still there."""
    terms = {grant.id: grant.terms for grant in open_grants(project)}
    readers = {a.user.id for a in accounts(project) if not a.is_off}

    def is_open(seen: Seen) -> bool:
        grant = seen.view.grant
        return grant is None or (terms.get(grant.id) == grant.terms and seen.user.id in readers)

    return is_open


def _sweep(con: Connection, server: Server, books: Books) -> int:
    """Drop tables that no view is of any more; returns how many wait for those who read them."""
    import psycopg

    found = con.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relkind = 'r' AND c.relname ~ '^t_[0-9a-f]{24}_[0-9a-f]{6}$'",
        [server.data],
    ).fetchall()
    used = {piece.physical for piece in books.pieces.values()}
    waiting = 0
    for (name,) in found:
        if name not in used:
            try:
                with con.transaction():
                    con.execute("SET LOCAL lock_timeout = '200ms'")
                    con.execute(f"DROP TABLE {quote(server.data)}.{quote(str(name))}")
            except psycopg.errors.LockNotAvailable:
                waiting += 1
    return waiting
