"""The processes that answer questions: begun before they are needed, each for one question, and ended with it."""

from __future__ import annotations

import json
import mmap
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vestry.governance.access.release import Release
from vestry.governance.access.view import Refused
from vestry.project import DataError, TableName
from vestry.project.models import SqlSettings

if TYPE_CHECKING:
    import pyarrow as pa

#: Bytes of an answer, and of what a worker says besides.
ANSWER, _SAID = 512 * 2**20, 2**20
#: Seconds for a process to begin and to read a question; and those after the time limit in which it may end by itself.
_BEGIN, _GRACE = 60.0, 3.0
#: All of the environment: ours holds secrets. Libraries begin no threads by themselves, which walls would not enclose.
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
#: Bytes of an answer that is copied; a longer one is read where it lies, which waits for its process to be gone.
_COPIED = 16 * 2**20
#: Processes that wait for the next question.
_WARM = 2


class NotAnswered(Refused):
    """A question that was refused, or could not be answered; `kind` says why in a word, for the audit."""

    def __init__(self, kind: str, what: str, where: str = "", mend: str = "") -> None:
        super().__init__(what, where, mend)
        self.kind = kind


@dataclass(frozen=True)
class Answered:
    """Rows; whether there are more than a question may bring; and the ids of people who are in them."""

    rows: pa.Table
    is_cut: bool
    people: tuple[str, ...]


class Worker:
    """One process, for one question."""

    def __init__(self, settings: SqlSettings, folder: Path) -> None:
        self._seconds = settings.seconds
        limits = {
            "memory": settings.memory_mb * 2**20,
            "threads": settings.threads or os.cpu_count() or 1,
            "seconds": settings.seconds,
            "rows": settings.rows,
            "answer": ANSWER,
        }
        # A file without a name: nobody else opens it, and it is gone with us.
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`
        command = [sys.executable, "-I", "-m", "vestry.governance.sql.worker", json.dumps(limits)]
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, str(self._file.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_ENVIRONMENT,
            pass_fds=[self._file.fileno()],
        )
        self._heard = b""

    def tables(self, sql: str) -> list[TableName]:
        """The tables that a question is about. Raises NotAnswered."""
        found = self._ask({"sql": sql}, _BEGIN)
        return [TableName(*parts) for parts in found["tables"]]

    def answer(self, sql: str, releases: Sequence[Release], named: int = 0) -> Answered:
        """The rows; of up to `named` rows also who is in them, of the people whom the releases show by their ids.

        Raises NotAnswered.
        """
        import pyarrow as pa

        views = [View.of(release)._asdict() for release in releases]
        files = [file for release in releases for file in release.files]
        found = self._ask({"sql": sql, "views": views, "files": files, "named": named}, self._seconds + _GRACE)
        self.kill()
        try:
            with pa.ipc.open_stream(pa.py_buffer(self._held())) as reader:
                rows = reader.read_all()
            rows.validate(full=True)  # what comes from that process is not trusted either
        except (ValueError, pa.ArrowException):
            raise NotAnswered("ended", "the answer cannot be read", mend="ask again") from None
        return Answered(rows, bool(found["cut"]), tuple(map(str, found["people"])))

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Let the process do no more; it may take a moment to be gone."""
        self._process.kill()

    def close(self) -> None:
        """End the process, whatever it does, and let go of all that is its."""
        self._end()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._file.close()

    def _held(self) -> bytes | mmap.mmap:
        """The answer as nobody can write to it any more, though its process may take a while to go."""
        file = self._file.fileno()
        size = os.fstat(file).st_size
        if size <= _COPIED:
            return os.pread(file, size, 0)
        self._process.wait()
        return mmap.mmap(file, 0, access=mmap.ACCESS_READ)

    def _end(self) -> None:
        self.kill()
        self._process.wait()

    def _ask(self, question: dict[str, Any], seconds: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            found: dict[str, Any] = json.loads(self._line(time.monotonic() + seconds))
        except (OSError, ValueError):
            mend = "ask for less: fewer rows, a join by equal columns"
            raise NotAnswered("ended", "the question took more memory or time than it may", mend=mend) from None
        if "kind" in found:
            where = f"line {found['line']}" if found["line"] else ""
            raise NotAnswered(found["kind"], found["what"], where, found["mend"])
        return found

    def _line(self, until: float) -> bytes:
        """The next line that the process says; empty where it ends, and where it is too late it is ended."""
        assert self._process.stdout is not None
        out = self._process.stdout.fileno()
        waiting = select.poll()
        waiting.register(out, select.POLLIN)
        while b"\n" not in self._heard and len(self._heard) < _SAID:
            ready = waiting.poll(max(0.0, until - time.monotonic()) * 1000)
            piece = os.read(out, 2**16) if ready else b""
            if not piece:
                self._end()
                return b""
            self._heard += piece
        line, _, self._heard = self._heard.partition(b"\n")
        return line


class View(NamedTuple):
    """A release as the process is told of it: the table that it stands for, and SQL of its rows."""

    domain: str
    product: str
    table: str
    columns: list[str]
    select: str
    has_person: bool

    @classmethod
    def of(cls, release: Release) -> View:
        name = release.view.table
        columns = [column for column, _ in release.columns]
        has_person = release.view.person_at is not None
        return cls(name.domain, name.product, name.table, columns, f"SELECT * FROM {release.relation()}", has_person)


class Workers:
    """Processes that wait for a question: when one is taken, the next is begun. They are begun and ended aside."""

    def __init__(self, folder: Path, warm: bool) -> None:
        self._folder = folder
        self._most = _WARM if warm else 0
        self._settings: SqlSettings | None = None
        self._waiting: list[Worker] = []
        self._changing = threading.Lock()
        self._aside = ThreadPoolExecutor(1, "workers")

    def take(self, settings: SqlSettings) -> Worker:
        """A process for one question, which the caller gives back by `done`."""
        with self._changing:
            if self._settings != settings:
                self._settings, gone, self._waiting = settings, self._waiting, []
                for worker in gone:
                    worker.close()
            while self._waiting:
                if (worker := self._waiting.pop(0)).is_alive:
                    return worker
                worker.close()
        return self._begun(settings)

    def done(self, worker: Worker) -> None:
        """End a process, and have as many wait as may be needed next, while the caller goes on."""
        worker.kill()
        try:
            self._aside.submit(self._replace, worker)
        except RuntimeError:  # closed meanwhile
            worker.close()

    def close(self) -> None:
        """End those that wait."""
        self._aside.shutdown()
        with self._changing:
            while self._waiting:
                self._waiting.pop().close()

    def _replace(self, worker: Worker) -> None:
        worker.close()
        while (settings := self._settings) and len(self._waiting) < self._most:
            begun = self._begun(settings)
            with self._changing:
                is_wanted = settings == self._settings
                if is_wanted:
                    self._waiting.append(begun)
            if not is_wanted:
                begun.close()

    def _begun(self, settings: SqlSettings) -> Worker:
        try:
            return Worker(settings, self._folder)
        except OSError as error:
            raise DataError("no process can be begun to answer questions", mend=f"{error.strerror}") from None
