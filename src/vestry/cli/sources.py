"""`vestry gaps` and `vestry replay`: what vendors owe, and making again what follows from what they gave."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vestry.cli.options import format_options, open_workspace, project_option

if TYPE_CHECKING:
    from vestry.ingest.rest.owed import Owed

_DATE = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.command()
@click.argument("source", required=False)
@project_option
@format_options
def gaps(source: str | None, folder: Path, form: str) -> None:
    """List what was asked of vendors' APIs and has not come: of SOURCE, or of all.

    The next `vestry run` asks for it first. Every question and answer is in the table vestry.ingest.request.

    \b
    Examples:
      vestry gaps
      vestry gaps planning --json
      vestry query "from vestry.ingest.request where page is null order by entered_at desc limit 20"
    """
    from vestry.console import show_rows
    from vestry.ingest.rest.owed import owed
    from vestry.run.replay import source_of

    workspace = open_workspace(folder)
    sources = [source_of(workspace, source)] if source else list(workspace.project.sources.values())
    with workspace.engine.cursor() as con:
        found = list(owed(workspace.engine, con, sources))
    workspace.engine.close()
    if form == "table":
        _show(found)
        return
    rows = [
        {
            "table": str(o.table),
            "from": o.start,
            "to": o.end,
            "since": datetime.fromtimestamp(o.gap.since, UTC).isoformat(),
            "attempts": o.gap.attempts,
            "why": o.gap.why,
            "incident": o.gap.incident,
        }
        for o in found
    ]
    show_rows(rows, ["table", "from", "to", "since", "attempts", "why", "incident"], form)


def _show(found: Sequence[Owed]) -> None:
    """What is owed, for a person: where, since when and why."""
    for o in found:
        start, end = o.start or "the beginning", o.end or "now"
        attempts = "1 attempt" if o.gap.attempts == 1 else f"{o.gap.attempts} attempts"
        click.secho(str(o.table), bold=True)
        click.echo(f"  owed   {start} to {end}")
        click.echo(f"  since  {datetime.fromtimestamp(o.gap.since, UTC):%Y-%m-%d %H:%M}, {attempts}")
        click.echo(f"  why    {o.gap.why}")
    click.echo("\nThe next `vestry run` asks for it first." if found else "Nothing is owed.")


@click.command()
@click.argument("source")
@click.option("--from", "since", type=_DATE, required=True, help="Since when, in UTC.")
@click.option("--to", type=_DATE, help="With --ask-again: up to when the vendor is asked. Default: now.")
@click.option("--ask-again", is_flag=True, help="First ask the vendor again for its changes since then.")
@project_option
def replay(source: str, since: datetime, to: datetime | None, ask_again: bool, folder: Path) -> None:
    """Make again what follows from SOURCE, from what bronze has: nothing is loaded, no script is edited.

    A snapshot makes the things again that changed in loads since the date, as bronze tells them today; every
    other product that reads the source is made anew; what reads those follows.

    With --ask-again the vendor is asked once more for what it changed since the date, for it may have corrected
    its past: what differs from bronze is added to it as a change, and what is there already is not doubled.

    \b
    Examples:
      vestry replay planning --from 2026-09-01
      vestry replay planning --from 2026-09-01 --to 2026-09-08 --ask-again
    """
    from vestry.console import fail
    from vestry.ingest.rest.owed import ask_again as owe
    from vestry.run.progress import Progress
    from vestry.run.replay import replay as replay_source
    from vestry.run.replay import source_of

    if to and not ask_again:
        raise click.UsageError("--to goes with --ask-again: what follows from bronze is made up to now.")
    workspace = open_workspace(folder)
    found, since = source_of(workspace, source), since.replace(tzinfo=UTC)
    if ask_again:
        with workspace.engine.cursor() as con:
            until = to.replace(tzinfo=UTC) if to else None
            owe(workspace.project, workspace.engine, con, found, since, until)
    with Progress() as listen:
        outcomes = replay_source(workspace, found, since, listen, load=ask_again)
    for outcome in outcomes:
        if outcome.error:
            fail(outcome.error)
    if any(o.status in ("failed", "blocked") for o in outcomes):
        sys.exit(1)
    done = sum(o.status == "done" for o in outcomes)
    click.echo(f"{done} step{'s' if done != 1 else ''} made again." if outcomes else f"Nothing follows from {source}.")
