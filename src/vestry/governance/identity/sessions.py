"""Who is logged in: a random secret in a cookie, of which only the hash is kept."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import Column, Connection, ForeignKey, Integer, String, Table, delete, insert, select, update

from vestry.governance.identity.accounts import account, user_of
from vestry.governance.identity.secret import hashed_secret
from vestry.governance.identity.user import User
from vestry.governance.state import METADATA, connect, now, reading
from vestry.project import Project

#: Seconds without a request after which a session ends, and after which it ends in any case.
IDLE, LONGEST = 60 * 60, 12 * 60 * 60
#: Seconds for which `seen` may be behind: a write for each request would be too many.
_BEHIND = 60

session = Table(
    "session",
    METADATA,
    Column("hash", String, primary_key=True),
    Column("account", ForeignKey("account.id"), nullable=False, index=True),
    Column("made", Integer, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("agent", String, nullable=False),
)


@dataclass(frozen=True)
class Session:
    """One log-in as its owner sees it; `key` names it in forms and is no secret."""

    key: str
    made: int
    seen: int
    agent: str


def begin(con: Connection, project: Project, account_id: str, agent: str, before: str = "") -> str:
    """A new session; returns the secret for the cookie. `before` is the cookie that came with the log-in: it ends."""
    at = now(project)
    con.execute(delete(session).where((session.c.seen <= at - IDLE) | (session.c.made <= at - LONGEST)))
    con.execute(delete(session).where(session.c.hash == hashed_secret(before)))
    secret = secrets.token_urlsafe(32)
    values = {"hash": hashed_secret(secret), "account": account_id, "made": at, "seen": at, "agent": agent[:200]}
    con.execute(insert(session).values(**values))
    con.execute(update(account).where(account.c.id == account_id).values(came=at))
    return secret


def user_by(project: Project, secret: str) -> User | None:
    """Who a cookie is of, or None where the session is unknown, over, or of an account that is off."""
    at = now(project)
    kept = hashed_secret(secret)
    running = (session.c.hash == kept) & (session.c.seen > at - IDLE) & (session.c.made > at - LONGEST)
    with reading(project) as con:
        joined = select(account, session.c.seen).join(session, session.c.account == account.c.id)
        row = con.execute(joined.where(running, account.c.is_off.is_(False))).mappings().first()
    if row is None:
        return None
    if row["seen"] < at - _BEHIND:
        with connect(project) as con:
            con.execute(update(session).where(session.c.hash == kept).values(seen=at))
    return user_of(project, row)


def sessions_of(project: Project, account_id: str) -> list[Session]:
    """Where somebody is logged in, the last used first."""
    at = now(project)
    with reading(project) as con:
        mine = select(session).where(session.c.account == account_id, session.c.seen > at - IDLE)
        rows = con.execute(mine.where(session.c.made > at - LONGEST).order_by(session.c.seen.desc())).all()
    return [Session(key_of(row.hash), row.made, row.seen, row.agent) for row in rows]


def end(project: Project, secret: str) -> None:
    """Log out."""
    with connect(project) as con:
        con.execute(delete(session).where(session.c.hash == hashed_secret(secret)))


def end_all(project: Project, account_id: str, but: str = "") -> None:
    """Log somebody out everywhere, but for the session of the cookie `but`."""
    with connect(project) as con:
        mine = (session.c.account == account_id) & (session.c.hash != hashed_secret(but))
        con.execute(delete(session).where(mine))


def key_of(kept: str) -> str:
    return kept[:16]


def key_by(secret: str) -> str:
    """The key of the session of a cookie."""
    return key_of(hashed_secret(secret))


def csrf_of(secret: str) -> str:
    """What every form of a session carries: whoever knows it has read a page of that session."""
    return hmac.digest(secret.encode(), b"vestry csrf", "sha256").hex()
