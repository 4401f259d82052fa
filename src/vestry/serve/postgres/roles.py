"""Roles: one of all staff, one of each reader. They cannot log in until the server's administrator lets them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vestry.governance.identity.user import User
from vestry.project import DataError, literal, quote
from vestry.serve.postgres.server import Server

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]


def mark_of(council: str) -> str:
    """What a role of ours says of itself."""
    return f"Published by Vestry for {council}"


def open_roles(con: Connection, server: Server, roles: Iterable[str], mark: str) -> None:
    """See that roles are there and ours. Raises DataError where somebody else made one of that name."""
    found = _roles(con)
    for role in roles:
        if role not in found:
            con.execute(f"CREATE ROLE {quote(role)} NOLOGIN")
            con.execute(f"COMMENT ON ROLE {quote(role)} IS {literal(mark)}")
        elif found[role] != mark:
            raise DataError(
                f"the role `{role}` of {server.shown} was made by somebody else, or for another council",
                server.where,
                "give this publication a schema_prefix of its own, or let the role be renamed",
            )


def set_staff(con: Connection, server: Server, users: dict[str, User], mark: str) -> list[str]:
    """Let the roles of those who work here see what all staff see, and those of nobody else; what changed, in words.

    Members that the administrator added stay: only roles of ours are looked at.
    """
    ours = {role for role, said in _roles(con).items() if said == mark and role.startswith(f"{server.prefix}_")}
    ours.discard(server.staff)
    wanted = {role for role in ours if role in users and users[role].has("staff")}
    there = members(con, server)
    changed = []
    for role in sorted(wanted - there):
        con.execute(f"GRANT {quote(server.staff)} TO {quote(role)}")
        changed.append(f"{role} sees what staff see")
    for role in sorted((there & ours) - wanted):
        con.execute(f"REVOKE {quote(server.staff)} FROM {quote(role)}")
        changed.append(f"{role} no longer sees what staff see")
    return changed


def members(con: Connection, server: Server) -> set[str]:
    """The roles that see what staff see."""
    rows = con.execute(
        "SELECT m.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member "
        "JOIN pg_roles g ON g.oid = a.roleid WHERE g.rolname = %s",
        [server.staff],
    ).fetchall()
    return {str(r[0]) for r in rows}


def login_sql(server: Server, role: str, user: User | None, mark: str) -> str:
    """What an administrator runs in psql so that a role may log in; also where Vestry may make no roles itself."""
    q = quote(role)
    who = f"{user.name} ({user.id})" if user else "all who work here"
    lines = [
        f"-- {server.shown}: {' '.join(who.split())}",
        f"SELECT {literal(f'CREATE ROLE {q} NOLOGIN')} WHERE to_regrole({literal(q)}) IS NULL \\gexec",
        f"COMMENT ON ROLE {q} IS {literal(mark)};",
        f"GRANT CONNECT ON DATABASE {quote(server.database)} TO {q};",
    ]
    if user:
        lines += [
            f"ALTER ROLE {q} LOGIN CONNECTION LIMIT 20;",
            f"ALTER ROLE {q} SET statement_timeout = '5min';",
            "-- asks for the password, so that it is in no log:",
            f"\\password {role}",
        ]
    else:
        lines += [
            f"-- each log-in of a BI tool is a role of your own, that is a member: GRANT {q} TO powerbi;",
        ]
    return "\n".join(lines) + "\n"


def _roles(con: Connection) -> dict[str, str | None]:
    rows = con.execute("SELECT rolname, shobj_description(oid, 'pg_authid') FROM pg_roles").fetchall()
    return {str(name): said for name, said in rows}
