"""Taking a right away at once: called when a grant ends or is narrowed, and when an account is switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vestry.project import DataError, Project, VestryError, quote

if TYPE_CHECKING:
    from vestry.serve.postgres.server import Server


def shut(project: Project, reader: str, grant: str | None = None) -> None:
    """Close every publication to a reader: what they see by a grant, or, without one, all.

    It waits for nobody who reads. Raises DataError that says where it could not be done.
    """
    failed = []
    for name, settings in project.settings.publish.items():
        from vestry.serve.postgres.server import server_of

        try:
            _shut(project, server_of(project, name, settings), reader, grant)
        except VestryError as error:
            failed.append(error)
    if failed:
        what = f"it is ended, but PostgreSQL could not be told, and still shows what it held: {failed[0].what}"
        raise DataError(what, failed[0].where, "run `vestry publish` as soon as the server answers")


def _shut(project: Project, server: Server, reader: str, grant: str | None) -> None:
    from vestry.serve.postgres import books as kept
    from vestry.serve.postgres import rights, roles
    from vestry.serve.postgres.names import role_of
    from vestry.serve.postgres.server import connected

    role = role_of(server, reader)
    with connected(server, connect_timeout=3) as con, con.transaction():
        kept.lock_rights(con, server)
        books = kept.read(con, server)
        mine = [r for r in books.rights.values() if (r.grant == grant if grant else r.role == role)]
        rights.take(con, server, mine, books)
        if grant is None and role in roles.members(con, server):
            con.execute(f"REVOKE {quote(server.staff)} FROM {quote(role)}")
