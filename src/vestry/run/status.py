"""How the work stands: read from the worker's state and the platform's own tables; no engine is started for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from vestry.ingest.load import context_of, opens
from vestry.lake.ledger import entries
from vestry.project import TableName, VestryError
from vestry.run.alerts import Message
from vestry.run.execute import STEPS
from vestry.run.incidents import read
from vestry.run.schedule import LOAD, Run, Subject, next_time, subjects_of
from vestry.run.state import runs, workers
from vestry.run.workspace import Workspace

#: So far back what ran is told.
_BACK = timedelta(days=7)


@dataclass(frozen=True)
class Ran:
    """What a source or product did last: rows written, seconds, and the table that failed, if one did."""

    subject: str
    ended: datetime
    seconds: float
    rows: int
    failed: Sequence[str]
    detail: str


@dataclass(frozen=True)
class Waiting:
    """A subject that has to wait, why, and until when."""

    subject: str
    why: str
    until: datetime | None = None


@dataclass(frozen=True)
class Status:
    """One look at the work, at `at`."""

    at: datetime
    workers: int
    running: Sequence[Run]
    waiting: Sequence[Waiting]
    incidents: Sequence[Message]
    ran: Sequence[Ran]
    upcoming: Sequence[tuple[Subject, datetime | None]]


def status_of(workspace: Workspace, now: datetime | None = None) -> Status:
    """How the work stands now."""
    at = now or datetime.now(UTC)
    project = workspace.project
    known = runs(project)
    subjects = subjects_of(project)
    last = {run.job.subject: run for run in known}
    scheduled = [s for s in subjects if s.kind == LOAD or not s.follows]
    upcoming = [(s, next_time(s, last.get(s.key), at)) for s in scheduled]
    opened = list(read(workspace.lake).open.values())
    return Status(
        at,
        workers(project),
        [r for r in known if r.status == "running"],
        [*_queued(known), *_again(subjects, last, at), *_closed(workspace)],
        sorted(opened, key=lambda m: (m.kind != "failed", m.at)),
        _ran(workspace, at - _BACK),
        sorted(upcoming, key=lambda u: (u[1] is None, u[1], u[0].key)),
    )


def _queued(known: Sequence[Run]) -> list[Waiting]:
    return [Waiting(r.job.subject, f"for a worker to be free ({r.job.why})") for r in known if r.status == "queued"]


def _again(subjects: Sequence[Subject], last: Mapping[str, Run], now: datetime) -> list[Waiting]:
    """What failed and is tried again."""
    found = []
    for subject in subjects:
        run = last.get(subject.key)
        if run and run.failures and (when := next_time(subject, run, now)):
            times = f"{run.failures} times" if run.failures > 1 else "once"
            found.append(Waiting(subject.key, f"it failed {times} and is tried again", when))
    return found


def _closed(workspace: Workspace) -> list[Waiting]:
    """Tables of sources that may be read at certain hours only, and for which it is not the hour."""
    found = []
    with_hours = {n: s for n, s in workspace.project.bronze.items() if getattr(s.spec, "window", None)}
    for name, source in with_hours.items():
        context = context_of(workspace.project, source, name.table, workspace.lake, workspace.fingerprints)
        with suppress(VestryError):  # such as a secret that is not set here: a load would say so
            if until := opens(context):
                found.append(Waiting(str(name), f"for the hours of its source ({source.spec.window})", until))
    return found


def _ran(workspace: Workspace, since: datetime) -> list[Ran]:
    """What each source and product did last, the newest first."""
    steps = entries(workspace.lake, STEPS, f"ended_at > TIMESTAMP '{since:%Y-%m-%d %H:%M:%S}'")
    newest = {row["table_name"]: row for row in sorted(steps, key=lambda r: r["ended_at"])}
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in newest.values():
        name = TableName.parse(row["table_name"])
        grouped.setdefault(f"{name.domain}.{name.product}", []).append(row)
    found = []
    for subject, rows in grouped.items():
        bad = [r for r in rows if r["status"] != "done"]
        found.append(
            Ran(
                subject,
                max(r["ended_at"] for r in rows),
                sum(r["seconds"] for r in rows),
                sum(r["row_count"] for r in rows),
                [r["table_name"] for r in bad],
                bad[0]["detail"] if bad else "",
            )
        )
    return sorted(found, key=lambda r: r.ended, reverse=True)
