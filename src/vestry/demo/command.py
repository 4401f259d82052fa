"""``vestry demo``: make Westmarsh in a folder, run it, and show what came out."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vestry.demo.folder import Note, generator, read_note, write_note, write_project
from vestry.project.errors import VestryError

if TYPE_CHECKING:
    from vestry.run import Outcome
    from vestry.run.workspace import Workspace

URL, KEY = "WESTMARSH_PLANNING_URL", "WESTMARSH_PLANNING_KEY"
#: Where `vestry demo --serve` listens when nobody else does.
PORT = 8719
CHANGES = ("systems", "planning", "changes.sqlite")
LIST = "adults.link_work.resident"
_SHOWN = 5


def demo(folder: Path, people: int = 20_000, seed: int = 7) -> bool:
    """Make Westmarsh in `folder` unless it is there, run what has changed, and show it; False where a step failed.

    Raises VestryError where the folder holds something else, or another Westmarsh.
    """
    began = time.monotonic()
    before = read_note(folder)
    if before and (before.people, before.seed) != (people, seed):
        what = f"{folder} holds the Westmarsh of {before.people:,} people and seed {before.seed}"
        raise VestryError(what, mend="name another folder, or remove this one first")
    now = generator()
    if before is None or not before.whole or before.generator != now:
        _make(folder, Note(people, seed, now), before)
    outcomes = _run(folder)
    if all(o.status == "skipped" for o in outcomes):
        click.echo(f"Nothing to do: Westmarsh is up to date in {folder}.")
        _show_next(folder)
        return True
    good = not any(o.status in ("failed", "blocked") for o in outcomes)
    _show(folder, outcomes, time.monotonic() - began)
    return good


def _make(folder: Path, note: Note, before: Note | None) -> None:
    from vestry.demo.westmarsh import FEWEST_PEOPLE, MOST_PEOPLE, make_systems

    if not FEWEST_PEOPLE <= note.people <= MOST_PEOPLE:
        what = f"Westmarsh has from {FEWEST_PEOPLE:,} to {MOST_PEOPLE:,} people, not {note.people:,}"
        raise VestryError(what, mend="give another number with --people")
    if before and before.whole:
        click.echo("The generator has changed since: Westmarsh is made anew.", err=True)
    write_note(folder, replace(note, project=before.project if before else {}))
    digests, kept = write_project(folder, before)
    for file in kept:
        click.echo(f"  {file} was changed and stays as it is", err=True)
    with _status(f"Making Westmarsh, {note.people:,} people who do not exist") as tell:
        made = make_systems(folder, people=note.people, seed=note.seed, progress=tell)
    click.echo(f"Westmarsh: {made.homes:,} homes, {made.records:,} records of people in ten systems.", err=True)
    write_note(folder, replace(note, whole=True, project=digests))


def _run(folder: Path) -> Sequence[Outcome]:
    """Run what must be run, with the planning system's API there to be asked; no outcomes where nothing must."""
    from vestry.run.workspace import Workspace

    workspace = Workspace.open(folder)
    if not any(d.runs for d in workspace.plan()):
        return []
    from vestry.demo.planning_api import API_KEY, serve_planning
    from vestry.run.progress import Progress

    had = {name: os.environ.get(name) for name in (URL, KEY)}
    with serve_planning(folder.joinpath(*CHANGES)) as url, Progress() as listen:
        os.environ |= {URL: url, KEY: API_KEY}
        try:
            return workspace.run((), listen)
        finally:
            _close(workspace)
            for name, value in had.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def _close(workspace: Workspace) -> None:
    if "engine" in vars(workspace):
        workspace.engine.close()


def _show(folder: Path, outcomes: Sequence[Outcome], seconds: float) -> None:
    """What came out: the products as they stand, the link workers' list, and where to go from here."""
    from vestry.console import fail, show_states
    from vestry.run.query import ask
    from vestry.run.report import states
    from vestry.run.workspace import Workspace

    workspace = Workspace.open(folder)
    click.echo()
    show_states(states(workspace.project, workspace.lake, workspace.project.tables), "table")
    try:
        wanted = (
            f"SELECT name, address, why, last_contact_on::VARCHAR AS seen, last_contact_with AS service FROM {LIST}"
        )
        found = ask(workspace, wanted)
        click.echo(f"\nFor link workers to call: 70 or over, alone, no repair in two years. {found.num_rows} people:\n")
        for row in found.slice(0, _SHOWN).to_pylist():
            click.echo(f"  {row['name']}, {row['address']}")
            click.echo(f"      {row['why']}; last contact {row['seen']}, {row['service']}")
    except VestryError as error:
        fail(error)
    finally:
        _close(workspace)
    for outcome in outcomes:
        if outcome.error:
            fail(outcome.error)
    done = sum(o.status == "done" for o in outcomes)
    click.echo(f"\n{done} steps in {seconds:.0f} s. Everybody named here is invented.")
    _show_next(folder)


def _show_next(folder: Path) -> None:
    shown = str(folder)
    click.echo("Try next:")
    click.echo(f"  vestry serve -C {shown}      # the portal: what there is, where it comes from, how good it is")
    click.echo(f'  vestry query -C {shown} "from community.wards.profile"')
    click.echo(f"  vestry show -C {shown} housing.repairs.repair")
    click.echo(f"  vestry people evaluate -C {shown} --truth {shown}/truth      # how well it knows who is who")
    click.echo(f"  vestry people review -C {shown} --list      # the pairs that a person must decide")
    click.echo(f'  vestry address -C {shown} "flat 2 granry lodge"')
    click.echo(f"  vestry run -C {shown} --plan      # after a change to a file in {shown}/domains")


def serve(folder: Path, started: Callable[[str], None] = click.echo, until: threading.Event | None = None) -> None:
    """Serve the planning system's API of a Westmarsh until interrupted.

    Raises VestryError where the folder holds none.
    """
    from vestry.demo.planning_api import API_KEY, serve_planning

    changes = folder.joinpath(*CHANGES)
    if not changes.is_file():
        raise VestryError(f"{folder} holds no Westmarsh", mend=f"make it first: vestry demo {folder}")
    wait = until or threading.Event()
    with serve_planning(changes, port=_free_port()) as url:
        started(f"The planning system answers at {url} until you press Ctrl-C. In another terminal:")
        if not url.endswith(f":{PORT}"):  # what the project's .env says
            started(f"  export {URL}={url} {KEY}={API_KEY}")
        started(f"  vestry run -C {folder}")
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: wait.set())
        try:
            wait.wait()
        except KeyboardInterrupt:
            started("")


def _free_port() -> int:
    """Ours where it is free, so that an export stays true; 0, for any, where it is not."""
    import socket

    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            return 0
    return PORT


@contextmanager
def _status(doing: str) -> Iterator[Callable[[str], None]]:
    """Say what is being done: on a terminal in one line that changes, else once."""
    if not sys.stderr.isatty():
        click.echo(f"{doing} …", err=True)
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status(doing) as status:
        yield lambda stage: status.update(f"{doing}: {stage}")
