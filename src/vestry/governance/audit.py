"""The audit: who read what, why, and by which right. Lines are only added, and each seals all before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import DDL, JSON, Boolean, Column, Integer, Row, String, Table, event, insert, select

from vestry.governance.state import METADATA, connect, now, reading
from vestry.project import Project, TableName

AUDIT = Table(
    "audit",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Integer, nullable=False, index=True),
    Column("who", String, nullable=False, index=True),
    Column("door", String, nullable=False),
    Column("action", String, nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("reads", JSON, nullable=False),
    Column("rows", Integer),
    Column("purpose", String, nullable=False),
    Column("agreements", JSON, nullable=False),
    Column("grants", JSON, nullable=False),
    Column("rules", JSON, nullable=False),
    Column("people", JSON, nullable=False),
    Column("note", String, nullable=False),
    Column("seal", String, nullable=False),
)
#: Each person whom a line shows, so that a person's own trail is one look-up.
PEOPLE = Table(
    "audit_person",
    METADATA,
    Column("person", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
)
for _change in ("UPDATE", "DELETE"):
    event.listen(
        AUDIT,
        "after_create",
        DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER audit_no_{_change.lower()} BEFORE {_change} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END"
        ).execute_if(dialect="sqlite"),
    )
_BEGIN = "0" * 64


@dataclass(frozen=True)
class Read:
    """A table that was read, at a version (None where it was refused), and how each column was shown."""

    table: TableName
    version: int | None
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Entry:
    """What somebody did. `people` are ids; no other personal data may be in any of it."""

    who: str
    door: str
    action: str
    allowed: bool
    rows: int | None = None
    purpose: str = ""
    agreements: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Line:
    """A line of the audit: an entry with its number (from 1), its moment (seconds since 1970) and its seal."""

    number: int
    at: int
    entry: Entry
    reads: tuple[Read, ...]
    seal: str = field(repr=False)


def write(project: Project, entries: Sequence[Entry], reads: Sequence[Read] = ()) -> None:
    """Add lines; all of `reads` belong to each. Raises DataError where they cannot be kept: then nothing is read."""
    read = [{"table": str(r.table), "version": r.version, "columns": dict(r.columns)} for r in reads]
    with connect(project) as con:
        last = con.execute(select(AUDIT.c.number, AUDIT.c.seal).order_by(AUDIT.c.number.desc()).limit(1)).first()
        number, seal = (last.number, last.seal) if last else (0, _BEGIN)
        for entry in entries:
            number += 1
            said = {
                "number": number, "at": now(project), "who": entry.who, "door": entry.door, "action": entry.action,
                "allowed": entry.allowed, "reads": read, "rows": entry.rows, "purpose": entry.purpose,
                "agreements": list(entry.agreements), "grants": list(entry.grants), "rules": list(entry.rules),
                "people": list(entry.people), "note": entry.note,
            }  # fmt: skip
            seal = _seal(seal, said)
            con.execute(insert(AUDIT).values(**said, seal=seal))
            if entry.people:
                con.execute(insert(PEOPLE), [{"person": p, "number": number} for p in dict.fromkeys(entry.people)])


@dataclass(frozen=True)
class Verified:
    """How far the chain holds: lines, the last seal, and the first line that does not fit (None where all do)."""

    lines: int
    seal: str
    broken: int | None = None


def verify(project: Project, until: str | None = None) -> Verified:
    """Go through the whole chain. `until` is a seal noted earlier: where no line has it, lines were taken away."""
    seal, count, seen = _BEGIN, 0, until is None
    with reading(project) as con:
        for row in con.execute(select(AUDIT).order_by(AUDIT.c.number)).yield_per(1000):
            said = {column.name: row._mapping[column.name] for column in AUDIT.columns if column.name != "seal"}
            if row.number != count + 1 or _seal(seal, said) != row.seal:
                return Verified(count, seal, count + 1)
            seal, count = row.seal, row.number
            seen = seen or seal == until
    return Verified(count, seal, None if seen else count + 1)


def lines(
    project: Project,
    *,
    who: str | None = None,
    table: TableName | None = None,
    person: str | None = None,
    since: int = 0,
    most: int | None = None,
) -> Iterator[Line]:
    """Lines of the audit, newest first: of a reader, of a table, or those that show a person."""
    wanted = select(AUDIT).where(AUDIT.c.at >= since).order_by(AUDIT.c.number.desc())
    if who:
        wanted = wanted.where(AUDIT.c.who == who)
    if person:
        wanted = wanted.join(PEOPLE, PEOPLE.c.number == AUDIT.c.number).where(PEOPLE.c.person == person)
    count = 0
    with reading(project) as con:
        for row in con.execute(wanted).yield_per(500):
            line = _line(row)
            if table and not any(read.table == table for read in line.reads):
                continue
            yield line
            count += 1
            if count == most:
                return


def _line(row: Row[Any]) -> Line:
    said = row._mapping
    names = Entry.__dataclass_fields__
    values: dict[str, Any] = {name: tuple(v) if isinstance(v := said[name], list) else v for name in names}
    entry = Entry(**values)
    reads = tuple(Read(TableName.parse(r["table"]), r["version"], r["columns"]) for r in said["reads"])
    return Line(said["number"], said["at"], entry, reads, said["seal"])


def _seal(before: str, said: Mapping[str, Any]) -> str:
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()
