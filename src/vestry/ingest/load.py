"""A load: one ingestion of one source table. It commits once or not at all.

Rows in = rows loaded + rows rejected, always; the commit's record says so.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vestry.ingest.connector import LOAD_COLUMNS, LOADED_AT, Context, Part, connector
from vestry.ingest.fingerprints import Fingerprints, number
from vestry.lake import REPLACED, Engine, Lake, Staged, failure, is_disk_full
from vestry.lake.rewrite import touched
from vestry.lake.types import stored_select, stored_type
from vestry.project import DataError, Project, Source, TableName, VestryError, literal, quote

if TYPE_CHECKING:
    import duckdb

#: What stands for the content of a table that is read whole.
CONTENT = "vestry.content"


@dataclass(frozen=True)
class Loaded:
    """What a load did. `rows_in` = `loaded` + `rejected`."""

    table: TableName
    version: int | None
    rows_in: int = 0
    loaded: int = 0
    rejected: int = 0
    parts: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    #: What the source did not give, though the rest was loaded.
    owed: VestryError | None = None


def context_of(
    project: Project,
    source: Source,
    table: str,
    lake: Lake,
    prints: Fingerprints,
    engine: Engine | None = None,
    mark: Callable[[str], int | None] | None = None,
) -> Context:
    """What the source's connector needs to know of one table, with the marks as they are now, or as given."""
    bronze = source.bronze(table)
    if mark is None:
        delta = lake.open(bronze)
        mark = delta.transaction_version if delta else lambda _: None
    return Context(project, source, table, bronze, lake, prints, mark, engine)


def news(context: Context) -> str | None:
    """Why there is something to load, or None."""
    return connector(context.source.spec.connector).news(context)


def load(project: Project, source: Source, table: str, engine: Engine, prints: Fingerprints, run: str = "") -> Loaded:
    """Bring what is new of one source table to bronze.

    Raises DataError where the source cannot be read; nothing is committed then. Where only some of it could,
    that is committed, and `owed` says what is not there.
    """
    import duckdb  # late: a run with nothing to do starts no engine

    lake = engine.lake
    state = project.state / "work"
    state.mkdir(parents=True, exist_ok=True)
    with (
        lake.lock(source.bronze(table)),
        tempfile.TemporaryDirectory(prefix="load-", dir=state) as workdir,
        engine.cursor() as con,
    ):
        context = context_of(project, source, table, lake, prints, engine)
        work = _Load(context, lake, con, run)
        try:
            for part in connector(context.source.spec.connector).parts(context, con, Path(workdir)):
                work.take(part)
            loaded = work.commit()
            for done in work.done:
                done()
            return replace(loaded, owed=work.owed)
        except duckdb.Error as error:
            raise _explained(error, context) from error
        finally:
            work.discard()


