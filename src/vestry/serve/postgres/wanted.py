"""What should be on the server: tables of data, and the views of them that each role sees. All of it from the gate.

Readers who see a table in the same columns, shown alike, for the same purpose, share one table of data (a *piece*);
where their rows differ, row-level security tells them apart. Rows whose condition is about a column that they do not
see, or that is personal, have a piece of their own: nothing is sent that nobody may see, and no value of personal data
stands in a policy, which PostgreSQL shows to everybody.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from vestry.catalogue.model import TableEntry
from vestry.governance.access.gate import Gate, Where
from vestry.governance.access.grants import Grant, purposes_of
from vestry.governance.access.release import COUNT
from vestry.governance.access.terms import Condition, plain
from vestry.governance.access.treatment import Treatment
from vestry.governance.access.view import MADE, Refused, View
from vestry.governance.identity.accounts import accounts
from vestry.governance.identity.user import User
from vestry.project import Project, TableName
from vestry.project.cron import ZONE
from vestry.project.models import PublishSettings
from vestry.project.publication import tables_of, view_name
from vestry.serve.postgres.names import role_of
from vestry.serve.postgres.server import Server

DOOR = Where("postgres")
#: Types whose values are the same text, or in the same order, in DuckDB and in PostgreSQL, whatever a session sets.
_SAME_TEXT = re.compile(r"VARCHAR|SMALLINT|INTEGER|BIGINT")
_SAME_ORDER = re.compile(r"SMALLINT|INTEGER|BIGINT|DATE|DECIMAL\(\d+,\s*\d+\)")


@dataclass(frozen=True)
class Seen:
    """A view of one role: of which piece, which of its rows, until when (None: for as long as it is published)."""

    user: User
    role: str
    schema: str
    name: str
    view: View
    piece: str
    #: SQL of the rows, in PostgreSQL; empty where all of the piece is theirs.
    condition: str
    until: datetime | None
    comment: str
    column_comments: tuple[tuple[str, str], ...] = ()

    @property
    def is_personal(self) -> bool:
        return self.view.personal or self.view.grant is not None

    @property
    def grant(self) -> str:
        """The id of the grant; empty of what staff see."""
        return self.view.grant.id if self.view.grant else ""

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Names, and DuckDB's types."""
        counted = ((COUNT, "BIGINT"),) if self.view.statistics else ()
        return (*((c.name, c.shown_kind) for c in self.view.columns), *counted)

    @property
    def definition(self) -> str:
        """What tells whether a view there is as it should be."""
        until = self.until.isoformat() if self.until else ""
        comments = [self.comment, self.column_comments]
        said = [self.role, self.piece, self.condition, until, self.grant, comments, self.columns]
        return _digest(said)


@dataclass(frozen=True)
class Wanted:
    """All that should be there; `left_out` says what is not, and why."""

    seen: tuple[Seen, ...]
    #: Every role of a reader, and whether they work here.
    roles: dict[str, User]
    left_out: tuple[tuple[str, str], ...] = ()
    versions: dict[TableName, int] = field(default_factory=dict)
    month: str = ""

    @property
    def pieces(self) -> dict[str, list[Seen]]:
        """The views of each piece."""
        found: dict[str, list[Seen]] = {}
        for seen in self.seen:
            found.setdefault(seen.piece, []).append(seen)
        return found

    def stamp(self, views: Sequence[Seen], version: int | None = None) -> str:
        """What the rows of a piece are made of: another stamp, other rows."""
        table = views[0].view.table
        aged = any(c.treatment is Treatment.AGE_BAND for c in views[0].view.columns)
        rows = sorted({s.condition for s in views})
        said = [str(table), self.versions[table] if version is None else version, rows, self.month if aged else ""]
        return _digest(said)


