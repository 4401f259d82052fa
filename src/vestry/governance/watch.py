"""What is told without being asked: grants that end soon, and reading that is not as usual. Each once."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime

from sqlalchemy import Column, Integer, String, Table, insert, select

from vestry.governance.access.gate import Gate
from vestry.governance.access.grants import Grant, open_grants
from vestry.governance.access.release import forget
from vestry.governance.requests import ending
from vestry.governance.state import METADATA, connect, exists, now, reading
from vestry.governance.unusual import unusual
from vestry.project import Project
from vestry.run.alerts import Message, channels

TOLD = Table("told", METADATA, Column("key", String, primary_key=True), Column("at", Integer, nullable=False))


def watch(gate: Gate) -> list[Message]:
    """Tell what is new by the project's channels, and return it; releases of ended grants go."""
    project = gate.live.workspace.project
    if not exists(project):
        return []
    grants = open_grants(project)
    forget(gate.live.workspace, {grant.id for grant in grants})
    new = []
    for key, message in _not_told(project, [*_ending(grants, gate.today, project), *_unusual(project)]):
        if _told(project, message):
            with connect(project) as con:
                con.execute(insert(TOLD).values(key=key, at=now(project)))
            new.append(message)
    return new


def _told(project: Project, message: Message) -> bool:
    """Send it by every channel; False where none took it, so that it is tried again."""
    found = channels(project)
    failed = 0
    for name, send in found.items():
        try:
            send(message)
        except Exception as error:  # what a mail server says may hold addresses: only its kind is shown
            failed += 1
            print(f"{message.title} could not be told by {name}: {type(error).__name__}", file=sys.stderr)
    return not found or failed < len(found)


def _ending(grants: list[Grant], day: date, project: Project) -> list[tuple[str, Message]]:
    found = []
    for grant, until, what in ending(grants, day):
        text = (
            f"{grant.reader} may read {grant.product} until {until}"
            if what == "end"
            else f"the grant of {grant.reader} for {grant.product} ends on {until} unless an owner confirms it"
        )
        found.append(
            (f"{grant.id} {what} {until}", _message(project, grant.id, "a grant ends soon", grant.product, text))
        )
    return found


def _unusual(project: Project) -> list[tuple[str, Message]]:
    return [
        (
            f"unusual {one.kind} {one.who} {one.day}",
            _message(project, f"line {one.line}", "unusual reading", one.who, one.what),
        )
        for one in unusual(project)
    ]


def _message(project: Project, key: str, kind: str, subject: str, what: str) -> Message:
    at = datetime.fromtimestamp(now(project), UTC).isoformat()
    return Message(
        key, "notice", kind, subject, at, what, mend="see Access in the portal, or `vestry grant list --ending`"
    )


def _not_told(project: Project, found: list[tuple[str, Message]]) -> list[tuple[str, Message]]:
    with reading(project) as con:
        told = set(con.execute(select(TOLD.c.key).where(TOLD.c.key.in_([key for key, _ in found]))).scalars())
    return [(key, message) for key, message in dict(found).items() if key not in told]
