"""`vestry worker`: one process that runs what is due, through the night, and goes on after a kill.

It looks about every half minute: what is due is put in a queue as a durable job, jobs of workers that are gone are
taken over, promises of freshness are held against the clock, and people are told of incidents.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vestry.ingest.fingerprints import number
from vestry.ingest.load import context_of, news
from vestry.lake import DATA
from vestry.project import ProjectError, TableName, VestryError
from vestry.project.project import find_root
from vestry.run.alerts import channels
from vestry.run.events import Event, Listener
from vestry.run.execute import Facts, Outcome, decide
from vestry.run.findings import PROJECT, findings_of, judge
from vestry.run.freshness import note_looks
from vestry.run.incidents import Finding, Teller, settle
from vestry.run.jobs import Jobs
from vestry.run.plan import expected_marks
from vestry.run.schedule import BUILD, LOAD, PAUSE, Job, Run, Subject, builds_due, loads_due, subjects_of
from vestry.run.state import old_runs, runs, state_url, take_place
from vestry.run.workspace import Workspace

#: Seconds between two looks.
TICK = 30.0
#: Seconds after which what a step made due is looked for.
_SOON = 1.5
#: Seconds from a run's last step to its end, about: what follows it is not due before.
_MOMENT = 0.1
#: Seconds between two looks at the queue, of a worker that stays and of one that ends when nothing is due.
_POLL, _POLL_ONCE = 1.0, 0.1
#: How long runs are remembered.
_KEEP = timedelta(days=30)


class Worker:
    """One worker of a project. `tick` in seconds; `pause` is how long to wait after a first failure."""

    def __init__(self, folder: Path, listen: Listener, *, tick: float = TICK, pause: timedelta = PAUSE) -> None:
        self.root = find_root(folder)
        self._tell_lock = threading.Lock()
        self._listen = listen
        self._tick, self._pause = tick, pause
        self._wake, self._stop = threading.Event(), threading.Event()
        self._written = 0
        self.workspace = Workspace.open(self.root)
        self._teller = Teller(self.tell)
        self._failed: set[str] = set()
        #: Steps that had nothing to do at the last look: what was wrong with them is over.
        self._idle: list[Outcome] = []
        self._cleared = datetime.min.replace(tzinfo=UTC)
        self._once = False

    def tell(self, event: Event) -> None:
        if event.kind != "finished":  # of one step only, which has said so itself
            with self._tell_lock:
                self._listen(event)

    def stop(self, *_: Any) -> None:
        """As a signal asks: the steps that run end, and the rest goes on next time. A second one ends it at once."""
        if self._stop.is_set():
            os._exit(130)
        self._stop.set()
        self._wake.set()

    def work(self, *, once: bool = False) -> bool:
        """Work until stopped, or with `once` until nothing is due; whether nothing failed.

        Raises DataError where the database of the state cannot be reached at the beginning.
        """
        self._once = once
        project = self.workspace.project
        place = take_place(project)
        if place is None:
            raise VestryError("there are as many workers as there can be")
        project.state.mkdir(exist_ok=True)
        try:
            poll = _POLL_ONCE if once else min(_POLL, self._tick)
            jobs = Jobs(state_url(project), place.name, self.workspace.parallel, self.perform, poll)
        except VestryError:
            raise
        except Exception as error:  # what the driver says may hold the user, the host and more
            said = f"the database of the worker's state cannot be used ({type(error).__name__})"
            raise VestryError(said, "vestry.toml", "check `url` of [state], and who may create tables there") from error
        for name in (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ():
            signal.signal(name, self.stop)
        loads = [s for s in subjects_of(project) if s.kind == LOAD]
        said = f"{len(loads)} of {len(project.sources)} sources have a schedule"
        self.tell(Event("working", place.name, detail=said))
        woken = True
        while not self._stop.is_set():
            self._wake.clear()
            idle = self._look(jobs, place.name)
            if once and idle:
                break
            # A run is over a moment after its last step: then there may be more to do.
            woken = self._wake.wait(min(_SOON, self._tick) if once or woken else self._tick)
            self._stop.wait(_MOMENT if woken else 0)
        jobs.stop()
        self._follow_up()
        self.tell(Event("stopped", place.name))
        if not self._stop.is_set():
            jobs.close()
            place.release()
        return not self._failed

    def _look(self, jobs: Jobs, place: str) -> bool:
        """Begin what is due, and tell what is to be told; whether nothing is due or under way."""
        try:
            self._reread()
            known = runs(self.workspace.project)
            self._settle([_given_up(run) for run in known if run.status == "given up"])
            begun = self._due(known)
            for job in begun:
                self.tell(Event("queued", job.id, job.subject, job.why))
                jobs.begin(job)
            self._take_over(jobs, known, place)
            if datetime.now(UTC) - self._cleared > timedelta(days=1):
                self._cleared = datetime.now(UTC)
                jobs.forget(old_runs(self.workspace.project, datetime.now(UTC) - _KEEP))
            self._follow_up()
            return not begun and all(run.is_over for run in known)
        except Exception as error:  # the night is long: what fails now may go well at the next look
            if self._once:
                raise
            self.tell(Event("trouble", place, detail=getattr(error, "what", type(error).__name__)))
        return False

    def _reread(self) -> None:
        """Take up what has changed in the project's files; where they have faults, the last good ones stay in use."""
        written = _written(self.root)
        if written == self._written:
            return
        self._written = written
        try:
            opened = Workspace.open(self.root)
            _ = opened.graph.order
            self.workspace = opened
            found = Finding("failed", PROJECT, well=True)
        except ProjectError as error:
            first = error.faults[0]
            what = f"the project has faults, the first: {first.what}"
            found = Finding("failed", PROJECT, False, what, first.where, "see `vestry check`")
        except VestryError as error:
            found = Finding("failed", PROJECT, False, error.what, error.where, error.mend)
        self._settle([found])

    def _due(self, known: list[Run]) -> list[Job]:
        workspace, now = self.workspace, datetime.now(UTC)
        self._idle = []
        subjects = subjects_of(workspace.project)
        last = {run.job.subject: run for run in known}
        begun = list(loads_due(subjects, last, now, self._news, self._pause))
        busy = {TableName.parse(t) for r in known if not r.is_over for t in r.job.tables}
        busy |= {TableName.parse(t) for job in begun for t in job.tables}
        following = {t for s in subjects if s.kind == BUILD and s.follows for t in s.tables}
        facts = Facts(workspace.lake)
        decisions = decide(workspace.project, workspace.graph, workspace.lake, workspace.fingerprints, following, facts)

        def state(name: TableName) -> int | None:
            steps = workspace.graph.steps
            inputs = {n: facts.marks(n)(DATA) for n in steps[name].inputs}
            if any(n in steps and version is None for n, version in inputs.items()):
                return None
            return number(expected_marks(workspace.project.tables[name], inputs))

        self._idle += [Outcome(d.step, "skipped") for d in decisions if not d.runs]
        begun += builds_due(subjects, last, now, workspace.graph, decisions, state, busy, self._pause)
        workspace.fingerprints.save()
        return begun

    def _news(self, subject: Subject) -> str | None:
        """Why a source has something to load; a source that cannot tell is asked by its load, which says so."""
        workspace = self.workspace
        found = []
        for name in subject.tables:
            source = workspace.project.bronze[name]
            try:
                context = context_of(workspace.project, source, name.table, workspace.lake, workspace.fingerprints)
                found.append(news(context))
            except VestryError as error:
                found.append(f"cannot tell: {error.what}")
        said = [f for f in found if f]
        if not said:
            idle = [Outcome(workspace.graph.steps[n], "skipped") for n in subject.tables]
            note_looks(workspace, idle, Facts(workspace.lake))
            self._idle += idle
        return "; ".join(dict.fromkeys(said)) or None

    def _take_over(self, jobs: Jobs, known: list[Run], mine: str) -> None:
        """Put the runs of workers that are gone back in the queue."""
        for worker in {r.worker for r in known if r.status == "running"} - {mine, ""}:
            if place := take_place(self.workspace.project, int(worker.rpartition("-")[2])):
                self.tell(Event("taken over", place.name))
                jobs.resume(place.name)
                place.release()

    def perform(self, job: Job, table: str) -> bool:
        """Do one step of a job, in a thread of the queue; whether it went well."""
        try:
            well = self._perform(job, TableName.parse(table))
        except Exception as error:  # what could not be kept of the step is found by the next
            self.tell(Event("trouble", job.id, table, getattr(error, "what", type(error).__name__)))
            well = False
        (self._failed.discard if well else self._failed.add)(table)
        self._wake.set()
        return well

    def _perform(self, job: Job, name: TableName) -> bool:
        with closing(self.workspace.apart(self.workspace.parallel)) as workspace:
            if name not in workspace.graph.steps:
                return True  # it was taken out of the project since
            outcome = workspace.attempt(name, self.tell)
            note_looks(workspace, [outcome], Facts(workspace.lake))
            failed = outcome.status == "failed"
            if not (failed and job.quiet):
                found = list(findings_of(workspace.project, workspace.graph, [outcome]))
                settle(workspace.lake, lambda: workspace.engine, found, channels(workspace.project))
        return not failed

    def _follow_up(self) -> None:
        """Hold promises of freshness against the clock, and tell what is to be told."""
        workspace = self.workspace
        idle, self._idle = self._idle, []
        judge(workspace, idle, Facts(workspace.lake))
        self._teller.tell(workspace.lake, lambda: workspace.engine, channels(workspace.project))
        workspace.close()

    def _settle(self, found: list[Finding]) -> None:
        workspace = self.workspace
        settle(workspace.lake, lambda: workspace.engine, found, channels(workspace.project))


def _given_up(run: Run) -> Finding:
    what = f"the worker was killed each time it came to this step of {run.job.id}"
    return Finding("failed", run.step, False, what, mend="look whether there is enough memory: see [engine]")


def _written(root: Path) -> int:
    """A number that stands for the project's files as they are."""
    files = [root / "vestry.toml", root / ".env"]
    files += [f for folder in ("sources", "domains") for f in sorted((root / folder).rglob("*")) if f.is_file()]
    stats: Mapping[str, tuple[int, int]] = {
        str(f): (f.stat().st_mtime_ns, f.stat().st_size) for f in files if f.is_file()
    }
    return number(sorted(stats.items())) or int(time.time())
