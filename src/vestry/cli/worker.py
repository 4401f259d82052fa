"""`vestry worker`, `vestry status`, `vestry accept`: the work of the night, and how it stands."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from vestry.cli.options import open_workspace, project_option


@click.command()
@click.option("--once", is_flag=True, help="Run what is due, and end: for cron.")
@click.option("--log", type=click.Choice(["text", "json"]), default="text", help="json: one event a line, on stderr.")
@project_option
def worker(once: bool, log: str, folder: Path) -> None:
    """Run what is due, night and day: loads at their times or when a source has something new, builds after them.

    A source says `schedule: "0 2 * * *"` or `schedule: changes`; a product follows its inputs, unless its contract has
    a custom property `schedule`. What is killed goes on where it was. Several workers share the work where [state] of
    vestry.toml names a PostgreSQL. Ctrl-C lets the steps that run end; a second one does not.

    \b
    Examples:
      vestry worker
      vestry worker --log json 2>> worker.log
      vestry worker --once
    """
    from vestry.run.events import JsonLines
    from vestry.run.progress import WorkLog
    from vestry.run.worker import Worker

    with JsonLines() if log == "json" else WorkLog() as listen:
        well = Worker(folder, listen).work(once=once)
    sys.stdout.flush()
    os._exit(1 if once and not well else 0)  # runs that wait between two steps are threads that never end


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@project_option
def status(as_json: bool, folder: Path) -> None:
    """Show what runs, what ran, what waits and why, what is late, and what is not well.

    \b
    Examples:
      vestry status
      vestry status --json | jq .incidents
    """
    from vestry.console.status import show_status
    from vestry.run.status import status_of

    show_status(status_of(open_workspace(folder)), as_json)


@click.command()
@click.argument("name")
@project_option
def accept(name: str, folder: Path) -> None:
    """Load a source's table with the columns that it has now, though its `drift` says freeze or quarantine.

    What was set aside for its columns is loaded too. From then on these are the columns that are known.

    \b
    Example:
      vestry accept bronze.academy.account
    """
    from vestry.console import fail
    from vestry.project.names import TableName
    from vestry.run.progress import Progress

    workspace = open_workspace(folder)
    with Progress() as listen:
        outcomes = workspace.accept(TableName.parse(name), listen)
    for outcome in outcomes:
        if outcome.error:
            fail(outcome.error)
            sys.exit(1)
    click.echo("Next:  vestry run")
