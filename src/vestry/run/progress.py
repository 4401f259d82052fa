"""What a run prints for a person who watches it."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vestry.project.cron import ZONE
from vestry.run.events import Event

if TYPE_CHECKING:
    from rich.status import Status

_SIGNS = {"done": "✓", "failed": "✗", "blocked": "–"}
#: Of incidents; that a step failed has been said already.
_SAID = {"opened": "", "over": "is over", "notice": "", "untold": "not told"}


class Progress:
    """A line for each step that ended; on a terminal, also what is being done."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._now: list[str] = []
        self._status: Status | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: Any) -> None:
        if self._status:
            self._status.stop()

    def __call__(self, event: Event) -> None:
        if self._quiet:
            return
        if event.kind == "started":
            self._now.append(event.step)
        elif event.step in self._now:
            self._now.remove(event.step)
        self._show_now()
        if event.kind in _SIGNS:
            seconds = event.facts.get("seconds", 0)
            took = f"{seconds:.1f} s" if event.kind != "blocked" else ""
            # What failed is told in full when the run has ended.
            detail = "failed" if event.kind == "failed" else event.detail
            print(f"{_SIGNS[event.kind]} {event.step:<44} {took:>7}  {detail}", file=sys.stderr, flush=True)

        elif event.kind == "skipped" and "until" in event.facts:
            print(f"… {event.step:<44} {'':>7}  {event.detail}", file=sys.stderr, flush=True)
        elif event.kind in _SAID and (event.kind, event.facts.get("kind")) != ("opened", "failed"):
            what = " ".join(filter(None, (event.facts.get("kind"), _SAID[event.kind])))
            detail = "" if event.kind == "over" else event.detail
            print(f"! {event.step:<44} {what}{': ' if detail else ''}{detail}", file=sys.stderr, flush=True)

    def _show_now(self) -> None:
        if not sys.stderr.isatty():
            return
        if self._status is None:
            from rich.console import Console

            self._status = Console(stderr=True).status("")
            self._status.start()
        self._status.update(", ".join(self._now) or "…")


class WorkLog:
    """A line of text for each thing that a worker does, with its time: for a log that people read."""

    def __enter__(self) -> WorkLog:
        return self

    def __exit__(self, *_: Any) -> None:
        sys.stderr.flush()

    def __call__(self, event: Event) -> None:
        if event.kind in ("finished", "skipped", "queued") and not event.step:
            return
        at = datetime.fromisoformat(event.at).astimezone(ZONE)
        kind = " ".join(filter(None, (event.facts.get("kind"), event.kind)))
        said = f"  {event.detail}" if event.detail else ""
        print(f"{at:%Y-%m-%d %H:%M:%S}  {kind:<16} {event.step or event.run}{said}", file=sys.stderr, flush=True)