class _Load:
    """The parts taken so far, staged and waiting for the one commit."""

    def __init__(self, context: Context, lake: Lake, con: duckdb.DuckDBPyConnection, run: str) -> None:
        self.context, self.lake, self.con, self.run = context, lake, con, run
        self.last = lake.mark(context.bronze, LOADED_AT) or 0
        self.at = max(time.time_ns() // 1000, self.last + 1)
        stamp = datetime.fromtimestamp(self.at / 1e6, UTC)
        self.id = f"{stamp:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        self.started = time.monotonic()
        self.have = {name.casefold(): (name, kind) for name, kind in lake.columns(context.bronze).items()}
        self.staged: list[Staged] = []
        self.bad: list[Staged] = []
        self.parts: list[dict[str, Any]] = []
        self.marks: dict[str, int] = {}
        self.replaced: list[str] = []
        self.whole = False
        self.owed: VestryError | None = None
        self.done: list[Callable[[], object]] = []
        self._aside: list[Staged] = []

    def take(self, part: Part) -> None:
        """Stage one part; read it again, patiently, where the quick way lost rows."""
        import duckdb

        before = len(self._aside)
        try:
            staged, misfits = self._stage(part)
        except duckdb.Error:
            if part.again is None:
                raise
            self.discard(before)
            self.take(part.again())
            return
        if part.rows is not None and staged.rows + misfits.rows != part.rows:
            self.discard(before)
            if part.again is not None:
                self.take(part.again())
                return
            raise DataError(
                f"{part.origin} has {part.rows} rows and {staged.rows + misfits.rows} were read; nothing was loaded",
                self.context.where,
                "this is a fault of Vestry: please report it with the file's layout",
            )
        self.have = {name.casefold(): (name, kind) for name, kind in staged.columns} | self.have
        self.staged.append(staged)
        rejected = misfits.rows
        if misfits.rows:
            self.bad.append(misfits)
        if part.rejected is not None and part.rejected.num_rows:
            rejected += part.rejected.num_rows
            self.bad.append(self._stage_rejected(part))
        self.marks |= part.marks
        if part.replaces != "nothing":
            self.replaced.append(part.origin)
        self.whole = self.whole or part.replaces == "table"
        self.owed = self.owed or part.owed
        self.done += [part.done] if part.done else []
        counts = {"rows_in": staged.rows + rejected, "loaded": staged.rows, "rejected": rejected}
        self.parts.append({"origin": part.origin, **counts, **part.record})

    def discard(self, keep: int = 0) -> None:
        """Remove what was written aside after the first `keep`, and is not published."""
        for staged in self._aside[keep:]:
            self.lake.discard(staged)
        del self._aside[keep:]

    def _write(self, table: TableName, select: str) -> Staged:
        staged = self.lake.stage(self.con, table, select)
        self._aside.append(staged)
        return staged

    def _stage(self, part: Part) -> tuple[Staged, Staged]:
        """The part's rows, and those whose value does not fit the type that its column has had."""
        described = [(r[0], r[1]) for r in self.con.execute(f"DESCRIBE {part.select}").fetchall()]
        source = stored_select(part.select, described)
        fits, cast, changed = [], [], []
        for name, made in described:
            q, kind = quote(name), stored_type(made)
            as_had, had = self.have.get(name.casefold(), (name, kind))
            if had == kind:
                cast.append(f"{q} AS {quote(as_had)}")
                continue
            changed.append(f"{name} was {had} and is now {kind}")
            cast.append(f"TRY_CAST({q} AS {had}) AS {quote(as_had)}")
            same = f"TRY_CAST({q} AS {had})" if kind == "VARCHAR" else f"TRY_CAST(TRY_CAST({q} AS {had}) AS {kind})"
            fits.append(
                f"({q} IS NULL OR {same} " + ("IS NOT NULL)" if kind == "VARCHAR" else f"IS NOT DISTINCT FROM {q})")
            )
        fit = " AND ".join(fits)
        select = f"SELECT {', '.join(cast)}, {self._load_columns(part)} FROM ({source})"
        staged = self._write(self.context.bronze, f"{select} WHERE {fit}" if fits else select)
        if not fits:
            return staged, Staged(self._rejected, self.lake.uri(self._rejected), (), ())
        reason = literal(f"the type changed: {', '.join(changed)}")
        misfits = (
            f"SELECT _row AS line, CAST(to_json(row) AS VARCHAR) AS raw, {reason} AS reason, "
            f"{self._load_columns(part)} FROM ({source}) AS row WHERE NOT ({fit})"
        )
        return staged, self._write(self._rejected, misfits)

    def _stage_rejected(self, part: Part) -> Staged:
        self.con.register("_rejected", part.rejected)
        try:
            select = f"SELECT line, raw, reason, {self._load_columns(part)} FROM _rejected"
            return self._write(self._rejected, select)
        finally:
            self.con.unregister("_rejected")

    def _load_columns(self, part: Part) -> str:
        return (
            f"{literal(self.id)} AS _load_id, make_timestamptz({self.at}) AS _loaded_at, "
            f"{literal(part.origin)} AS _source"
        )

    @property
    def _rejected(self) -> TableName:
        return self.context.bronze.beside("rejected")

    def commit(self) -> Loaded:
        """Publish everything that was taken, or nothing where there was nothing new."""
        bronze = self.context.bronze
        if not self.parts:
            return Loaded(bronze, None)
        totals = {key: sum(p[key] for p in self.parts) for key in ("rows_in", "loaded", "rejected")}
        record = {
            "kind": "load",
            "run": self.run,
            "load": self.id,
            "council": self.context.project.settings.council.code or self.context.project.settings.council.name,
            **totals,
            "parts": self.parts,
            "seconds": round(time.monotonic() - self.started, 3),
        }
        marks = {**self.marks, LOADED_AT: self.at}
        if self.whole and len(self.parts) == 1:
            content, known = self._content(totals["rejected"]), self.context.mark
            if content == known(CONTENT) and (known(REPLACED) or 0) <= self.last:
                self.lake.note(bronze, marks)
                return Loaded(bronze, None, parts=self.parts, **totals)
            marks[CONTENT] = content
        with self.lake.lock(self._rejected):
            rejected, rejected_gone = self._rejected_rows()
            staged, gone = self._with_earlier(sum(self.staged[1:], self.staged[0]), self._of_replaced)
            if self.whole or gone:
                marks[REPLACED] = self.at
            self._aside.clear()
            # The rejected go first: after a crash between the two commits the next load takes them away.
            if rejected is not None:
                brief = {k: v for k, v in record.items() if k != "parts"}
                self.lake.publish(rejected, replace=rejected_gone, record=brief, skip_by=LOAD_COLUMNS)
            version = self.lake.publish(
                self._united(staged), replace=gone, marks=marks, record=record, skip_by=LOAD_COLUMNS
            )
        return Loaded(bronze, version, parts=self.parts, **totals)

    def _content(self, rejected: int) -> int:
        """A number that stands for the rows, whatever their order: a table read whole may be the same as before."""
        staged = self.staged[0]
        names = ", ".join(quote(n) for n, _ in staged.columns if n not in (*LOAD_COLUMNS, "_row"))
        relation = staged.relation()
        found = self.con.execute(f"SELECT count(*), sum(hash({names})::HUGEINT)::VARCHAR FROM {relation}").fetchone()
        return number(names, found, rejected)

    def _united(self, staged: Staged) -> Staged:
        """One schema for all parts: a column that one file lacks is NULL in its rows."""
        columns = dict(column for part in self.staged for column in part.columns)
        return Staged(staged.table, staged.uri, tuple(columns.items()), staged.files)

    @property
    def _of_replaced(self) -> str:
        """SQL of the earlier rows that go because their origin was read again."""
        origins = ", ".join(literal(o) for o in self.replaced)
        return f"_source IN ({origins})" if origins else ""

    def _rejected_rows(self) -> tuple[Staged | None, bool | list[str]]:
        """What the rejected table gets, if anything, and what of it goes: also what a killed load left there."""
        there = self.lake.open(self._rejected) is not None
        if not self.bad and not there:
            return None, False
        empty = Staged(self._rejected, self.lake.uri(self._rejected), (), ())
        if there:
            empty = replace(empty, columns=tuple(self.lake.columns(self._rejected).items()))
        staged = sum(self.bad[1:], self.bad[0]) if self.bad else empty
        unfinished = f"_loaded_at > make_timestamptz({self.last})"
        condition = f"({self._of_replaced}) OR {unfinished}" if self.replaced else unfinished
        staged, gone = self._with_earlier(staged, condition)
        return (staged, gone) if staged.files or gone else (None, False)

    def _with_earlier(self, staged: Staged, condition: str) -> tuple[Staged, bool | list[str]]:
        """`staged` with the rows that stood beside those that go, and the files that go."""
        if self.whole:
            return staged, True
        found = touched(self.lake, self.con, staged.table, condition) if condition else None
        if found is None:
            return staged, []
        return staged + self._write(staged.table, found.kept), list(found.files)


def _explained(error: duckdb.Error, context: Context) -> VestryError:
    if is_disk_full(error):
        return DataError("the disk is full; nothing was loaded", context.where, "free some space, then run again")
    return DataError(f"{context.bronze} could not be loaded: {failure(error)}", context.where)
