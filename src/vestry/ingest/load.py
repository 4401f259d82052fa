"""A load: one ingestion of one source table. It commits once or not at all.

Rows in = rows loaded + rows rejected, always; the commit's record says so.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from vestry.ingest.connector import Context, Part, connector
from vestry.ingest.fingerprints import Fingerprints, number
from vestry.lake import Engine, Lake, Staged
from vestry.lake.rewrite import touched
from vestry.project import DataError, Project, Source, TableName, VestryError, literal, quote

#: Microseconds since 1970 of the last load: what was loaded after it is new to whoever reads the table.
LOADED_AT = "vestry.loaded_at"
#: The version of the data at which rows were last taken away, not only added.
REPLACED = "vestry.replaced"
#: What stands for the content of a table that is read whole.
CONTENT = "vestry.content"
#: Columns of bronze that say nothing of a person, so that their statistics let readers skip files.
LOAD_COLUMNS = ("_load_id", "_loaded_at", "_source")


@dataclass(frozen=True)
class Loaded:
    """What a load did. `rows_in` = `loaded` + `rejected`."""

    table: TableName
    version: int | None
    rows_in: int = 0
    loaded: int = 0
    rejected: int = 0
    parts: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def context_of(
    project: Project, source: Source, table: str, lake: Lake, prints: Fingerprints, engine: Engine | None = None
) -> Context:
    """What the source's connector needs to know of one table, with the marks as they are now."""
    bronze = source.bronze(table)
    delta = lake.open(bronze)
    mark = delta.transaction_version if delta else lambda _: None
    return Context(project, source, table, bronze, lake, prints, mark, engine)


def news(context: Context) -> str | None:
    """Why there is something to load, or None."""
    return connector(context.source.spec.connector).news(context)


def load(project: Project, source: Source, table: str, engine: Engine, prints: Fingerprints, run: str = "") -> Loaded:
    """Bring what is new of one source table to bronze.

    Raises DataError where the source cannot be read; nothing is committed then.
    """
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
        except duckdb.Error as error:
            raise _explained(error, context) from error
        return work.commit()


