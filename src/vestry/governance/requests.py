"""Requests for access: asked with a purpose, answered by whoever answers for the data, in effect at once.

The owner of the domain answers, and the data protection officer too where a column is special category or criminal
offence data. Each may narrow what was asked for. When all who must have approved, there is a grant.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from sqlalchemy import JSON, Column, Connection, Integer, Row, String, Table, insert, select, update

from vestry.catalogue.model import Catalogue
from vestry.governance.access.grants import Grant, change, end, give, grant_named, grants_of
from vestry.governance.access.terms import Terms, plain
from vestry.governance.access.treatment import Treatment, fits
from vestry.governance.audit import Entry, write
from vestry.governance.doors import close
from vestry.governance.identity.user import User
from vestry.governance.state import METADATA, connect, now, reading, today
from vestry.project import Project, VestryError
from vestry.project.errors import did_you_mean

Role = Literal["owner", "dpo"]
Said = Literal["approved", "refused"]
#: A grant is looked at again at least so often, and lasts no longer than the second.
REVIEW, LONGEST = timedelta(days=183), timedelta(days=731)
#: Whoever reads and whoever gave are told so long before a grant ends.
NOTICE = timedelta(days=14)
_DPO = {"special", "criminal"}

REQUESTS = Table(
    "request",
    METADATA,
    Column("id", String, primary_key=True),
    Column("reader", String, nullable=False, index=True),
    Column("asked_at", Integer, nullable=False),
    Column("product", String, nullable=False, index=True),
    Column("purpose", String, nullable=False),
    Column("agreement", String),
    Column("wanted", JSON, nullable=False),
    Column("needs", JSON, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("grant", String),
)
ANSWERS = Table(
    "answer",
    METADATA,
    Column("request", String, primary_key=True),
    Column("role", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("at", Integer, nullable=False),
    Column("said", String, nullable=False),
    Column("reasons", String, nullable=False),
    Column("terms", JSON),
)


@dataclass(frozen=True)
class Answer:
    """What one of those who must answer said; `terms` where they narrowed what was asked for."""

    role: Role
    by: str
    at: int
    said: Said
    reasons: str
    terms: Terms | None


@dataclass(frozen=True)
class Request:
    """A request with its answers; `state` is `open`, `approved`, `refused` or `withdrawn`."""

    id: str
    reader: str
    asked_at: int
    product: str
    purpose: str
    agreement: str | None
    wanted: Terms
    needs: tuple[Role, ...]
    state: str
    grant: str | None
    answers: tuple[Answer, ...] = ()

    @property
    def terms(self) -> Terms:
        """What stands to be granted: what was asked for, as narrowed so far."""
        terms = self.wanted
        for answer in self.answers:  # of two in one second the narrower holds
            if answer.terms and not answer.terms.exceeds(terms):
                terms = answer.terms
        return terms

    @property
    def waits_for(self) -> tuple[Role, ...]:
        """Who has not answered yet."""
        if self.state != "open":
            return ()
        return tuple(role for role in self.needs if role not in {a.role for a in self.answers})

    @property
    def domain(self) -> str:
        return self.product.partition(".")[0]


def ask(
    project: Project, catalogue: Catalogue, user: User, product: str, purpose: str, wanted: Terms, agreement: str | None
) -> Request:
    """Ask for access to a product. Raises VestryError where what is asked for cannot be."""
    purpose = " ".join(purpose.split())
    if agreement:
        purpose = _agreed(project, agreement, wanted)
    if not 10 <= len(purpose) <= 500:
        raise VestryError("the purpose is not said", mend="say in a sentence what the data are for")
    _possible(project, catalogue, product, wanted)
    needs: list[Role] = ["owner"]
    needs += ["dpo"] if _is_for_dpo(catalogue, wanted) else []
    request = Request(
        f"r-{secrets.token_hex(5)}",
        user.id,
        now(project),
        product,
        purpose,
        agreement,
        wanted,
        tuple(needs),
        "open",
        None,
    )
    with connect(project) as con:
        con.execute(insert(REQUESTS).values(
            id=request.id, reader=user.id, asked_at=request.asked_at, product=product, purpose=purpose,
            agreement=agreement, wanted=wanted.as_json(), needs=needs, state="open",
        ))  # fmt: skip
    write(project, [Entry(user.id, "request", "ask", True, purpose=purpose, note=f"{request.id} for {product}")])
    return request


def answer(
    project: Project,
    catalogue: Catalogue,
    request: str,
    user: User,
    said: Said,
    reasons: str,
    narrowed: Terms | None = None,
) -> Request:
    """Approve or refuse a request, in every role in which the user is to answer.

    Raises VestryError where it is not theirs to answer, or what they give is more than what was asked for.
    """
    replaced: list[Grant] = []
    with connect(project) as con:
        found = _named(con, request)
        if "dpo" not in found.needs and _is_for_dpo(catalogue, found.terms):  # classified anew since it was asked
            found = replace(found, needs=(*found.needs, "dpo"))
            con.execute(update(REQUESTS).where(REQUESTS.c.id == found.id).values(needs=list(found.needs)))
        roles = _roles(found, user)
        if said == "refused" and not reasons.strip():
            raise VestryError("a refusal without reasons helps nobody", mend="say why, and what would be granted")
        terms = narrowed or found.terms
        if more := terms.exceeds(found.terms):
            raise VestryError(f"that is more than what stands to be granted: {more}", mend="a request can be narrowed")
        _possible(project, catalogue, found.product, terms)
        for role in roles:
            con.execute(insert(ANSWERS).values(
                request=found.id, role=role, by=user.id, at=now(project), said=said, reasons=reasons.strip(),
                terms=narrowed.as_json() if narrowed else None,
            ))  # fmt: skip
        found = _named(con, request)
        if said == "refused":
            con.execute(update(REQUESTS).where(REQUESTS.c.id == found.id).values(state="refused"))
        elif not found.waits_for:
            by = tuple(dict.fromkeys(a.by for a in found.answers))
            review = terms.review or min(terms.until, today(project) + REVIEW)
            mine = grants_of(project, found.reader)
            replaced = [g for g in mine if g.product == found.product and plain(g.purpose) == plain(found.purpose)]
            grant = give(
                con,
                project,
                found.reader,
                found.product,
                found.purpose,
                replace(terms, review=review),
                by,
                found.agreement,
            )
            values = {"state": "approved", "grant": grant.id}
            con.execute(update(REQUESTS).where(REQUESTS.c.id == found.id).values(**values))
        found = _named(con, request)
    note = f"{found.id} for {found.product}" + (f", now {found.grant}" if found.grant else "")
    write(project, [Entry(user.id, "request", said, True, purpose=found.purpose, note=note)])
    for old in replaced:
        if old.terms.exceeds(terms):
            close(project, found.reader, old.id)
    return found


def withdraw(project: Project, request: str, user: User) -> None:
    """Take one's own request back. Raises VestryError where it is not open, or somebody else's."""
    with connect(project) as con:
        found = _named(con, request)
        if found.reader != user.id or found.state != "open":
            raise VestryError(f"{request} is not an open request of yours", mend="`vestry request list` lists them")
        con.execute(update(REQUESTS).where(REQUESTS.c.id == request).values(state="withdrawn"))
    write(project, [Entry(user.id, "request", "withdraw", True, purpose=found.purpose, note=found.id)])


def confirm(project: Project, grant: str, user: User) -> Grant:
    """Say that a grant is still needed: its next review is half a year away.

    Raises VestryError where the user does not answer for its domain, or it is over.
    """
    found = grant_named(project, grant)
    _must_answer_for(found, user)
    if found.reader == user.id:
        raise VestryError("nobody confirms their own grant", mend="another owner of the domain can")
    if found.ended_at is not None or today(project) > found.terms.until:
        raise VestryError(f"the grant {grant} is over", mend="let it be asked for anew")
    terms = replace(found.terms, review=min(found.terms.until, today(project) + REVIEW))
    with connect(project) as con:
        change(con, found, terms)
    write(project, [Entry(user.id, "request", "confirm", True, purpose=found.purpose, note=grant)])
    return replace(found, terms=terms)


def revoke(project: Project, grant: str, user: User, because: str) -> None:
    """End a grant now. The reader may too, and the data protection officer always."""
    found = grant_named(project, grant)
    if user.id != found.reader and not user.has("dpo"):
        _must_answer_for(found, user)
    end(project, grant, user.id, because)
    write(project, [Entry(user.id, "request", "end", True, purpose=found.purpose, note=f"{grant}: {because}"[:300])])
    close(project, found.reader, grant)


def narrow(project: Project, grant: str, user: User, terms: Terms) -> Grant:
    """Take columns or rows away from a grant that is open. Raises VestryError where that gives more."""
    found = grant_named(project, grant)
    if not user.has("dpo"):
        _must_answer_for(found, user)
    if more := terms.exceeds(found.terms):
        raise VestryError(f"that is more than the grant gives: {more}", mend="a grant can be narrowed only")
    with connect(project) as con:
        change(con, found, terms)
    write(project, [Entry(user.id, "request", "narrow", True, purpose=found.purpose, note=grant)])
    close(project, found.reader, grant)
    return replace(found, terms=terms)


def requests(project: Project, *, reader: str | None = None, state: str | None = None) -> list[Request]:
    """Requests, newest first: of a reader, or in a state."""
    with reading(project) as con:
        wanted = select(REQUESTS.c.id).order_by(REQUESTS.c.asked_at.desc(), REQUESTS.c.id)
        wanted = wanted.where(REQUESTS.c.reader == reader) if reader else wanted
        wanted = wanted.where(REQUESTS.c.state == state) if state else wanted
        return [_named(con, row.id) for row in con.execute(wanted)]


def request_named(project: Project, key: str) -> Request:
    """A request by its id. Raises VestryError where there is none."""
    with reading(project) as con:
        return _named(con, key)


def to_answer(project: Project, user: User) -> list[Request]:
    """The open requests that wait for this user."""
    return [r for r in requests(project, state="open") if r.reader != user.id and _open_roles(r, user)]


def ending(grants: Sequence[Grant], day: date) -> list[tuple[Grant, date, str]]:
    """Grants that end soon, or must be confirmed soon: with the day and what it is."""
    found = []
    for grant in grants:
        review = grant.terms.review
        when, what = (review, "review") if review and review < grant.terms.until else (grant.terms.until, "end")
        if day <= when <= day + NOTICE:
            found.append((grant, when, what))
    return sorted(found, key=lambda one: one[1])


def _agreed(project: Project, agreement: str, wanted: Terms) -> str:
    """The purpose of an agreement that lets all of this be read. Raises VestryError where it does not."""
    found = project.agreements.get(agreement)
    if found is None:
        raise VestryError(f"there is no agreement `{agreement}`", mend=did_you_mean(agreement, project.agreements))
    for table, columns in wanted.columns.items():
        for column, treatment in columns.items():
            if treatment is not Treatment.HIDDEN and not found.covers(table, column):
                what = f"the agreement `{agreement}` does not let `{column}` of {table} be read"
                raise VestryError(what, mend="leave it out, or have the agreement changed")
    if wanted.until > found.spec.ends:
        raise VestryError(f"the agreement `{agreement}` ends on {found.spec.ends}", mend="ask until then")
    return found.spec.purpose


def _possible(project: Project, catalogue: Catalogue, product: str, terms: Terms) -> None:
    if product not in project.products:
        raise VestryError(f"there is no product {product}", mend=did_you_mean(product, project.products))
    shown = [t for columns in terms.columns.values() for t in columns.values() if t is not Treatment.HIDDEN]
    if not shown:
        raise VestryError("no column is asked for", mend="choose at least one")
    first = today(project)
    if not first <= terms.until <= first + LONGEST:
        mend = f"say a day from {first} to {first + LONGEST}; a grant can be asked for again"
        raise VestryError(f"a grant cannot last until {terms.until}", mend=mend)
    for table, columns in terms.columns.items():
        entry = catalogue.tables.get(table)
        if entry is None or f"{table.domain}.{table.product}" != product:
            raise VestryError(f"the product {product} has no table {table}", mend="see its page")
        for column, treatment in columns.items():
            known = entry.by_name.get(column)
            if known is None:
                raise VestryError(f"{table} has no column `{column}`", mend=did_you_mean(column, entry.by_name))
            if known.type and not fits(treatment, known.type):
                what = f"`{column}` of {table} cannot be shown as {treatment}: it is of the type {known.type}"
                raise VestryError(what, mend="choose another way to show it")
        for condition in terms.rows:
            if condition.column not in entry.by_name:
                what = f"{table} has no column `{condition.column}`, by which its rows could be told apart"
                raise VestryError(what, mend="leave the table out, or ask for it by itself")


def _is_for_dpo(catalogue: Catalogue, terms: Terms) -> bool:
    return any(
        catalogue.tables[table].by_name[column].classification in _DPO
        for table, columns in terms.columns.items()
        for column, treatment in columns.items()
        if treatment is not Treatment.HIDDEN
    )


def _open_roles(request: Request, user: User) -> list[Role]:
    mine = {"owner": user.answers_for(request.domain), "dpo": user.has("dpo")}
    return [role for role in request.waits_for if mine[role]]


def _roles(request: Request, user: User) -> list[Role]:
    if request.state != "open":
        raise VestryError(f"the request {request.id} is {request.state}", mend="ask anew where something has changed")
    if request.reader == user.id:
        raise VestryError("nobody answers their own request", mend="another owner of the domain can")
    roles = _open_roles(request, user)
    if not roles:
        waits = " and ".join(
            {"owner": f"an owner of {request.domain}", "dpo": "the data protection officer"}[r]
            for r in request.waits_for
        )
        raise VestryError(f"the request {request.id} is not yours to answer", mend=f"it waits for {waits}")
    return roles


def _must_answer_for(grant: Grant, user: User) -> None:
    domain = grant.product.partition(".")[0]
    if not user.answers_for(domain):
        raise VestryError(f"the grant {grant.id} is not yours to change", mend=f"an owner of {domain} can")


def _named(con: Connection, key: str) -> Request:
    row = con.execute(select(REQUESTS).where(REQUESTS.c.id == key)).first()
    if row is None:
        raise VestryError(f"there is no request {key}", mend="`vestry request list` lists them")
    said = row._mapping
    answers = con.execute(select(ANSWERS).where(ANSWERS.c.request == key).order_by(ANSWERS.c.at, ANSWERS.c.role)).all()
    return Request(
        said["id"], said["reader"], said["asked_at"], said["product"], said["purpose"], said["agreement"],
        Terms.of_json(said["wanted"]), tuple(said["needs"]), said["state"], said["grant"],
        tuple(_answer(a) for a in answers),
    )  # fmt: skip


def _answer(row: Row[tuple[object, ...]]) -> Answer:
    said = row._mapping
    terms = Terms.of_json(said["terms"]) if said["terms"] else None
    return Answer(said["role"], said["by"], said["at"], said["said"], said["reasons"], terms)
