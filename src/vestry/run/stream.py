"""Listens to sources of events, all side by side, and brings what comes to bronze until told to stop."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from filelock import FileLock, Timeout

from vestry.ingest.connector import Context, connector
from vestry.ingest.load import Loaded, context_of
from vestry.ingest.stream.batch import Batches
from vestry.ingest.stream.feed import Feed
from vestry.lake.maintenance import compact
from vestry.project import DataError, Project, Source, TableName, VestryError
from vestry.run.events import Event, Listener
from vestry.run.workspace import Workspace

#: A batch makes a file: they are put together under the table's lock after so many seconds.
COMPACT_SECONDS = 600.0
_LONGEST_PAUSE = 60.0


@dataclass
class Heard:
    """What came of one table while it was listened to."""

    table: TableName
    loaded: int = 0
    rejected: int = 0
    repeated: int = 0
    batches: int = 0


def listened_to(project: Project) -> dict[TableName, Source]:
    """The bronze tables whose source is listened to, and not asked by `vestry run`."""
    kinds = {source.spec.connector for source in project.bronze.values()}
    listening = {kind for kind in kinds if hasattr(connector(kind), "feeds")}
    return {name: source for name, source in project.bronze.items() if source.spec.connector in listening}


def stream(
    workspace: Workspace,
    patterns: Sequence[str],
    listen: Listener,
    stop: threading.Event,
    compact_seconds: float = COMPACT_SECONDS,
) -> list[Heard]:
    """Listen to what the patterns select, until `stop` is set; what has come by then is written.

    Raises VestryError where there is nothing to listen to, the project is wrong, or another process listens.
    """
    project = workspace.project
    selected = workspace.graph.select(project, patterns) if patterns else set(project.bronze)
    tables = {name: source for name, source in listened_to(project).items() if name in selected}
    if not tables:
        mend = "a source with `connector: mqtt`, `kafka` or `webhook` is; see `vestry schema source`"
        raise VestryError("there is no source here that is listened to", mend=mend)
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
    telling = threading.Lock()

    def tell(kind: str, table: TableName, detail: str = "", **facts: Any) -> None:
        with telling:
            listen(Event(kind, run, str(table), detail, facts))

    with _alone(workspace, list(tables)):
        works = []
        for source in {source.name: source for source in tables.values()}.values():
            contexts = [
                context_of(project, source, name.table, workspace.lake, workspace.fingerprints, workspace.engine)
                for name, of in tables.items()
                if of is source
            ]
            listener: Any = connector(source.spec.connector)
            feeds = listener.feeds(contexts)
            works += [
                _Table(workspace, c, feeds[c.table], listener.shape(c), run, tell, compact_seconds) for c in contexts
            ]
        threads = [threading.Thread(target=work.run, args=(stop,), name=f"stream {work.name}") for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return [work.heard for work in works]


class _Table:
    """One table: its feed, its writer, and what to do when either is not well."""

    def __init__(
        self,
        workspace: Workspace,
        context: Context,
        feed: Feed,
        shape: Any,
        run: str,
        tell: Any,
        compact_seconds: float,
    ) -> None:
        self.workspace, self.context, self.feed, self.shape = workspace, context, feed, shape
        self._run_id, self._tell, self._compact_seconds = run, tell, compact_seconds
        self.name = context.bronze
        self.heard = Heard(self.name)
        self._trouble = ""
        #: A batch could not be written, and none has been since.
        self._failed = False
        self._compacted = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Until told to stop. After a failure it begins again from the marks of bronze, ever less often."""
        pause = 1.0
        while not stop.is_set():
            began = time.monotonic()
            try:
                self._listen(stop)
            except Exception as error:
                self._failed = True
                self._say(error if isinstance(error, VestryError) else _unforeseen(error, self.name))
            pause = 1.0 if time.monotonic() - began > 2 * _LONGEST_PAUSE else min(pause * 2, _LONGEST_PAUSE)
            stop.wait(pause)
        self._tell("stopped", self.name, self._summary(), **self._facts())

    def _listen(self, stop: threading.Event) -> None:
        spec = self.context.spec
        batches = Batches(self.context, self.shape, self.workspace.engine, self._run_id)
        try:
            self.feed.open(lambda mark: self.workspace.lake.mark(self.name, mark))
            self._tell("listening", self.name)
            while True:
                last = stop.is_set()
                batch = self.feed.take(spec.batch_rows, spec.batch_seconds, stop)
                if len(batch):
                    self._write(batches, batch)
                elif last:
                    return
                if self.feed.problem or not self._failed:
                    self._say(self.feed.problem)
                if time.monotonic() - self._compacted > self._compact_seconds:
                    self._compact()
        finally:
            self.feed.close()
            batches.close()

    def _write(self, batches: Batches, batch: Any) -> None:
        loaded: Loaded = batches.write(batch)
        self._failed = False
        self.feed.kept(batch.marks)
        self.heard.loaded += loaded.loaded
        self.heard.rejected += loaded.rejected
        self.heard.repeated += (repeated := int(loaded.parts[0]["repeated"]))
        self.heard.batches += 1
        facts = {"loaded": loaded.loaded, "rejected": loaded.rejected, "repeated": repeated, "version": loaded.version}
        self._tell("batch", self.name, self._summary(), **facts)

    def _compact(self) -> None:
        lake = self.workspace.lake
        for name in (self.name, self.name.beside("rejected")):
            if lake.open(name) is not None:
                before, after = compact(lake, name)
                self._tell("compacted", name, files_before=before, files_after=after)
        self._compacted = time.monotonic()

    def _say(self, problem: VestryError | None) -> None:
        """Once when something is not well, and once when it is over."""
        said = problem.what if problem else ""
        if said == self._trouble:
            return
        self._trouble = said
        if problem:
            self._tell("trouble", self.name, str(problem))
        else:
            self._tell("well", self.name, "all is well again")

    def _facts(self) -> dict[str, int]:
        heard = self.heard
        return {
            "loaded": heard.loaded,
            "rejected": heard.rejected,
            "repeated": heard.repeated,
            "batches": heard.batches,
        }

    def _summary(self) -> str:
        heard = self.heard
        rest = [f"{n:,} {word}" for n, word in ((heard.rejected, "rejected"), (heard.repeated, "repeated")) if n]
        return ", ".join([f"{heard.loaded:,} events", *rest])


def _unforeseen(error: Exception, name: TableName) -> VestryError:
    """What nobody foresaw, without its text: that may hold data."""
    return DataError(
        f"{name}: {type(error).__name__}: something went wrong that nobody foresaw", mend="it is tried again"
    )


@contextmanager
def _alone(workspace: Workspace, names: Sequence[TableName]) -> Iterator[None]:
    """Be the one process that listens to these tables; refused where another does."""
    folder = workspace.project.state / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    held: list[FileLock] = []
    try:
        for name in sorted(names):
            lock, holder = FileLock(folder / f"stream-{name}.lock"), folder / f"stream-{name}.json"
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise DataError(
                    f"{name} is listened to already by {_holder(holder)}",
                    workspace.project.bronze[name].file.path,
                    "one process listens to a source: stop the other first",
                ) from None
            held.append(lock)
            holder.write_text(json.dumps({"process": os.getpid(), "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"}))
        yield
    finally:
        for lock in held:
            lock.release()


def _holder(file: Any) -> str:
    try:
        known = json.loads(file.read_text())
        return f"process {known['process']}, since {known['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
