"""Replay: what follows from a source's bronze is made again, with no script edited and bronze as it is.

What reads the source's tables is marked as to be made again, and then run: a snapshot makes the keys again
that changed in loads since a date, every other product its whole table, and what reads those follows by
itself. The marks stay until a table is made, so a replay that is broken off is ended by the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from vestry.lake import DATA
from vestry.products.snapshot import READ_TO
from vestry.project import Source, VestryError
from vestry.project.errors import did_you_mean
from vestry.run.events import Listener
from vestry.run.plan import AGAIN, CODE

if TYPE_CHECKING:
    from vestry.run.execute import Outcome
    from vestry.run.workspace import Workspace


def source_of(workspace: Workspace, name: str) -> Source:
    """The source of that name. Raises VestryError with the nearest."""
    sources = workspace.project.sources
    if name not in sources:
        raise VestryError(f"there is no source `{name}`", mend=did_you_mean(name, sources))
    return sources[name]


def replay(
    workspace: Workspace, source: Source, since: datetime, listen: Listener, *, load: bool = False
) -> Sequence[Outcome]:
    """Make again what follows from what was loaded since then; with `load`, load what is new first."""
    tables = {source.bronze(t) for t in source.spec.tables}
    following = workspace.graph.downstream(tables) - tables
    since_us = int(since.timestamp() * 1e6)
    for name in sorted(n for n in following if tables & set(workspace.graph.steps[n].inputs)):
        with workspace.lake.lock(name):
            read_to = workspace.lake.mark(name, READ_TO)
            if workspace.lake.mark(name, DATA) is None:
                continue
            # A table that knows up to where it has read its feed reads on from there; any other is made anew.
            only = {CODE: 0} if read_to is None else {READ_TO: min(read_to, since_us - 1)}
            workspace.lake.note(name, {AGAIN: 1, **only})
    chosen = following | (tables if load else set())
    return workspace.run([str(n) for n in sorted(chosen)], listen) if chosen else []
