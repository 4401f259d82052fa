"""API tokens: a person's key for a program, for some doors and some time."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, RowMapping, String, Table, insert, select, update

from vestry.governance.identity.accounts import account, existing, user_of
from vestry.governance.identity.secret import hashed_secret
from vestry.governance.identity.user import User
from vestry.governance.state import METADATA, connect, now, reading
from vestry.project import Project, VestryError
from vestry.project.durations import seconds
from vestry.project.errors import did_you_mean

#: What a token may be for.
SCOPES = {
    "read": "read the catalogue and data through the API",
    "sql": "ask questions in SQL",
    "metrics": "read the figures of the platform, /metrics",
}
#: Days that a token may last.
LONGEST = 365
_TOKEN = re.compile(r"vst_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")

token = Table(
    "token",
    METADATA,
    Column("id", String, primary_key=True),
    Column("hash", String, nullable=False),
    Column("account", ForeignKey("account.id"), nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("made", Integer, nullable=False),
    Column("ends", Integer, nullable=False),
    Column("is_revoked", Boolean, nullable=False),
    Column("used", String),
)


@dataclass(frozen=True)
class Token:
    """One token as lists show it: never its secret. `used` is the day on which it was used last, as ISO writes it."""

    id: str
    account: str
    name: str
    scopes: tuple[str, ...]
    made: int
    ends: int
    used: str | None
    state: str

    @property
    def prefix(self) -> str:
        """How it begins, by which its owner finds it again."""
        return f"vst_{self.id}"


def add_token(project: Project, account_id: str, name: str, scopes: Collection[str], lasts: str) -> str:
    """A new token, which is shown this once; `lasts` is a length such as `90d`.

    Raises VestryError for a scope or an account that there is not, and for a length that is none or too long.
    """
    if not scopes:
        raise VestryError("a token needs a scope", mend=f"one of {', '.join(SCOPES)}")
    for scope in scopes:
        if scope not in SCOPES:
            raise VestryError(f"there is no scope `{scope}`", mend=did_you_mean(scope, SCOPES))
    try:
        length = seconds(lasts)
    except ValueError as error:
        raise VestryError(f"`{lasts[:20]}` is not {error}") from None
    if not 0 < length <= LONGEST * 86_400:
        raise VestryError("a token must end within a year", mend=f"at most {LONGEST}d")
    id_, at = secrets.token_hex(6), now(project)
    secret = f"vst_{id_}_{secrets.token_urlsafe(32)}"
    values = {
        "id": id_,
        "hash": hashed_secret(secret),
        "account": account_id,
        "name": name[:100],
        "scopes": sorted(scopes),
    }
    existing(project, account_id)
    with connect(project) as con:
        con.execute(insert(token).values(**values, made=at, ends=at + length, is_revoked=False))
    return secret


def user_by(project: Project, secret: str) -> User | None:
    """Who a token is of, with its scopes; None where it is forged, over, revoked, or of an account that is off."""
    if not (found := _TOKEN.fullmatch(secret)):
        return None
    at, row = now(project), _row(project, found[1])
    if row is None or not hmac.compare_digest(row["hash"], hashed_secret(secret)) or not _is_good(row, at):
        return None
    if row["used"] != (today := datetime.fromtimestamp(at, UTC).date().isoformat()):
        with connect(project) as con:  # the day only: no trail of what a program does by the minute
            con.execute(update(token).where(token.c.id == found[1]).values(used=today))
    return user_of(project, row, "token", row["scopes"])


def user_with(project: Project, id_: str) -> User | None:
    """Who the token of an id is of, while it is good: for what was given to a token, and is bound to it."""
    row = _row(project, id_)
    return user_of(project, row, "token", row["scopes"]) if row is not None and _is_good(row, now(project)) else None


def tokens(project: Project, account_id: str | None = None) -> list[Token]:
    """The tokens of one account or of all, the newest first."""
    at = now(project)
    chosen = select(token).order_by(token.c.made.desc(), token.c.id)
    if account_id is not None:
        chosen = chosen.where(token.c.account == account_id)
    with reading(project) as con:
        rows = con.execute(chosen).all()
    return [
        Token(
            row.id, row.account, row.name, tuple(row.scopes), row.made, row.ends, row.used,
            "revoked" if row.is_revoked else "over" if row.ends <= at else "good",
        )
        for row in rows
    ]  # fmt: skip


def revoke(project: Project, id_: str, account_id: str | None = None) -> None:
    """End a token, by its id or its prefix; of one account only where that is given. Raises VestryError for none."""
    short = id_.removeprefix("vst_").partition("_")[0]
    with connect(project) as con:
        chosen = update(token).where(token.c.id == short).values(is_revoked=True)
        if account_id is not None:
            chosen = chosen.where(token.c.account == account_id)
        if not con.execute(chosen).rowcount:
            raise VestryError("there is no such token", mend="`vestry token list` shows how each begins")


def _row(project: Project, id_: str) -> RowMapping | None:
    of = select(account, token.c.hash, token.c.scopes, token.c.ends, token.c.is_revoked, token.c.used)
    with reading(project) as con:
        joined = of.join(token, token.c.account == account.c.id).where(token.c.id == id_)
        return con.execute(joined).mappings().first()


def _is_good(row: RowMapping, at: int) -> bool:
    return not row["is_revoked"] and not row["is_off"] and row["ends"] > at
