"""How the work of the night is shown: the bad first, on one screen."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import click

from vestry.project.cron import ZONE
from vestry.run.alerts import Message
from vestry.run.schedule import Run
from vestry.run.status import Ran, Status

_MOST = 12


def show_status(status: Status, as_json: bool) -> None:
    """Show it for a person, or for a program."""
    if as_json:
        click.echo(json.dumps(_plain(status), indent=2, default=str, ensure_ascii=False))
        return
    _headline(status)
    _block("Not well", [_opened(m, status) for m in status.incidents], "red")
    _block("Running", [(r.job.subject, _took(r, status), _doing(r)) for r in status.running], "yellow")
    _block("Waiting", [(w.subject, _at(w.until, status) if w.until else "", w.why) for w in status.waiting], "yellow")
    _block("Ran", [(r.subject, _ago(r.ended, status), _did(r)) for r in status.ran], "green")
    _block("Next", [(s.key, _at(when, status) if when else "", s.schedule) for s, when in status.upcoming])


def _headline(status: Status) -> None:
    count = len(status.incidents)
    well = f"{count} thing{'s are' if count > 1 else ' is'} not well" if count else "All is well"
    if not status.workers:
        working = "no worker runs: vestry worker"
    else:
        working = f"{status.workers} worker{'s run' if status.workers > 1 else ' runs'}"
    click.secho(f"{well}; {working}.", bold=True, fg="red" if count else "green")


def _opened(message: Message, status: Status) -> tuple[str, str, str]:
    others = len(message.concerns)
    rest = f" (concerns {others} table{'s' if others > 1 else ''})" if others and message.kind != "late" else ""
    return f"{message.kind} {message.subject}", _ago(datetime.fromisoformat(message.at), status), message.what + rest


def _block(title: str, rows: Iterable[tuple[str, str, str]], colour: str | None = None) -> None:
    found = list(rows)
    if not found:
        return
    click.echo()
    click.secho(title, bold=True, fg=colour)
    first, second = (max(len(row[n]) for row in found[:_MOST]) for n in (0, 1))
    for subject, when, said in found[:_MOST]:
        click.echo(f"  {subject:<{first}}  {when:<{second}}  {said}".rstrip())
    if len(found) > _MOST:
        click.echo(f"  and {len(found) - _MOST} more")


def _doing(run: Run) -> str:
    steps = len(run.job.tables)
    return f"{run.step}, step {min(run.steps + 1, steps)} of {steps} ({run.job.why})"


def _did(ran: Ran) -> str:
    if ran.failed:
        return click.style(f"{', '.join(ran.failed)} failed: {ran.detail}", fg="red")
    return f"{ran.rows:,} rows in {ran.seconds:.1f} s"


def _took(run: Run, status: Status) -> str:
    return f"for {_span(status.at - (run.started or run.created))}"


def _ago(then: datetime, status: Status) -> str:
    return f"{_span(status.at - then)} ago"


def _at(when: datetime, status: Status) -> str:
    """A time of today by its hour, any other with its day; in UK time."""
    local, today = when.astimezone(ZONE), status.at.astimezone(ZONE).date()
    if when <= status.at:
        return "now"
    return f"at {local:%H:%M}" if local.date() == today else f"at {local:%a %d %b %H:%M}"


def _span(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _plain(status: Status) -> dict[str, Any]:
    return {
        "at": status.at,
        "workers": status.workers,
        "running": [
            {"subject": r.job.subject, "why": r.job.why, "since": r.started, "doing": _doing(r)} for r in status.running
        ],
        "waiting": [asdict(w) for w in status.waiting],
        "incidents": [asdict(m) for m in status.incidents],
        "ran": [asdict(r) for r in status.ran],
        "next": [{"subject": s.key, "schedule": s.schedule, "at": when} for s, when in status.upcoming],
    }
