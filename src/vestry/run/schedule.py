"""What is due, and why. Pure: it is given what is known and touches nothing.

A source is loaded at its times, or whenever it has something new. A product is built at its times, or when its inputs
have changed and nothing that it follows is still to be loaded or built. A time that nobody was there for is made up
for once, however many were missed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from vestry.ingest.fingerprints import number
from vestry.project import Project, TableName
from vestry.project.cron import ZONE, following, latest
from vestry.project.models import CHANGES
from vestry.run.graph import Graph
from vestry.run.plan import Decision

LOAD, BUILD = "load", "build"
#: How long to wait after the first failure; twice as long after each further one, up to an hour.
PAUSE = timedelta(minutes=1)
_LONGEST = 60


@dataclass(frozen=True)
class Subject:
    """What has a schedule: a source, or a product. `retries` is how many failures in a row nobody is told of."""

    kind: str
    name: str
    schedule: str
    tables: tuple[TableName, ...]
    retries: int = 0

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def follows(self) -> bool:
        """Whether it runs when something changes, not at times."""
        return self.schedule == CHANGES


@dataclass(frozen=True)
class Job:
    """A run that is to be: of a subject, the next by number, so that of several workers only one begins it."""

    subject: str
    number: int
    tables: tuple[str, ...]
    why: str
    #: The time of the schedule that it is for; None where it follows changes.
    due: datetime | None = None
    #: Stands for what a build is made of: a build that failed is not tried at once again with the same.
    state: int = 0
    #: How many runs before it failed in a row, and whether its own failure is one that nobody is told of.
    failures: int = 0
    quiet: bool = False

    @property
    def id(self) -> str:
        return f"{self.subject}/{self.number}"

    def as_json(self) -> dict[str, Any]:
        plain = {**vars(self), "tables": list(self.tables), "due": self.due.isoformat() if self.due else None}
        return {**plain, "state": f"{self.state:x}"}

    @classmethod
    def of_json(cls, plain: Mapping[str, Any]) -> Job:
        due = datetime.fromisoformat(plain["due"]) if plain["due"] else None
        return cls(**{**plain, "tables": tuple(plain["tables"]), "due": due, "state": int(plain["state"], 16)})


@dataclass(frozen=True)
class Run:
    """A job that was begun, or is still to be: `status` is queued, running, done, failed or given up.

    One is given up when it has brought the worker down too often.
    """

    job: Job
    status: str
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    worker: str = ""
    #: How many of its steps are done.
    steps: int = 0

    @property
    def is_over(self) -> bool:
        return self.status in ("done", "failed", "given up")

    @property
    def failures(self) -> int:
        """Failures in a row, this one included."""
        return self.job.failures + 1 if self.status in ("failed", "given up") else 0

    @property
    def step(self) -> str:
        """The table that is next, or that it came to."""
        return self.job.tables[min(self.steps, len(self.job.tables) - 1)]


def subjects_of(project: Project) -> list[Subject]:
    """Every source that says when it is loaded, and every product."""
    found = [
        Subject(LOAD, s.name, s.spec.schedule, tuple(s.bronze(t) for t in s.spec.tables), s.spec.retries)
        for s in project.sources.values()
        if s.spec.schedule
    ]
    found += [
        Subject(BUILD, p.full_name, p.contract.schedule, tuple(t.name for t in p.tables))
        for p in project.products.values()
    ]
    return found


def next_time(subject: Subject, last: Run | None, now: datetime, pause: timedelta = PAUSE) -> datetime | None:
    """When a subject is due, which may be past; None where it only waits for something to change."""
    again = None
    if last and last.failures:
        again = (last.ended or last.started or last.created) + pause * min(2 ** (last.failures - 1), _LONGEST)
    if subject.follows:
        return again
    missed = latest(subject.schedule, now)
    if last is None or last.job.due is None or missed > last.job.due:
        return missed
    at = following(subject.schedule, now)
    return min(at, again) if again and last.failures <= subject.retries else at


def loads_due(
    subjects: Iterable[Subject],
    runs: Mapping[str, Run],
    now: datetime,
    news: Callable[[Subject], str | None],
    pause: timedelta = PAUSE,
) -> Iterator[Job]:
    """The loads to begin; `news` says why a source that follows changes has something to load."""
    for subject in subjects:
        last = runs.get(subject.key)
        if subject.kind != LOAD or (last and not last.is_over):
            continue
        when = next_time(subject, last, now, pause)
        if when and when > now:
            continue
        why = news(subject) if subject.follows else _timely(subject, now)
        if why:
            due = None if subject.follows else latest(subject.schedule, now)
            yield _job(subject, last, [str(t) for t in subject.tables], why, due)


def builds_due(
    subjects: Iterable[Subject],
    runs: Mapping[str, Run],
    now: datetime,
    graph: Graph,
    decisions: Sequence[Decision],
    states: Callable[[TableName], int | None],
    busy: Collection[TableName],
    pause: timedelta = PAUSE,
) -> Iterator[Job]:
    """The builds to begin.

    `decisions` is the plan of the tables that follow changes, `states` a number for what a table would be made of
    (None where something of that is not there yet), and `busy` names the tables of loads and builds that are begun,
    or about to be.
    """
    wanted = {d.step.name: d for d in decisions if d.runs}
    for subject in subjects:
        last = runs.get(subject.key)
        if subject.kind != BUILD or (last and not last.is_over):
            continue
        when = next_time(subject, last, now, pause)
        if not subject.follows:
            if when and when <= now:
                tables = [str(n) for n in graph.order if n in subject.tables]
                yield _job(subject, last, tables, _timely(subject, now), latest(subject.schedule, now))
            continue
        ready = ready_tables(subject, graph, wanted, busy, states)
        if not ready:
            continue
        state = number(*((str(n), states(n)) for n in ready))
        same = last is not None and last.job.state == state
        # The same again: where it failed, after a while; where it did not, there was nothing to do.
        if same and (when is None or when > now):
            continue
        why = "; ".join(dict.fromkeys(r for n in ready for r in wanted[n].reasons))
        yield _job(subject, last, [str(n) for n in ready], why, None, state, anew=not same)


def ready_tables(
    subject: Subject,
    graph: Graph,
    wanted: Mapping[TableName, Decision],
    busy: Collection[TableName],
    states: Callable[[TableName], int | None],
) -> list[TableName]:
    """The subject's tables that are to be built and wait for nobody but each other, in order."""
    ready: list[TableName] = []
    for name in graph.order:
        if name not in wanted or name not in subject.tables:
            continue
        before = graph.upstream([name]) - {name}
        if before & set(busy) or any(n in wanted and n not in ready for n in before):
            continue
        if states(name) is not None or before & set(ready):
            ready.append(name)
    return ready


def _timely(subject: Subject, now: datetime) -> str:
    at = latest(subject.schedule, now).astimezone(ZONE)
    return f"its time, {at:%H:%M}" if at.date() == now.astimezone(ZONE).date() else f"its time, {at:%d %B %H:%M}"


def _job(
    subject: Subject,
    last: Run | None,
    tables: Sequence[str],
    why: str,
    due: datetime | None,
    state: int = 0,
    *,
    anew: bool = False,
) -> Job:
    failures = last.failures if last and not anew else 0
    quiet = failures + 1 <= subject.retries
    return Job(subject.key, last.job.number + 1 if last else 1, tuple(tables), why, due, state, failures, quiet)


def from_milliseconds(value: int | None) -> datetime | None:
    """A moment as databases of jobs keep it."""
    return datetime.fromtimestamp(value / 1000, UTC) if value else None
