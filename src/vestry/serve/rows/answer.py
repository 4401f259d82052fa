"""The answer to a question: asked of the gate, made in an engine of its own, written down before a row leaves."""

from __future__ import annotations

import hashlib
import shutil
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from vestry.governance.access.gate import Gate, Reading, Where
from vestry.governance.access.release import Release
from vestry.governance.identity.user import User
from vestry.governance.people import NAMED
from vestry.lake.engine import failure
from vestry.project import DataError, Project, TableName, VestryError
from vestry.run.execute import SPILL
from vestry.serve.rows.conditions import Compiler
from vestry.serve.rows.cursor import seal, unseal
from vestry.serve.rows.engine import locked, timed
from vestry.serve.rows.query import Condition, Query, columns_of
from vestry.serve.rows.select import Select, Source, select
from vestry.serve.rows.shapes import Shape

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

#: Rows that are read before the first leaves: an answer that is no longer is wholly in memory.
AHEAD = 10_000
#: Rows of one answer at most; the rest comes by its cursor.
MOST = 10_000_000
_BATCH = 20_000
#: Answers that are longer keep their engine until they are sent: so many at once.
_LONG = threading.BoundedSemaphore(8)


class Busy(VestryError):
    """There is no room for one more answer just now."""


@dataclass(frozen=True)
class Leave:
    """Leave to read one table, as the gate gave it."""

    project: Project
    user: User
    reading: Reading
    release: Release

    @property
    def columns(self) -> dict[str, str]:
        """The columns that are seen, with the DuckDB types of what is shown."""
        return dict(self.release.columns)

    @property
    def version(self) -> str:
        """Names what is seen: another version of the table has another, and so has another rule."""
        said = f"{self.release.table} {self.release.view.digest}"
        return f"{self.release.version}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"

    def tag(self, query: object, form: str) -> str:
        """The ETag of the answer to a question in a form."""
        said = hashlib.sha256(f"{self.version} {query!r} {form}".encode()).hexdigest()[:24]
        return f'W/"{said}"'


def leave(gate: Gate, user: User, table: TableName, where: Where, purpose: str = "") -> Leave:
    """Leave to read a table. Raises Refused."""
    reading = gate.read(user, [table], where, purpose)
    return Leave(gate.live.workspace.project, user, reading, reading.releases[table])


@dataclass(frozen=True)
class Answer:
    """Rows in a shape; `count` is how many. `batches` can be gone through once; `close` ends it early."""

    schema: pa.Schema
    count: int
    batches: Iterator[pa.RecordBatch]
    #: Where the next page begins; None where there is none.
    cursor: str | None
    close: Callable[[], None]


def answer(leave: Leave, query: Query, shape: Shape, source: Source | None = None) -> Answer:
    """The rows that a question asks for, at most `MOST`; the audit's line is written when this returns.

    `source` is what is asked where that is not the release itself. Raises Wrong, Gone, TooLong, Busy, and DataError
    where the engine fails, in words of ours.
    """
    import pyarrow as pa

    limit = MOST if query.limit is None else min(query.limit, MOST)
    after = unseal(leave.project, leave.version, query, leave.user.id)
    source = source or Source.of(leave.release)
    with ExitStack() as stack:
        con = stack.enter_context(opened(leave, source.files))
        asked = select(source, query, shape, limit, after, leave.release.view.person_at is not None, con)
        reader = _begun(con, asked)
        ahead = list(_until(con, reader, AHEAD + 1))
        rows = pa.Table.from_batches(ahead, reader.schema)
        is_all = rows.num_rows <= AHEAD
        if not is_all:
            stack.enter_context(_long())
        count, last = _counted(rows, limit) if is_all else _counted_apart(con, asked, limit)
        cursor = seal(leave.project, asked.place(last), leave.version, query, leave.user.id) if last else None
        people = asked.people(rows.slice(0, count)) if is_all and count <= NAMED else []
        leave.reading.give(count, people, _note(query, shape.name))
        closing = ExitStack() if is_all else stack.pop_all()
    schema = pa.schema([pa.field(n, reader.schema.field(i).type) for i, n in enumerate(asked.labels)])
    batches = _sent(chain(rows.to_batches(), () if is_all else _until(con, reader)), schema, count, closing)
    return Answer(schema, count, batches, cursor, closing.close)


def counted(leave: Leave, where: Condition) -> int:
    """How many rows there are of which a condition holds."""
    with opened(leave, leave.release.files) as con, timed(con):
        compiler = Compiler(leave.columns, con)
        sql = f"SELECT count(*) FROM {leave.release.relation()} WHERE {compiler.sql(where)}"
        row = con.execute(sql, compiler.parameters).fetchone()
    assert row is not None
    leave.reading.give(1, note=_note(Query(where=where), "a count"))
    return int(row[0])


@contextmanager
def opened(leave: Leave, files: Sequence[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine that opens these files; what it says of a failure is told in our words."""
    import duckdb

    spill = leave.project.state / SPILL / uuid.uuid4().hex
    try:
        with locked(files, spill) as con:
            yield con
    except duckdb.Error as error:
        raise DataError(failure(error), mend="ask again; if it stays so, tell whoever runs Vestry") from None
    finally:
        shutil.rmtree(spill, ignore_errors=True)


@contextmanager
def _long() -> Iterator[None]:
    """One of the answers that keep an engine while they are sent. Raises Busy where there are too many."""
    if not _LONG.acquire(blocking=False):
        raise Busy("too many long answers are being sent just now", mend="ask again in a minute")
    try:
        yield
    finally:
        _LONG.release()


def _begun(con: duckdb.DuckDBPyConnection, asked: Select) -> pa.RecordBatchReader:
    with timed(con):
        return con.execute(asked.sql, asked.parameters).to_arrow_reader(_BATCH)


def _until(con: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader, rows: int | None = None) -> Iterator[Any]:
    """Batches until there are so many rows, or to the end; none may be long in coming."""
    while rows is None or rows > 0:
        with timed(con):
            batch = next(reader, None)
        if batch is None:
            return
        rows = None if rows is None else rows - batch.num_rows
        yield batch


def _counted(rows: pa.Table, limit: int) -> tuple[int, pa.Table | None]:
    """How many rows are given, and the last of them where there are more."""
    if rows.num_rows <= limit:
        return rows.num_rows, None
    return limit, rows.slice(max(limit - 1, 0), 1)


def _counted_apart(con: duckdb.DuckDBPyConnection, asked: Select, limit: int) -> tuple[int, pa.Table | None]:
    """The same of rows that are not all read yet, by questions of their own: the answer is not kept in memory."""
    with con.cursor() as other, timed(other):
        row = other.execute(f"SELECT count(*) FROM ({asked.sql})", asked.parameters).fetchone()
        assert row is not None
        if row[0] <= limit:
            return int(row[0]), None
        last = f"SELECT * FROM ({asked.sql}) LIMIT 1 OFFSET {limit - 1}"
        return limit, other.execute(last, asked.parameters).to_arrow_table()


def _sent(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, count: int, closing: ExitStack
) -> Iterator[pa.RecordBatch]:
    """The first `count` rows, less the columns that only we need."""
    import pyarrow as pa

    with closing:
        for batch in batches:
            part = batch.slice(0, count)
            count -= part.num_rows
            if part.num_rows:
                yield pa.RecordBatch.from_arrays(part.columns[: len(schema)], schema=schema)
            if not count:
                return


def _note(query: Query, form: str) -> str:
    """What the audit says of a question besides what was read: names of columns, never a value."""
    by = ", ".join(dict.fromkeys(columns_of(query.where)))
    return f"{form}, rows chosen by {by}" if by else form
