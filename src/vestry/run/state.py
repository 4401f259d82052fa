"""The state of the work: what is queued, runs, and has run last, as DBOS keeps it in its database.

It is read here through the database's own driver: DBOS takes about a second to import, and `vestry status` is to
answer within one. `docs/decisions/026-dbos.md` says which columns that rests on.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vestry.project import DataError, Project
from vestry.project.project import expand
from vestry.run.schedule import Job, Run, from_milliseconds

#: What DBOS calls our runs. Not all are in the queue: those that were given up are taken out of it.
WORKFLOW = "vestry.run"
_STATUS = {"ENQUEUED": "queued", "DELAYED": "queued", "PENDING": "running", "SUCCESS": "done"}
_STATUS["MAX_RECOVERY_ATTEMPTS_EXCEEDED"] = "given up"
#: All runs, with their place among those of their subject, the newest first: a run's id is subject and number.
_ALL = """
    SELECT w.*, row_number() OVER (PARTITION BY rtrim(workflow_uuid, '0123456789') ORDER BY created_at DESC) AS place,
        status IN ('ENQUEUED', 'DELAYED', 'PENDING') AS is_open,
        (SELECT count(*) FROM {schema}operation_outputs AS o WHERE o.workflow_uuid = w.workflow_uuid) AS steps
    FROM {schema}workflow_status AS w
    WHERE name = '{workflow}'
"""
_RUNS = f"""
    SELECT attributes, status, created_at, started_at_epoch_ms, completed_at, executor_id, steps
    FROM ({_ALL}) AS w WHERE place = 1 OR is_open ORDER BY created_at
"""
_OLD = f"SELECT workflow_uuid FROM ({_ALL}) AS w WHERE place > 1 AND NOT is_open AND created_at < {{before}}"
#: A number of ours, so that a lock is not taken for another program's.
_ADVISORY = 7_657
_WORKERS = 64


def state_url(project: Project) -> str:
    """Where the state is kept; its secrets filled in, so never to be shown."""
    if url := project.settings.state.url:
        return expand(url, "vestry.toml", project.env)
    return f"sqlite:///{_file(project)}"


def runs(project: Project) -> list[Run]:
    """The last run of each source and product, and all that are not over."""
    return [_run(row) for row in _ask(project, _RUNS)]


def old_runs(project: Project, before: datetime) -> list[str]:
    """The ids of runs that are over and were begun before a time; the last of each subject is kept."""
    return [row[0] for row in _ask(project, _OLD, before=int(before.timestamp() * 1000))]


def _run(row: tuple[Any, ...]) -> Run:
    attributes, status, created, started, ended, worker, steps = row
    job = Job.of_json(json.loads(attributes) if isinstance(attributes, str) else attributes)
    begun = from_milliseconds(created) or datetime.now(UTC)
    known = _STATUS.get(status, "failed")
    return Run(job, known, begun, from_milliseconds(started), from_milliseconds(ended), worker or "", steps)


def _ask(project: Project, sql: str, **values: object) -> list[tuple[Any, ...]]:
    """The rows of a question; none where no worker has ever run."""
    if project.settings.state.url is None:
        if not _file(project).is_file():
            return []
        # Not `mode=ro`: what a killed worker left half written is rolled back by whoever opens the file next.
        with closing(sqlite3.connect(f"file:{_file(project)}?mode=rw", uri=True, timeout=10)) as con:
            try:
                con.execute("PRAGMA query_only = on")
                return con.execute(sql.format(schema="", workflow=WORKFLOW, **values)).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise DataError(f"the state of the worker cannot be read: {error}", str(_file(project))) from error
    import psycopg  # late: only where the state is in PostgreSQL

    with _postgres(project) as con:
        try:
            return list(con.execute(sql.format(schema="dbos.", workflow=WORKFLOW, **values)).fetchall())
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return []


@contextmanager
def _postgres(project: Project) -> Iterator[Any]:
    import psycopg

    options = "-c statement_timeout=30000 -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10"
    try:
        con = psycopg.connect(state_url(project), autocommit=True, connect_timeout=10, options=options)
    except psycopg.OperationalError as error:  # its text may hold the user and the host: not shown
        said = "the database of the worker's state cannot be reached"
        raise DataError(said, "vestry.toml", "check `url` of [state], and that the database is there") from error
    with closing(con):
        yield con


class Place:
    """A worker's place, by number: held as long as the process lives, and free again when it is killed.

    Runs belong to a place. Whoever takes one that is free goes on with the runs that were left there.
    """

    def __init__(self, number: int, release: Callable[[], object]) -> None:
        self.number, self.release = number, release

    @property
    def name(self) -> str:
        return f"worker-{self.number}"


def take_place(project: Project, number: int | None = None) -> Place | None:
    """A free place, or that of a number; None where it is taken."""
    numbers = range(1, _WORKERS) if number is None else [number]
    if project.settings.state.url is None:
        return next(filter(None, (_lock_file(project, n) for n in numbers)), None)
    holder = _postgres(project)
    con = holder.__enter__()
    for n in numbers:
        if con.execute("SELECT pg_try_advisory_lock(%s, %s)", [_ADVISORY, n]).fetchone()[0]:
            return Place(n, lambda: holder.__exit__(None, None, None))
    holder.__exit__(None, None, None)
    return None


def workers(project: Project) -> int:
    """How many workers run now."""
    if project.settings.state.url is None:
        numbers = [int(f.stem) for f in (project.state / "workers").glob("*.lock")]
        free = [place for n in numbers if (place := _lock_file(project, n))]
        for place in free:
            place.release()
        return len(numbers) - len(free)
    found = _ask(
        project,
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = {classid} "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        classid=_ADVISORY,
    )
    return int(found[0][0]) if found else 0


def _lock_file(project: Project, number: int) -> Place | None:
    folder = project.state / "workers"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{number}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return Place(number, lock.release)


def _file(project: Project) -> Path:
    return project.state / "state.sqlite"