class _Load:
    """The parts taken so far, staged and waiting for the one commit."""

    def __init__(self, context: Context, lake: Lake, con: duckdb.DuckDBPyConnection, run: str) -> None:
        self.context, self.lake, self.con, self.run = context, lake, con, run
        last = lake.mark(context.bronze, LOADED_AT) or 0
        self.at = max(time.time_ns() // 1000, last + 1)
        stamp = datetime.fromtimestamp(self.at / 1e6, UTC)
        self.id = f"{stamp:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        self.started = time.monotonic()
        self.have = lake.columns(context.bronze)
        self.staged: list[Staged] = []
        self.bad: list[Staged] = []
        self.parts: list[dict[str, Any]] = []
        self.marks: dict[str, int] = {}
        self.origins: list[str] = []
        self.whole = False

    def take(self, part: Part) -> None:
        """Stage one part; read it again, patiently, where the quick way lost rows."""
        try:
            staged, misfits = self._stage(part)
        except duckdb.Error:
            if part.again is None:
                raise
            self.take(part.again())
            return
        if part.rows is not None and staged.rows + misfits.rows != part.rows:
            if part.again is not None:
                self.take(part.again())
                return
            raise DataError(
                f"{part.origin} has {part.rows} rows and {staged.rows + misfits.rows} were read; nothing was loaded",
                self.context.where,
                "this is a fault of Vestry: please report it with the file's layout",
            )
        self.have |= {name: kind for name, kind in staged.columns if name not in self.have}
        self.staged.append(staged)
        rejected = misfits.rows
        if misfits.rows:
            self.bad.append(misfits)
        if part.rejected is not None and part.rejected.num_rows:
            rejected += part.rejected.num_rows
            self.bad.append(self._stage_rejected(part))
        self.marks |= part.marks
        self.origins.append(part.origin)
        self.whole = self.whole or part.whole
        counts = {"rows_in": staged.rows + rejected, "loaded": staged.rows, "rejected": rejected}
        self.parts.append({"origin": part.origin, **counts, **part.record})

    def _stage(self, part: Part) -> tuple[Staged, Staged]:
        """The part's rows, and those whose value does not fit the type that its column has had."""
        columns = [(r[0], r[1]) for r in self.con.execute(f"DESCRIBE {part.select}").fetchall()]
        fits, cast = [], []
        for name, kind in columns:
            had = self.have.get(name)
            if had is None or had == kind:
                cast.append(quote(name))
                continue
            q = quote(name)
            cast.append(f"TRY_CAST({q} AS {had}) AS {q}")
            same = f"TRY_CAST({q} AS {had})" if kind == "VARCHAR" else f"TRY_CAST(TRY_CAST({q} AS {had}) AS {kind})"
            fits.append(
                f"({q} IS NULL OR {same} " + ("IS NOT NULL)" if kind == "VARCHAR" else f"IS NOT DISTINCT FROM {q})")
            )
        fit = " AND ".join(fits)
        select = f"SELECT {', '.join(cast)}, {self._load_columns(part)} FROM ({part.select})"
        staged = self.lake.stage(self.con, self.context.bronze, f"{select} WHERE {fit}" if fits else select)
        if not fits:
            return staged, Staged(self._rejected, self.lake.uri(self._rejected), (), ())
        changed = ", ".join(
            f"{name} was {self.have[name]} and is now {kind}"
            for name, kind in columns
            if self.have.get(name, kind) != kind
        )
        misfits = (
            f"SELECT _row AS line, CAST(to_json(row) AS VARCHAR) AS raw, {literal(f'the type changed: {changed}')} "
            f"AS reason, {self._load_columns(part)} FROM ({part.select}) AS row WHERE NOT ({fit})"
        )
        return staged, self.lake.stage(self.con, self._rejected, misfits)

    def _stage_rejected(self, part: Part) -> Staged:
        self.con.register("_rejected", part.rejected)
        try:
            select = f"SELECT line, raw, reason, {self._load_columns(part)} FROM _rejected"
            return self.lake.stage(self.con, self._rejected, select)
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
            content = self._content(self.staged[0])
            if content == self.context.mark(CONTENT):
                self.lake.note(bronze, marks)
                return Loaded(bronze, None, parts=self.parts, **totals)
            marks[CONTENT] = content
        self._publish_rejected(record)
        staged = sum(self.staged[1:], self.staged[0])
        kept, gone = self._earlier(bronze)
        if kept is not None:
            staged = staged + kept
        if self.whole or gone:
            marks[REPLACED] = self.at
        version = self.lake.publish(
            self._united(staged), replace=self.whole or gone, marks=marks, record=record, skip_by=LOAD_COLUMNS
        )
        return Loaded(bronze, version, parts=self.parts, **totals)

    def _content(self, staged: Staged) -> int:
        """A number that stands for the rows, whatever their order: a table read whole may be the same as before."""
        names = ", ".join(quote(n) for n, _ in staged.columns if n not in (*LOAD_COLUMNS, "_row"))
        relation = staged.relation()
        found = self.con.execute(f"SELECT count(*), sum(hash({names})::HUGEINT)::VARCHAR FROM {relation}").fetchone()
        return number(names, found)

    def _united(self, staged: Staged) -> Staged:
        """One schema for all parts: a column that one file lacks is NULL in its rows."""
        columns = dict(column for part in self.staged for column in part.columns)
        return Staged(staged.table, staged.uri, tuple(columns.items()), staged.files)

    def _publish_rejected(self, record: Mapping[str, Any]) -> None:
        """Before the rows themselves: a crash between the two leaves rejected rows that the next load replaces."""
        if not self.bad and self.lake.open(self._rejected) is None:
            return
        with self.lake.lock(self._rejected):
            kept, gone = self._earlier(self._rejected)
            parts = [*self.bad, *([kept] if kept is not None else [])]
            if not parts and not gone and not self.whole:
                return
            if not parts:
                now_none = f"SELECT * FROM {self.context.engine.relation(self._rejected)} WHERE false"
                parts = [self.lake.stage(self.con, self._rejected, now_none)]
            brief = {k: v for k, v in record.items() if k != "parts"}
            staged = sum(parts[1:], parts[0])
            self.lake.publish(staged, replace=self.whole or gone, record=brief, skip_by=LOAD_COLUMNS)

    def _earlier(self, table: TableName) -> tuple[Staged | None, list[str]]:
        """What an origin loaded before goes: the rows beside it that stay, and the files that go."""
        if self.whole:
            return None, []
        origins = ", ".join(literal(o) for o in self.origins)
        found = touched(self.lake, self.con, table, f"_source IN ({origins})")
        return (self.lake.stage(self.con, table, found.kept), list(found.files)) if found else (None, [])


def _explained(error: duckdb.Error, context: Context) -> VestryError:
    text = str(error)
    if "No space left" in text or "File too large" in text or "Could not write" in text:
        return DataError("the disk is full; nothing was loaded", context.where, "free some space, then run again")
    return DataError(f"{context.bronze} could not be loaded ({type(error).__name__})", context.where, _safe(text))


def _safe(text: str) -> str:
    """The first line of an engine's message, without quoted values: those may be data."""
    import re

    first = text.splitlines()[0] if text else ""
    return re.sub(r'"[^"]*"|\'[^\']*\'', "…", first)[:300]