def wanted_of(gate: Gate, server: Server, settings: PublishSettings) -> Wanted:
    """What a publication should hold now. Raises VestryError where its settings name no table."""
    workspace = gate.live.workspace
    project = workspace.project
    staff = User(f"publish-{server.name}", "whoever works here", roles=frozenset({"staff"}))
    readers = {a.user.id: a.user for a in accounts(project) if not a.is_off}
    seen, left_out, versions = list[Seen](), list[tuple[str, str]](), dict[TableName, int]()
    for table in tables_of(project, settings):
        entry = gate.live.catalogue().tables[table]
        if entry.state is None:
            left_out.append((str(table), "it is not made yet: `vestry run`"))
            continue
        versions[table] = workspace.lake.existing(table).version()
        found = list(_of_staff(gate, server, entry, staff))
        for grant in gate.readers(table):
            user = readers.get(grant.reader)
            if user is None:
                left_out.append((f"{table} for {grant.reader}", "there is no such account, or it is switched off"))
            elif not (user.has("staff") and found and not entry.is_personal):
                found += _of_grant(gate, server, entry, user, grant)
        if not found:
            left_out.append((str(table), "it holds personal data, and no grant is open"))
        seen += found
    roles = {role_of(server, user.id): user for user in readers.values()}
    return Wanted(tuple(seen), roles, tuple(left_out), versions, f"{gate.today:%Y-%m}")


def last_moment(project: Project, grant: Grant) -> datetime:
    """When a grant ends by itself: at the end of its last day, of the day of its review, or of its agreement."""
    agreement = project.agreements.get(grant.agreement) if grant.agreement else None
    days = [grant.terms.until, grant.terms.review, agreement.spec.ends if agreement else None]
    return datetime.combine(min(day for day in days if day) + timedelta(days=1), time(), ZONE)


def _of_staff(gate: Gate, server: Server, entry: TableEntry, staff: User) -> Iterator[Seen]:
    try:
        view = gate.view(staff, entry.name, DOOR)
    except Refused:
        return
    piece, condition = _piece(view, entry)
    yield Seen(
        staff, server.staff, server.prefix, view_name(entry.name), view, piece, condition, None,
        entry.description or "", _comments(view, entry),
    )  # fmt: skip


def _of_grant(gate: Gate, server: Server, entry: TableEntry, user: User, grant: Grant) -> Iterator[Seen]:
    project = gate.live.workspace.project
    try:
        view = gate.view(user, entry.name, DOOR, grant.purpose)
    except Refused:
        return
    if view.grant is None or view.grant.id != grant.id:
        return  # a newer one for the same purpose is what holds
    # A name is for one purpose, for ever: a report never changes purpose because another grant ended.
    purposes = [plain(p) for p in purposes_of(project, user.id, entry.name)]
    place = list(dict.fromkeys(purposes)).index(plain(grant.purpose))
    name = view_name(entry.name) + (f"__{place + 1}" if place else "")
    role = role_of(server, user.id)
    piece, condition = _piece(view, entry)
    until = last_moment(project, grant)
    last = f"{until - timedelta(days=1):%d %B %Y}"
    comment = "\n".join(filter(None, [entry.description, f"For: {grant.purpose}. Until {last}."]))
    yield Seen(user, role, role, name, view, piece, condition, until, comment, _comments(view, entry))


def _piece(view: View, entry: TableEntry) -> tuple[str, str]:
    """The key of the piece that a view is of, and the condition of its rows there."""
    is_shared = bool(view.rows) and not view.statistics and all(_tells_apart(row, view, entry) for row in view.rows)
    said = [
        MADE,
        str(view.table),
        [[c.name, c.kind, c.treatment] for c in view.columns],
        view.statistics,
        view.personal,
        plain(view.purpose) if view.grant else "",
        [] if is_shared else sorted(row.exact for row in view.rows),
    ]
    kinds = {column.name: column.kind for column in view.columns}
    condition = " AND ".join(f"({row.sql(kinds[row.column])})" for row in view.rows) if is_shared else ""
    return _digest(said)[:24], condition


def _tells_apart(row: Condition, view: View, entry: TableEntry) -> bool:
    """Whether PostgreSQL can tell the rows by what the reader sees, and the condition is nothing personal."""
    shown = next((c for c in view.columns if c.name == row.column and c.treatment is Treatment.CLEAR), None)
    if shown is None or entry.by_name[row.column].is_personal:
        return False
    bounded = row.least is not None or row.most is not None
    same_text = not row.any_of or _SAME_TEXT.fullmatch(shown.kind)
    return bool(same_text and (not bounded or _SAME_ORDER.fullmatch(shown.kind)))


def _comments(view: View, entry: TableEntry) -> tuple[tuple[str, str], ...]:
    found = []
    for column in view.columns:
        shown = "" if column.treatment is Treatment.CLEAR else f"Shown as: {column.treatment}."
        if text := " ".join(filter(None, [entry.by_name[column.name].description, shown])):
            found.append((column.name, text))
    if view.statistics:
        found.append((COUNT, "How many rows, rounded; small numbers are left out."))
    return tuple(found)


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
