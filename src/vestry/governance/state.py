"""What people decided and who they are, kept in a database: SQLite in the project's state folder, or PostgreSQL.

A part that keeps something has a module of its own with its tables, made over `METADATA`:

    grants = Table("grant", METADATA, Column("id", String, primary_key=True), …)

    with connect(project) as con:  # one transaction; nobody else writes meanwhile
        con.execute(insert(grants).values(…))
    with reading(project) as con:
        rows = con.execute(select(grants)).all()

A table is made when its module is imported and the state is opened next. Moments are whole seconds since 1970 by
`project.clock` (`now`), so that both databases keep and compare them alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.exc import InterfaceError, OperationalError

from vestry.project import DataError, Project
from vestry.project.cron import ZONE
from vestry.project.project import expand

#: All tables; on PostgreSQL they stand in a schema of their own.
METADATA = MetaData()
_SCHEMA = "vestry"
#: A number of ours for PostgreSQL's locks: writers wait for each other there as they do in SQLite.
_LOCK = 7_658
#: Seconds that a writer waits for another.
_PATIENCE = 30


@contextmanager
def connect(project: Project) -> Iterator[Connection]:
    """A transaction that may write: kept where the block ends well, undone where it raises.

    It begins when no other process writes, so what is read in it does not change under it. Raises DataError where
    the state cannot be reached.
    """
    with _transaction(project, "BEGIN IMMEDIATE") as con:
        yield con


@contextmanager
def reading(project: Project) -> Iterator[Connection]:
    """A transaction that only reads, and waits for nobody. Raises DataError where the state cannot be reached."""
    with _transaction(project, "BEGIN") as con:
        yield con


def now(project: Project) -> int:
    """The moment, in seconds since 1970."""
    return int(project.clock())


def today(project: Project) -> date:
    """The day, in UK time: by it grants and agreements begin and end."""
    return datetime.fromtimestamp(project.clock(), ZONE).date()


def exists(project: Project) -> bool:
    """Whether there is any state: where there is none, what only asks need not make it."""
    return project.settings.state.url is not None or _file(project).is_file()


@contextmanager
def _transaction(project: Project, begin: str) -> Iterator[Connection]:
    try:
        opened = _opened(_url(project))
        opened.make_tables()
        with opened.engine.connect().execution_options(vestry_begin=begin) as con, con.begin():
            if begin == "BEGIN IMMEDIATE" and opened.is_postgres:
                con.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            yield con
    except (OperationalError, InterfaceError, _Unopened):  # their text may hold the user and the host: not shown
        place = "vestry.toml" if project.settings.state.url else project.shown(_file(project))
        mend = "check `url` of [state]" if project.settings.state.url else "look whether the disk is full or read-only"
        raise DataError("the state of people and grants cannot be reached", place, mend) from None


def _url(project: Project) -> str:
    if url := project.settings.state.url:
        return expand(url, "vestry.toml", project.env).replace("postgresql://", "postgresql+psycopg://", 1)
    return f"sqlite:///{_file(project)}"


def _file(project: Project) -> Path:
    # Apart from the worker's own file: neither waits for the other.
    return project.state / "access.sqlite"


class _Unopened(Exception):
    """The file of the state can be neither made nor touched."""


class _Opened:
    """A database, and how many of our tables it has for sure."""

    def __init__(self, url: str) -> None:
        self.is_postgres = url.startswith("postgresql")
        if self.is_postgres:
            waits = {"connect_timeout": 10, "options": "-c statement_timeout=30000"}
            engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=waits)
            self.engine: Engine = engine.execution_options(schema_translate_map={None: _SCHEMA})
        else:
            file = Path(url.removeprefix("sqlite:///"))
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch(mode=0o600)  # for its owner alone; SQLite gives its companions the same mode
            except OSError:
                raise _Unopened from None
            self.engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _PATIENCE})
            event.listen(self.engine, "connect", _prepare)
            event.listen(self.engine, "begin", _begin)
        self._made = 0

    def make_tables(self) -> None:
        if self._made == (count := len(METADATA.tables)):
            return
        with self.engine.connect().execution_options(vestry_begin="BEGIN IMMEDIATE") as con, con.begin():
            if self.is_postgres:
                con.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
                con.execute(text(f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}"))
            METADATA.create_all(con)
        self._made = count


#: A process mostly has one; tests have many, and old ones are let go.
_opened = lru_cache(maxsize=16)(_Opened)


def _prepare(driver: Any, _: object) -> None:
    driver.isolation_level = None  # the driver's own BEGIN comes too late: ours is sent by `_begin`
    driver.execute("PRAGMA journal_mode = WAL")
    driver.execute("PRAGMA synchronous = FULL")  # what was answered is on the disk
    driver.execute("PRAGMA foreign_keys = ON")


def _begin(con: Connection) -> None:
    con.exec_driver_sql(con.get_execution_options().get("vestry_begin", "BEGIN"))
