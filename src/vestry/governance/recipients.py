"""Recipients: organisations and systems outside, each under one agreement and with a credential of its own.

What a recipient may read are grants, as for anybody else. A credential is random, is shown once, runs out, and is
known here by its hash alone.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Connection, ForeignKey, Integer, Row, String, Table, insert, select, update

from vestry.governance.access.grants import GRANTS
from vestry.governance.audit import Entry, write
from vestry.governance.identity.secret import hashed_secret
from vestry.governance.identity.user import User
from vestry.governance.state import METADATA, connect, now, reading
from vestry.project import Project, VestryError
from vestry.project.durations import seconds
from vestry.project.errors import did_you_mean
from vestry.project.names import NAME_RULE, is_name

#: Days that a credential may last.
LONGEST = 365
#: Seconds for which the old credential may stay good beside the new one.
_OVERLAP = 7 * 86_400
_CREDENTIAL = re.compile(r"(vsr_[0-9a-f]{12})_[A-Za-z0-9_-]{43}")

RECIPIENTS = Table(
    "recipient",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("agreement", String, nullable=False),
    Column("made", Integer, nullable=False),
    Column("revoked", Integer),
)
CREDENTIALS = Table(
    "recipient_credential",
    METADATA,
    Column("id", String, primary_key=True),
    Column("recipient", ForeignKey("recipient.id"), nullable=False, index=True),
    Column("hash", String, nullable=False),
    Column("made", Integer, nullable=False),
    Column("ends", Integer, nullable=False),
)


@dataclass(frozen=True)
class Recipient:
    """Who reads, under which agreement. Moments are seconds since 1970; `ends` is when the last credential does."""

    id: str
    name: str
    agreement: str
    made: int
    ends: int
    revoked: int | None = None

    @property
    def user(self) -> User:
        """The recipient as the gate knows it."""
        return User(self.id, self.name, roles=frozenset({"partner"}), kind="recipient", scopes=frozenset({"share"}))

    def state(self, at: int) -> str:
        return "revoked" if self.revoked is not None else "over" if self.ends <= at else "good"


@dataclass(frozen=True)
class Credential:
    """What a recipient comes with. `secret` is shown once; `id` is how it begins and tells nothing."""

    id: str
    secret: str
    ends: int

    def profile(self, endpoint: str) -> str:
        """The profile file of the Delta Sharing protocol, as JSON."""
        ends = datetime.fromtimestamp(self.ends, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        said = {
            "shareCredentialsVersion": 1,
            "endpoint": endpoint,
            "bearerToken": self.secret,
            "expirationTime": ends,
        }
        return json.dumps(said, indent=2) + "\n"


def add_recipient(project: Project, name: str, agreement: str, lasts: str, by: str) -> Credential:
    """Make a recipient under an agreement, with its first credential; `lasts` is a length such as `90d`.

    Raises VestryError for a name that is none or is taken, an agreement that there is not, and a length too long.
    """
    if not is_name(name):
        raise VestryError(f"`{name}` is not a name for a recipient", mend=NAME_RULE)
    if agreement not in project.agreements:
        mend = did_you_mean(agreement, project.agreements, "an agreement is a file of agreements/")
        raise VestryError(f"there is no agreement `{agreement}`", mend=mend)
    length = _length(lasts, LONGEST * 86_400, "a credential must end within a year")
    # Accounts have no colon in their ids: nobody else's grants can be a recipient's.
    id_ = f"recipient:{name}"
    with connect(project) as con:
        if con.execute(select(RECIPIENTS.c.id).where(RECIPIENTS.c.id == id_)).first():
            mend = "`vestry share recipient list` shows it; a name is given once, for the audit names it for ever"
            raise VestryError(f"there is, or was, a recipient `{name}`", mend=mend)
        con.execute(insert(RECIPIENTS).values(id=id_, name=name, agreement=agreement, made=now(project)))
        made = _give(con, project, id_, length)
    _tell(project, by, "add recipient", f"{id_} under {agreement}, {made.id}")
    return made


def rotate(project: Project, name: str, lasts: str, overlap: str, by: str) -> Credential:
    """A new credential; the old ones end after `overlap` (such as `1d`; `0s`: at once).

    Raises VestryError where there is no such recipient, or it is revoked.
    """
    length = _length(lasts, LONGEST * 86_400, "a credential must end within a year")
    keep = _length(overlap, _OVERLAP, "the old credential must end within a week", least=0)
    found = _standing(project, name)
    at = now(project)
    with connect(project) as con:
        mine = (CREDENTIALS.c.recipient == found.id, CREDENTIALS.c.ends > at + keep)
        con.execute(update(CREDENTIALS).where(*mine).values(ends=at + keep))
        made = _give(con, project, found.id, length)
    _tell(project, by, "rotate credential", f"{found.id}, now {made.id}")
    return made


def revoke(project: Project, name: str, by: str) -> None:
    """Shut a recipient out from this moment, and end its grants. Raises VestryError where it is out already."""
    found, at = _standing(project, name), now(project)
    with connect(project) as con:
        con.execute(update(RECIPIENTS).where(RECIPIENTS.c.id == found.id).values(revoked=at))
        open_ = (GRANTS.c.reader == found.id, GRANTS.c.ended_at.is_(None))
        ended = {"ended_at": at, "ended_by": by, "ended_because": "the recipient was revoked"}
        con.execute(update(GRANTS).where(*open_).values(**ended))
    _tell(project, by, "revoke recipient", found.id)


def recipients(project: Project) -> list[Recipient]:
    """All recipients, by name, also those that are revoked."""
    with reading(project) as con:
        rows = con.execute(_all().order_by(RECIPIENTS.c.name, CREDENTIALS.c.ends)).all()
    return list({row.name: _recipient(row) for row in rows}.values())


def recipient_named(project: Project, name: str) -> Recipient:
    """A recipient by its name. Raises VestryError that offers the nearest."""
    found = {one.name: one for one in recipients(project)}
    if name not in found:
        mend = did_you_mean(name, found, "`vestry share recipient list` shows them")
        raise VestryError(f"there is no recipient `{name}`", mend=mend)
    return found[name]


def recipient_by(project: Project, secret: str) -> Recipient | None:
    """Whose a credential is; None where it is forged, over, or revoked.

    One that was good once is written down when it is tried: somebody still holds it.
    """
    if not (said := _CREDENTIAL.fullmatch(secret)):
        return None
    row = _found(project, said[1])
    if row is None or not hmac.compare_digest(row.hash, hashed_secret(secret)):
        return None
    if not _is_good(row, now(project)):
        why = "a credential that is over or revoked was tried"
        write(project, [Entry(row.id, "sharing", "come in", False, note=f"{said[1]}: {why}")])
        return None
    return _recipient(row)


def recipient_with(project: Project, credential: str) -> Recipient | None:
    """Whose the credential of an id is; None where it is over or revoked."""
    row = _found(project, credential)
    return _recipient(row) if row is not None and _is_good(row, now(project)) else None


def _all() -> Any:
    joined = RECIPIENTS.join(CREDENTIALS, CREDENTIALS.c.recipient == RECIPIENTS.c.id)
    return select(RECIPIENTS, CREDENTIALS.c.ends, CREDENTIALS.c.hash).select_from(joined)


def _found(project: Project, credential: str) -> Row[Any] | None:
    with reading(project) as con:
        found: Row[Any] | None = con.execute(_all().where(CREDENTIALS.c.id == credential)).first()
    return found


def _recipient(row: Row[Any]) -> Recipient:
    return Recipient(row.id, row.name, row.agreement, row.made, row.ends, row.revoked)


def _is_good(row: Row[Any], at: int) -> bool:
    return row.revoked is None and row.ends > at


def _standing(project: Project, name: str) -> Recipient:
    found = recipient_named(project, name)
    if found.revoked is not None:
        raise VestryError(f"the recipient `{name}` is revoked", mend="add another, by another name")
    return found


def _give(con: Connection, project: Project, recipient: str, length: int) -> Credential:
    id_, at = f"vsr_{secrets.token_hex(6)}", now(project)
    secret = f"{id_}_{secrets.token_urlsafe(32)}"
    values = {"id": id_, "recipient": recipient, "hash": hashed_secret(secret), "made": at, "ends": at + length}
    con.execute(insert(CREDENTIALS).values(**values))
    return Credential(id_, secret, at + length)


def _length(text: str, most: int, what: str, least: int = 1) -> int:
    try:
        length = seconds(text)
    except ValueError as error:
        raise VestryError(f"`{text[:20]}` is not {error}") from None
    if not least <= length <= most:
        raise VestryError(what, mend=f"at most {most // 86_400}d")
    return length


def _tell(project: Project, by: str, action: str, note: str) -> None:
    write(project, [Entry(by, "sharing", action, True, note=note)])
