"""A load: one ingestion of one source table. It commits once or not at all.

Rows in = rows loaded + rows rejected, always; the commit's record says so.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vestry.ingest.connector import LOAD_COLUMNS, LOADED_AT, Context, Part, connector
from vestry.ingest.drift import (
    COLUMNS,
    Drift,
    DriftError,
    columns_of,
    drift_between,
    last_columns,
    marks_aside,
    marks_taken,
    marks_without_aside,
    were_aside,
)
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
    drift: Drift | None = None
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


def opens(context: Context) -> datetime | None:
    """When a source that has hours may be read next, where something waits for that; its connector says so."""
    ask = getattr(connector(context.source.spec.connector), "opens", None)
    found: datetime | None = ask(context) if ask else None
    return found


def load(
    project: Project,
    source: Source,
    table: str,
    engine: Engine,
    prints: Fingerprints,
    run: str = "",
    *,
    accept: bool = False,
) -> Loaded:
    """Bring what is new of one source table to bronze; `accept` takes its columns as they are, whatever its policy.

    Raises DataError where the source cannot be read, and DriftError where its columns are frozen and
    changed; nothing is committed then. Where only some of it could be read, that is committed, and `owed` says what
    is not there.
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
        if accept:
            context = replace(context, mark=marks_without_aside(context.mark))
        work = _Load(context, lake, con, run, "evolve" if accept else source.spec.drift)
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

    def __init__(self, context: Context, lake: Lake, con: duckdb.DuckDBPyConnection, run: str, policy: str) -> None:
        self.context, self.lake, self.con, self.run, self.policy = context, lake, con, run, policy
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
        self.aside_marks: dict[str, int] = {}
        self.replaced: set[str] = set()
        self.replaced_rejected: set[str] = set()
        self.taken_apart: set[str] = set()
        self.whole = False
        self.before = last_columns(lake, context.bronze)
        self.columns: dict[str, str] = {}
        self.drift: Drift | None = None
        self.owed: VestryError | None = None
        self.done: list[Callable[[], object]] = []
        self._aside: list[Staged] = []

    def take(self, part: Part, *, typed: bool = True) -> None:
        """Stage one part; read it again, patiently, where the quick way lost rows: it may come as text then."""
        import duckdb

        before = len(self._aside)
        try:
            described = [(r[0], r[1]) for r in self.con.execute(f"DESCRIBE {part.select}").fetchall()]
            columns = columns_of(described, self.before or {}, typed=typed, sparse=part.sparse)
            drift = drift_between(self.before, columns) if columns and self.policy != "evolve" else None
            if drift and self.policy == "freeze":
                raise DriftError(drift, self.context)
            staged, misfits = self._set_aside(part, described, drift) if drift else self._stage(part, described)
        except duckdb.Error:
            if part.again is None:
                raise
            self.discard(before)
            self.take(part.again(), typed=False)
            return
        if part.rows is not None and staged.rows + misfits.rows != part.rows:
            self.discard(before)
            if part.again is not None:
                self.take(part.again(), typed=False)
                return
            raise DataError(
                f"{part.origin} has {part.rows} rows and {staged.rows + misfits.rows} were read; nothing was loaded",
                self.context.where,
                "this is a fault of Vestry: please report it with the file's layout",
            )
        rejected = misfits.rows
        if misfits.rows:
            self.bad.append(misfits)
        if part.rejected is not None and part.rejected.num_rows:
            rejected += part.rejected.num_rows
            self.bad.append(self._stage_rejected(part))
        if part.of:
            self.taken_apart.add(part.of)
        if drift:
            self.replaced_rejected.add(part.of or part.origin)
            self.drift = drift
            # What comes by a cursor comes again, for bronze does not hold it; all else is known by its marks.
            self.aside_marks |= marks_aside(part.marks) if part.replaces != "nothing" else {}
        else:
            self.have = {name.casefold(): (name, kind) for name, kind in staged.columns} | self.have
            self.columns |= columns
            self.staged.append(staged)
            self.marks |= marks_taken(part.marks, self.context.mark)
            if part.replaces != "nothing":
                self.replaced.add(part.of or part.origin)
                self.replaced_rejected.add(part.of or part.origin)
            self.whole = self.whole or part.replaces == "table"
        self.owed = self.owed or part.owed
        # Of what was set aside bronze has nothing: it is not done.
        self.done += [part.done] if part.done and not drift else []
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

    def _set_aside(self, part: Part, described: list[tuple[str, str]], drift: Drift) -> tuple[Staged, Staged]:
        """No row, and all of the part's as rejected, for its columns are not those that are known."""
        source, reason = stored_select(part.select, described), literal(f"the columns changed: {drift.said}")
        return self._empty(self.context.bronze), self._write(self._rejected, self._misfits(part, source, reason))

    def _stage(self, part: Part, described: list[tuple[str, str]]) -> tuple[Staged, Staged]:
        """The part's rows, and those whose value does not fit the type that its column has had."""
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
            return staged, self._empty(self._rejected)
        reason = literal(f"the type changed: {', '.join(changed)}")
        return staged, self._write(self._rejected, f"{self._misfits(part, source, reason)} WHERE NOT ({fit})")

    def _misfits(self, part: Part, source: str, reason: str) -> str:
        return (
            f"SELECT _row AS line, CAST(to_json(row) AS VARCHAR) AS raw, {reason} AS reason, "
            f"{self._load_columns(part)} FROM ({source}) AS row"
        )

    def _empty(self, table: TableName) -> Staged:
        return Staged(table, self.lake.uri(table), (), ())

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
        self.drift = self.drift or (drift_between(self.before, self.columns) if self.columns else None)
        record = {
            "kind": "load",
            "run": self.run,
            "load": self.id,
            "council": self.context.project.settings.council.code or self.context.project.settings.council.name,
            **totals,
            COLUMNS: self.columns or self.before,
            "parts": self.parts,
            "seconds": round(time.monotonic() - self.started, 3),
        }
        marks = {**self.marks, **self.aside_marks, LOADED_AT: self.at}
        if self.whole and len(self.parts) == 1 and not were_aside(self.marks):
            content, known = self._content(totals["rejected"]), self.context.mark
            if content == known(CONTENT) and (known(REPLACED) or 0) <= self.last:
                self.lake.note(bronze, marks)
                return Loaded(bronze, None, parts=self.parts, drift=self.drift, **totals)
            marks[CONTENT] = content
        with self.lake.lock(self._rejected):
            rejected, rejected_gone = self._rejected_rows()
            taken = sum(self.staged[1:], self.staged[0]) if self.staged else self._empty(bronze)
            staged, gone = self._with_earlier(taken, self._of(self.replaced))
            if self.whole or gone:
                marks[REPLACED] = self.at
            self._aside.clear()
            # The rejected go first: after a crash between the two commits the next load takes them away.
            if rejected is not None:
                brief = {k: v for k, v in record.items() if k != "parts"}
                self.lake.publish(rejected, replace=rejected_gone, record=brief, skip_by=LOAD_COLUMNS)
            if not self.staged:  # all was set aside: the table is as it was, and nothing is to be built for it
                version = self.lake.note(bronze, marks, record)
            else:
                version = self.lake.publish(
                    self._united(staged), replace=gone, marks=marks, record=record, skip_by=LOAD_COLUMNS
                )
        return Loaded(bronze, version, parts=self.parts, drift=self.drift, **totals)

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

    def _of(self, origins: Collection[str]) -> str:
        """SQL of the earlier rows that go because their origin was read again."""
        if not origins:
            return ""
        # The character after `/` is `0`: a range, unlike a pattern, lets statistics skip files.
        pieces = [
            f"_source >= {literal(of + '/')} AND _source < {literal(of + '0')}"
            for of in sorted(self.taken_apart & set(origins))
        ]
        return " OR ".join([f"_source IN ({', '.join(map(literal, sorted(origins)))})", *pieces])

    def _rejected_rows(self) -> tuple[Staged | None, bool | list[str]]:
        """What the rejected table gets, if anything, and what of it goes: also what a killed load left there."""
        there = self.lake.open(self._rejected) is not None
        if not self.bad and not there:
            return None, False
        empty = self._empty(self._rejected)
        if there:
            empty = replace(empty, columns=tuple(self.lake.columns(self._rejected).items()))
        staged = sum(self.bad[1:], self.bad[0]) if self.bad else empty
        unfinished = f"_loaded_at > make_timestamptz({self.last})"
        replaced = self._of(self.replaced_rejected)
        condition = f"({replaced}) OR {unfinished}" if replaced else unfinished
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
