"""Questions that people keep, for themselves or for others. Whoever asks one sees what they may see themselves."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Column, Integer, Row, String, Table, delete, insert, or_, select, update

from vestry.governance.identity.user import User
from vestry.governance.sql.statement import LONGEST
from vestry.governance.state import METADATA, connect, exists, now, reading
from vestry.project import Project, VestryError
from vestry.project.errors import did_you_mean

SAVED = Table(
    "saved_query",
    METADATA,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False, index=True),
    Column("title", String, nullable=False),
    Column("sql", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("shared", String, nullable=False),
    Column("at", Integer, nullable=False),
)
#: Besides the name of a domain, whose owners and stewards then see it.
NOBODY, ALL = "", "*"
_TITLE = 100


@dataclass(frozen=True)
class Saved:
    """One question; `shared` is NOBODY, ALL or a domain, `at` in seconds since 1970."""

    id: str
    owner: str
    title: str
    sql: str
    purpose: str
    shared: str
    at: int


def save(
    project: Project, user: User, title: str, sql: str, purpose: str = "", shared: str = NOBODY, key: str = ""
) -> Saved:
    """Keep a question; `key` is that of one of the user's own, which it replaces.

    Raises VestryError where it has no title or text, or is to be shared with a domain that there is not.
    """
    if not title.strip() or len(title) > _TITLE:
        raise VestryError("a question needs a title", mend=f"write up to {_TITLE} characters")
    if not sql.strip() or len(sql) > LONGEST:
        raise VestryError("there is no question to keep, or it is too long", mend="write the SELECT")
    if shared not in (NOBODY, ALL, *project.domains):
        raise VestryError(f"there is no domain `{shared[:60]}`", mend=did_you_mean(shared, project.domains))
    said = {"title": title.strip(), "sql": sql, "purpose": purpose, "shared": shared, "at": now(project)}
    with connect(project) as con:
        mine = update(SAVED).where(SAVED.c.id == key, SAVED.c.owner == user.id)
        if not key or not con.execute(mine.values(**said)).rowcount:
            key = f"q-{secrets.token_hex(5)}"
            con.execute(insert(SAVED).values(id=key, owner=user.id, **said))
    return saved(project, user, key)


def saved(project: Project, user: User, key: str) -> Saved:
    """A question that is the user's own or shared with them. Raises VestryError where there is none."""
    found = next((one for one in saved_for(project, user) if one.id == key), None)
    if found is None:
        raise VestryError("there is no such question", mend="those that are yours or shared with you are listed")
    return found


def saved_for(project: Project, user: User) -> list[Saved]:
    """The user's own questions and those that are shared with them, by title."""
    if not exists(project):
        return []
    theirs = or_(SAVED.c.owner == user.id, SAVED.c.shared.in_([ALL, *user.domains]))
    with reading(project) as con:
        return [_of(row) for row in con.execute(select(SAVED).where(theirs).order_by(SAVED.c.title, SAVED.c.id))]


def forget(project: Project, user: User, key: str) -> None:
    """Delete a question of the user's own. Raises VestryError where there is none."""
    with connect(project) as con:
        if not con.execute(delete(SAVED).where(SAVED.c.id == key, SAVED.c.owner == user.id)).rowcount:
            raise VestryError("there is no such question of yours", mend="only who kept it can delete it")


def _of(row: Row[tuple[object, ...]]) -> Saved:
    return Saved(**row._mapping)
