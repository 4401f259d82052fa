"""How fresh tables are, and whether that is what their contracts promise.

A table is as fresh as its sources were looked at, whether or not anything new was found. So a bronze table is as of
its last load, or of the last look that found nothing; a product's table is as of its inputs, or, where an input has
moved on and it has not followed, of when that happened.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from vestry.ingest.connector import LOADED_AT
from vestry.lake import DATA, Lake
from vestry.project import Project, TableName
from vestry.project.contract import freshness
from vestry.run.execute import Facts, Outcome
from vestry.run.graph import Graph
from vestry.run.incidents import Finding
from vestry.run.plan import input_mark

if TYPE_CHECKING:
    from vestry.run.workspace import Workspace

#: Microseconds since 1970 of the last look at a source that found nothing new.
LOOKED = "vestry.looked"
#: A look is noted only where the last one is older than this part of what is promised.
_PART = 8
_BACK = 50


def promised(project: Project) -> dict[TableName, timedelta]:
    """How old each table may be, where a contract says so."""
    found: dict[TableName, timedelta] = {}
    for product in project.products.values():
        for level in product.contract.service_levels:
            if (most := freshness(level)) is None:
                continue
            elements = {e.strip().partition(".")[0] for e in (level.element or "").split(",")} - {""}
            for name in product.promised:
                if not elements or name.table in elements:
                    found[name] = min(most, found.get(name, most))
    return found


class Freshness:
    """As of when tables are, from the marks of one moment."""

    def __init__(self, graph: Graph, lake: Lake, facts: Facts) -> None:
        self._graph, self._lake, self._facts = graph, lake, facts
        self._known: dict[TableName, datetime | None] = {}
        # A table's log is asked for its marks in a fifth of a millisecond, which adds up over a project.
        self._data = cache(lambda name: facts.marks(name)(DATA))

    def of(self, name: TableName) -> datetime | None:
        """As of when a table is; None where it is not there."""
        if name not in self._known:
            self._known[name] = self._as_of(name)
        return self._known[name]

    def behind(self, name: TableName, since: datetime) -> Iterator[TableName]:
        """What makes the table older than `since`: sources that were not loaded, tables that were not built."""
        for needed in self._inputs(name):
            of = self.of(needed)
            if of is None or of < since:
                yield from self.behind(needed, since)
            elif (left := self._left(name, needed)) and left < since:
                yield name
        if not self._inputs(name):
            yield name

    def _as_of(self, name: TableName) -> datetime | None:
        if self._data(name) is None:
            return None
        inputs = self._inputs(name)
        if not inputs:
            marks = self._facts.marks(name)
            return _moment(max(marks(LOADED_AT) or 0, marks(LOOKED) or 0)) or self._lake.history(name, 1)[0].at
        times = [self._left(name, needed) or self.of(needed) for needed in inputs]
        return min((t for t in times if t), default=None)

    def _left(self, name: TableName, needed: TableName) -> datetime | None:
        """When an input moved on from what the table was made of; None where it did not."""
        read, now = self._facts.marks(name)(input_mark(needed)), self._data(needed)
        if read == now or now is None:
            return None
        newer = [v.at for v in self._lake.history(needed, _BACK) if v.version > (read or 0) and v.record]
        return min(newer, default=None)

    def _inputs(self, name: TableName) -> list[TableName]:
        step = self._graph.steps.get(name)
        return [n for n in step.inputs if n in self._graph.steps] if step else []


def late(project: Project, graph: Graph, lake: Lake, facts: Facts, now: datetime) -> list[Finding]:
    """For each promise, whether it is kept. A table that was never made is not late: it failed, or is yet to run."""
    fresh = Freshness(graph, lake, facts)
    found = []
    for name, most in promised(project).items():
        if name not in graph.steps or (of := fresh.of(name)) is None:
            continue
        if now - of <= most:
            found.append(Finding("late", str(name), well=True))
            continue
        domain = project.domains.get(name.domain)
        product = project.product_of(name)
        found.append(
            Finding(
                "late",
                str(name),
                well=False,
                what=f"it is as of {of:%Y-%m-%d %H:%M} UTC, and is promised to be no older than {in_words(most)}",
                where=product.file.path if product else "",
                owner=domain.spec.owner if domain else "",
                concerns=tuple(sorted({str(n) for n in fresh.behind(name, now - most)})),
            )
        )
    return found


def note_looks(workspace: Workspace, outcomes: Iterable[Outcome], facts: Facts) -> None:
    """Keep, in the tables that promises rest on, that their sources were looked at and had nothing new."""
    skipped = [o for o in outcomes if o.step.kind == "load" and o.status == "skipped"]
    names = {o.step.name for o in skipped if looked(workspace.project, o)}
    promises = promised(workspace.project) if names else {}
    shortest: dict[TableName, timedelta] = {}
    for below, most in promises.items():
        for name in names & workspace.graph.upstream({below} & set(workspace.graph.steps)):
            shortest[name] = min(most, shortest.get(name, most))
    for name, most in shortest.items():
        marks = facts.marks(name)
        last = marks(LOOKED) or marks(LOADED_AT)
        if last and time.time() - last / 1e6 > most.total_seconds() / _PART:
            with workspace.lake.lock(name):
                workspace.lake.note(name, {LOOKED: time.time_ns() // 1000})
            facts.forget(name)


def looked(project: Project, outcome: Outcome) -> bool:
    """Whether a source was really asked: one that may not be asked yet, or not now, has no news either."""
    if outcome.detail or outcome.step.name not in project.bronze:
        return True
    spec = project.bronze[outcome.step.name].spec
    return not (getattr(spec, "every", None) or getattr(spec, "window", None))


def _moment(microseconds: int) -> datetime | None:
    return datetime.fromtimestamp(microseconds / 1e6, UTC) if microseconds else None


def in_words(span: timedelta) -> str:
    """`2 days`, `90 minutes`; of what is longer, halves too: `46.5 days`."""
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds and (seconds % size == 0 or (seconds > 3 * size and 2 * seconds % size == 0)):
            return f"{seconds / size:g} {unit}{'s' if seconds > size else ''}"
    return f"{seconds} seconds"
