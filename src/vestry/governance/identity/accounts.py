"""Who there is: the accounts of a council, its own and those that its identity provider vouches for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import JSON, Boolean, Column, Connection, Integer, RowMapping, String, Table, insert, select, update

from vestry.governance.doors import close
from vestry.governance.identity.user import User
from vestry.governance.state import METADATA, connect, exists, now, reading
from vestry.project import Project, VestryError
from vestry.project.access import role_faults
from vestry.project.errors import did_you_mean

#: `password` is an argon2id hash, and empty where the identity provider vouches; `groups` are what that says.
account = Table(
    "account",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("email", String, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("domains", JSON, nullable=False),
    Column("groups", JSON, nullable=False),
    Column("password", String),
    Column("is_off", Boolean, nullable=False),
    Column("made", Integer, nullable=False),
    Column("came", Integer),
)
_ID = re.compile(r"[a-z0-9][a-z0-9._@-]{0,99}")


@dataclass(frozen=True)
class Account:
    """One account as lists show it; moments are seconds since 1970."""

    user: User
    is_off: bool
    is_local: bool
    made: int
    came: int | None


def login_needed(project: Project) -> bool:
    """Whether people must log in: there is a provider, or an account, be it switched off."""
    if project.settings.identity:
        return True
    if not exists(project):
        return False
    with reading(project) as con:
        return con.execute(select(account.c.id).limit(1)).first() is not None


def add_account(
    project: Project, id_: str, password: str, name: str, email: str, roles: Collection[str], domains: Collection[str]
) -> None:
    """Make a local account; `password` is its hash.

    Raises VestryError for an id that is no name or is there already, and for roles and domains that there are not.
    """
    if not _ID.fullmatch(id_):
        raise VestryError(f"`{id_}` is not a name to log in with", mend="use small letters, digits and . _ @ -")
    for what, mend in role_faults(roles, domains, project.access.roles):
        raise VestryError(what, mend=mend)
    for domain in domains:
        if domain not in project.domains:
            raise VestryError(f"there is no domain `{domain}`", mend=did_you_mean(domain, project.domains))
    row = {"id": id_, "name": name or id_, "email": email, "roles": sorted(set(roles)), "domains": sorted(set(domains))}
    with connect(project) as con:
        if con.execute(select(account.c.id).where(account.c.id == id_)).first():
            raise VestryError(f"there is an account `{id_}` already", mend="`vestry user list` shows it")
        made = {"groups": [], "password": password, "is_off": False, "made": now(project)}
        con.execute(insert(account).values(**row, **made))


def accounts(project: Project) -> list[Account]:
    """All accounts, by their ids."""
    if not exists(project):
        return []
    with reading(project) as con:
        rows = con.execute(select(account).order_by(account.c.id)).mappings().all()
    return [
        Account(user_of(project, row), row["is_off"], row["password"] is not None, row["made"], row["came"])
        for row in rows
    ]


def existing(project: Project, id_: str) -> Account:
    """The account of an id. Raises VestryError that offers the nearest."""
    found = {one.user.id: one for one in accounts(project)}
    if id_ not in found:
        mend = did_you_mean(id_, found, "`vestry user list` shows them")
        raise VestryError(f"there is no account `{id_}`", mend=mend)
    return found[id_]


def account_of(project: Project, who: str) -> Account:
    """The account of an id, or of an email where it is one person's.

    Raises VestryError that offers the nearest, and where the account is switched off.
    """
    mailed = [one for one in accounts(project) if one.user.email and one.user.email.casefold() == who.casefold()]
    found = mailed[0] if len(mailed) == 1 else existing(project, who)
    if found.is_off:
        raise VestryError(f"the account `{found.user.id}` is switched off", mend="`vestry user on` switches it on")
    return found


def change(project: Project, id_: str, **values: Any) -> None:
    """Set columns of an account, and end whatever is logged in as it. Raises VestryError where there is none."""
    from vestry.governance.identity.sessions import session  # it has the account's id

    existing(project, id_)
    with connect(project) as con:
        con.execute(update(account).where(account.c.id == id_).values(**values))
        con.execute(session.delete().where(session.c.account == id_))
    if values.get("is_off"):
        close(project, id_)


def vouched(
    con: Connection, project: Project, issuer: str, subject: str, name: str, email: str, groups: Collection[str]
) -> RowMapping:
    """The account of somebody whom the provider vouches for, as it tells of them now; made where it is new."""
    # Names and addresses are given to others when somebody leaves; a subject never is.
    id_ = "oidc:" + hashlib.sha256(f"{issuer} {subject}".encode()).hexdigest()[:20]
    said = {"name": name, "email": email, "groups": sorted(groups)}
    found = con.execute(update(account).where(account.c.id == id_).values(**said))
    if not found.rowcount:
        made = {"roles": [], "domains": [], "is_off": False, "made": now(project)}
        con.execute(insert(account).values(id=id_, **said, **made))
    return con.execute(select(account).where(account.c.id == id_)).mappings().one()


def user_of(
    project: Project, row: RowMapping, kind: Literal["session", "token"] = "session", scopes: Any = None
) -> User:
    """The user of an account's row: what `access.yaml` gives their groups counts from the moment it is written."""
    roles, domains = project.access.given(row["groups"])
    user = User(row["id"], row["name"], row["email"], roles | set(row["roles"]), domains | set(row["domains"]), kind)
    return replace(user, scopes=None if scopes is None else frozenset(scopes))
