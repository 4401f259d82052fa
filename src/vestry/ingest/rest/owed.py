"""What vendors owe, over all sources; and asking them again for a past that they may have corrected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from vestry.ingest.asked import Asked, last_asked, note_asked
from vestry.ingest.rest.ledger import Entry, Gap, read_book
from vestry.ingest.rest.windows import Scale, Window, scale_of
from vestry.lake import Engine
from vestry.project import Project, Source, TableName, VestryError

if TYPE_CHECKING:
    import duckdb

AGAIN = "asked for again"


@dataclass(frozen=True)
class Owed:
    """A stretch of a source table that has not come; `start` and `end` as the ledger keeps them, None without."""

    table: TableName
    start: str | None
    end: str | None
    gap: Gap


def owed(engine: Engine, con: duckdb.DuckDBPyConnection, sources: Iterable[Source]) -> Iterator[Owed]:
    """What the sources' tables are owed, oldest first in each."""
    for source in sources:
        for table, scale in _asked_tables(source):
            bronze = source.bronze(table)
            for gap in read_book(engine, con, bronze, scale.read).gaps:
                ends = (gap.window.start, gap.window.end)
                start, end = (None if value is None else scale.key(value) for value in ends)
                yield Owed(bronze, start, end, gap)


def ask_again(
    project: Project,
    engine: Engine,
    con: duckdb.DuckDBPyConnection,
    source: Source,
    since: datetime,
    to: datetime | None,
) -> list[TableName]:
    """Owe a stretch of every table that is asked for by time, and the whole of those that are read whole.

    The tables that will be asked for. Raises VestryError where the source has none that can be asked.
    """
    found = []
    for table, scale in _asked_tables(source):
        bronze, cursor = source.bronze(table), source.spec.tables[table].cursor
        if cursor and scale.kind != "time":
            continue
        with engine.lake.lock(bronze):
            if cursor:
                entry = Entry(Window(since, to), "owed", project.clock(), why=AGAIN)
                read_book(engine, con, bronze, scale.read).enter(engine, con, [entry], scale.key)
            note_asked(project, bronze, replace(last_asked(project, bronze) or Asked(0), owed=True))
        found.append(bronze)
    if not found:
        what = f"{source.name} has no table that can be asked for by a date"
        raise VestryError(what, source.file.path, "leave --ask-again out: what follows from bronze is made again")
    return found


def _asked_tables(source: Source) -> Iterator[tuple[str, Scale]]:
    """The tables that are asked for over HTTP, with the scale of their cursor (text where there is none)."""
    if source.spec.connector != "rest":
        return
    for table, spec in source.spec.tables.items():
        if not spec.from_:
            yield table, scale_of(spec.cursor, None) if spec.cursor else Scale("text", "")
