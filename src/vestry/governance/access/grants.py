"""Grants: who may read what, for which purpose, until when. They end by themselves."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import JSON, Column, Connection, Integer, Row, String, Table, insert, select, update

from vestry.governance.access.terms import Terms, plain
from vestry.governance.state import METADATA, connect, now, reading
from vestry.project import Project, TableName, VestryError

GRANTS = Table(
    "grant",
    METADATA,
    Column("id", String, primary_key=True),
    Column("reader", String, nullable=False, index=True),
    Column("product", String, nullable=False, index=True),
    Column("purpose", String, nullable=False),
    Column("agreement", String),
    Column("terms", JSON, nullable=False),
    Column("given_by", JSON, nullable=False),
    Column("given_at", Integer, nullable=False),
    Column("until", String, nullable=False),
    Column("review", String),
    Column("ended_at", Integer),
    Column("ended_by", String),
    Column("ended_because", String),
)


@dataclass(frozen=True)
class Grant:
    """An approved request. `given_by` are the ids of those who approved, `given_at` is in seconds since 1970."""

    id: str
    reader: str
    product: str
    purpose: str
    terms: Terms
    given_by: tuple[str, ...]
    given_at: int
    agreement: str | None = None
    ended_at: int | None = None
    ended_by: str | None = None
    ended_because: str | None = None

    def is_open(self, day: date) -> bool:
        """Whether it lets through on this day: it is not ended, not over, and not waiting for its review."""
        review = self.terms.review
        return self.ended_at is None and day <= self.terms.until and (review is None or day <= review)


def give(
    con: Connection,
    project: Project,
    reader: str,
    product: str,
    purpose: str,
    terms: Terms,
    given_by: Sequence[str],
    agreement: str | None = None,
) -> Grant:
    """Keep a grant. One for the same reader, product and purpose that is open takes its place."""
    at = now(project)
    alike = select(GRANTS.c.id, GRANTS.c.purpose).where(GRANTS.c.reader == reader, GRANTS.c.product == product)
    # As the gate compares purposes: an older one by other letters would stand again when this one ends.
    same = [row.id for row in con.execute(alike).all() if plain(row.purpose) == plain(purpose)]
    con.execute(
        update(GRANTS)
        .where(GRANTS.c.id.in_(same), GRANTS.c.ended_at.is_(None))
        .values(ended_at=at, ended_by=given_by[0], ended_because="another grant for the same purpose took its place")
    )
    grant = Grant(f"g-{secrets.token_hex(5)}", reader, product, purpose, terms, tuple(given_by), at, agreement)
    con.execute(insert(GRANTS).values(
        id=grant.id, reader=reader, product=product, purpose=purpose, agreement=agreement, terms=terms.as_json(),
        given_by=list(given_by), given_at=at, until=terms.until.isoformat(),
        review=terms.review.isoformat() if terms.review else None,
    ))  # fmt: skip
    return grant


def end(project: Project, grant: str, by: str, because: str) -> None:
    """End a grant now. Raises VestryError where there is none that is open."""
    with connect(project) as con:
        done = con.execute(
            update(GRANTS)
            .where(GRANTS.c.id == grant, GRANTS.c.ended_at.is_(None))
            .values(ended_at=now(project), ended_by=by, ended_because=because)
        )
        if done.rowcount != 1:
            raise VestryError(f"there is no open grant {grant}", mend="`vestry grants` lists those that are")


def change(con: Connection, grant: Grant, terms: Terms) -> None:
    """Give a grant other terms: a column less, another review."""
    con.execute(
        update(GRANTS)
        .where(GRANTS.c.id == grant.id)
        .values(
            terms=terms.as_json(),
            until=terms.until.isoformat(),
            review=terms.review.isoformat() if terms.review else None,
        )
    )


def grants_of(project: Project, reader: str, table: TableName | None = None) -> list[Grant]:
    """The grants of a reader that are not ended, newest first; of one table where it is named."""
    product = f"{table.domain}.{table.product}" if table else None
    found = _found(project, GRANTS.c.reader == reader, GRANTS.c.ended_at.is_(None))
    return [g for g in found if product is None or (g.product == product and table in g.terms.columns)]


def open_grants(project: Project, product: str | None = None) -> list[Grant]:
    """Every grant that is not ended, newest first; of one product where it is named."""
    wanted = [GRANTS.c.ended_at.is_(None)] + ([GRANTS.c.product == product] if product else [])
    return _found(project, *wanted)


def purposes_of(project: Project, reader: str, table: TableName) -> list[str]:
    """Every purpose for which a reader was ever given a table, the first one first."""
    found = _found(project, GRANTS.c.reader == reader, GRANTS.c.product == f"{table.domain}.{table.product}")
    given = sorted((g for g in found if table in g.terms.columns), key=lambda g: (g.given_at, g.id))
    return list(dict.fromkeys(g.purpose for g in given))


def grant_named(project: Project, key: str) -> Grant:
    """A grant by its id. Raises VestryError where there is none."""
    found = _found(project, GRANTS.c.id == key)
    if not found:
        raise VestryError(f"there is no grant {key}", mend="`vestry grants` lists those that are open")
    return found[0]


def _found(project: Project, *wanted: object) -> list[Grant]:
    with reading(project) as con:
        rows = con.execute(select(GRANTS).where(*wanted).order_by(GRANTS.c.given_at.desc(), GRANTS.c.id)).all()  # type: ignore[arg-type]
    return [_grant(row) for row in rows]


def _grant(row: Row[tuple[object, ...]]) -> Grant:
    said = row._mapping
    return Grant(
        said["id"], said["reader"], said["product"], said["purpose"], Terms.of_json(said["terms"]),
        tuple(said["given_by"]), said["given_at"], said["agreement"], said["ended_at"], said["ended_by"],
        said["ended_because"],
    )  # fmt: skip
