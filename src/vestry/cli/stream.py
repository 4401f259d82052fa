"""`vestry stream`."""

from __future__ import annotations

import re
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vestry.cli.options import open_workspace, project_option

if TYPE_CHECKING:
    from vestry.run.events import Event


@click.command()
@click.argument("select", nargs=-1)
@click.option("--for", "span", metavar="SPAN", help="Stop after 60s, 15m or 8h. Default: until interrupted.")
@click.option("--log", type=click.Choice(["text", "json"]), default="text", help="json: one event a line, on stderr.")
@project_option
def stream(select: tuple[str, ...], span: str | None, log: str, folder: Path) -> None:
    """Listen to sources of events (MQTT, Kafka, webhooks) and bring what comes to bronze.

    It ends by Ctrl-C or SIGTERM, when what has come is written. Killed at any moment, it loses and doubles nothing.
    \b
    Examples:
      vestry stream
      vestry stream source:sensors --for 60s
      vestry stream --log json 2>> stream.log
    """
    from vestry.run.events import JsonLines
    from vestry.run.stream import stream as listen_to

    stop = threading.Event()
    if span:
        timer = threading.Timer(_seconds(span), stop.set)
        timer.daemon = True
        timer.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    listen = JsonLines() if log == "json" else Lines()
    heard = listen_to(open_workspace(folder), select, listen, stop)
    for table in heard:
        click.echo(f"{table.table}: {table.loaded:,} events, {table.rejected:,} rejected, {table.repeated:,} repeated")


def _seconds(span: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", span.strip())
    if not found:
        raise click.BadParameter("a time such as 60s, 15m or 8h", param_hint="--for")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


class Lines:
    """For a person: what begins, is not well or ends, and now and then how far each table is."""

    def __init__(self, every: float = 60.0) -> None:
        # On a terminal the line is written over, so it may be as new as the batch.
        self._over = sys.stderr.isatty()
        self._every = 0.0 if self._over else every
        self._last: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        if event.kind == "batch":
            now = time.monotonic()
            if now - self._last.get(event.step, 0.0) < self._every:
                return
            self._last[event.step] = now
            self._print(f"  {event.step:<44} {event.detail}", end="\r" if self._over else "\n")
        elif event.kind != "compacted":
            signs = {"listening": "…", "trouble": "✗", "well": "✓", "stopped": "✓"}
            said = event.detail or event.kind
            self._print(f"{signs[event.kind]} {event.step:<44} {said}")

    def _print(self, line: str, end: str = "\n") -> None:
        print(f"{line}\x1b[K" if self._over else line, end=end, file=sys.stderr, flush=True)
