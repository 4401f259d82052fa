"""Carries a plan out: independent steps side by side; a failed step stops only what needs it."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from vestry.ingest.fingerprints import Fingerprints
from vestry.ingest.load import context_of, load, news, opens
from vestry.lake import DATA, Engine, Lake, is_disk_full
from vestry.lake.ledger import enter
from vestry.project import DataError, ProductTable, Project, TableName, VestryError, literal
from vestry.project.cron import ZONE
from vestry.project.names import DECISION
from vestry.project.uses import refusal
from vestry.run.events import Event, Listener
from vestry.run.graph import Graph, Step
from vestry.run.plan import AGAIN, CODE, CONTRACT, Decision, expected_marks, plan, reasons_to_build

STEPS = TableName("vestry", "runs", "step")
#: Where engines put what does not fit in memory.
SPILL = "spill"
_STALE_SECONDS = 86_400


@dataclass(frozen=True)
class Outcome:
    """How a step ended: done, skipped, failed or blocked."""

    step: Step
    status: str
    detail: str = ""
    seconds: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: VestryError | None = None
    #: Inputs that were built from though their source owes something.
    lacks: tuple[TableName, ...] = ()

    @property
    def came(self) -> bool:
        """Whether the table was written, though something failed: what needs it is built then."""
        return "version" in self.facts


class Facts:
    """What is known of tables at one moment: each is opened once, and again after it is written."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._lock = threading.Lock()
        self._tables: dict[TableName, Any] = {}

    def marks(self, name: TableName) -> Callable[[str], int | None]:
        table = self._table(name)
        return table.transaction_version if table else lambda _: None

    def version(self, name: TableName) -> int | None:
        table = self._table(name)
        return table.version() if table else None

    def forget(self, name: TableName) -> None:
        with self._lock:
            self._tables.pop(name, None)

    def _table(self, name: TableName) -> Any:
        with self._lock:
            if name not in self._tables:
                self._tables[name] = self._lake.open(name)
            return self._tables[name]


def decide(
    project: Project, graph: Graph, lake: Lake, prints: Fingerprints, selected: set[TableName], facts: Facts
) -> list[Decision]:
    """The plan, from what the lake and the sources say now; a source that cannot be asked is left to the run."""

    def news_of(name: TableName) -> str | None:
        try:
            return news(context_of(project, project.bronze[name], name.table, lake, prints, mark=marks[name]))
        except VestryError as error:
            return f"cannot tell: {error.what}"

    wanted = {n for name in selected for n in (name, *graph.steps[name].inputs)}
    marks = {name: facts.marks(name) for name in wanted}
    return plan(graph, selected, project.tables, marks, news_of)


def execute(
    project: Project,
    graph: Graph,
    lake: Lake,
    decisions: Sequence[Decision],
    prints: Fingerprints,
    facts: Facts,
    listen: Listener,
    parallel: int,
    engine: Callable[[], Engine],
    accept: Collection[TableName] = (),
) -> list[Outcome]:
    """Run what was decided. Returns every step's outcome, in order of their ends.

    The engine is made only when something runs. Loads of `accept` take the columns of their source as they are.
    """
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
    if not any(d.runs for d in decisions):
        outcomes = [Outcome(d.step, "skipped") for d in decisions]
        listen(_finished(run, outcomes))
        return outcomes
    _clear_work(project)
    work = _Run(project, lake, engine(), prints, facts, listen, run, accept)
    outcomes = [Outcome(d.step, "skipped") for d in decisions if not d.runs]
    waiting = {d.step.name: d for d in decisions if d.runs}
    bad: set[TableName] = set()
    lacking: set[TableName] = set()
    futures: dict[Future[Outcome], TableName] = {}
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="step") as pool:
        while waiting or futures:
            for name, decision in list(waiting.items()):
                needs = set(decision.step.inputs)
                if needs & bad:
                    culprits = ", ".join(sorted(str(n) for n in needs & bad))
                    outcomes.append(Outcome(decision.step, "blocked", f"waits for {culprits}"))
                    work.tell(outcomes[-1])
                    bad.add(name)
                    del waiting[name]
                elif not needs & (set(waiting) | set(futures.values())):
                    del waiting[name]
                    futures[pool.submit(work.step, decision)] = name
            if not futures:
                continue
            done, _ = wait(futures, return_when=FIRST_COMPLETED)
            for future in done:
                name = futures.pop(future)
                outcome = _without(future.result(), lacking)
                outcomes.append(outcome)
                work.tell(outcome)
                if outcome.status == "failed" and not outcome.came:
                    bad.add(name)
                elif outcome.status == "failed" or outcome.lacks:
                    lacking.add(name)
    prints.save()
    try:
        work.record(outcomes)
    except Exception as error:  # the tables are as they should be; only that it was done is not written down
        failed = _unforeseen(error, STEPS)
        outcomes.append(Outcome(Step(STEPS, "record"), "failed", failed.what, error=failed))
        work.tell(outcomes[-1])
    listen(_finished(run, outcomes))
    return outcomes


def _without(outcome: Outcome, lacking: Collection[TableName]) -> Outcome:
    """The outcome, which says so where an input lacks what its source owes."""
    lacks = tuple(n for n in outcome.step.inputs if n in lacking)
    if outcome.status != "done" or not lacks:
        return outcome
    return replace(outcome, detail=f"{outcome.detail}; without all of {', '.join(map(str, lacks))}", lacks=lacks)


def _finished(run: str, outcomes: Sequence[Outcome]) -> Event:
    return Event("finished", run, facts=dict(Counter(o.status for o in outcomes)))


class _Run:
    """One execution of the graph."""

    def __init__(
        self,
        project: Project,
        lake: Lake,
        engine: Engine,
        prints: Fingerprints,
        facts: Facts,
        listen: Listener,
        run: str,
        accept: Collection[TableName],
    ) -> None:
        self.project, self.lake, self.engine, self.prints = project, lake, engine, prints
        self.facts, self.listen, self.run, self.accept = facts, listen, run, accept
        self._telling = threading.Lock()
        self._mounted: dict[TableName, int | None] = {}
        self._mounting = threading.Lock()

    def tell(self, outcome: Outcome) -> None:
        facts = {**outcome.facts, "seconds": round(outcome.seconds, 3)}
        with self._telling:
            self.listen(Event(outcome.status, self.run, str(outcome.step.name), outcome.detail, facts))

    def step(self, decision: Decision) -> Outcome:
        """Do one step; whatever goes wrong becomes its outcome."""
        step = decision.step
        started = time.monotonic()
        with self._telling:
            self.listen(Event("started", self.run, str(step.name), "; ".join(decision.reasons)))
        try:
            status, detail, facts = self._load(step) if step.kind == "load" else self._build(step)
            return Outcome(step, status, detail, time.monotonic() - started, facts, facts.pop("error", None))
        except VestryError as error:
            return Outcome(step, "failed", error.what, time.monotonic() - started, error=error)
        except Exception as error:
            failed = _unforeseen(error, step.name)
            return Outcome(step, "failed", failed.what, time.monotonic() - started, error=failed)
        finally:
            self.facts.forget(step.name)

    def _load(self, step: Step) -> tuple[str, str, dict[str, Any]]:
        source = self.project.bronze[step.name]
        accept = step.name in self.accept
        loaded = load(self.project, source, step.name.table, self.engine, self.prints, self.run, accept=accept)
        drift = loaded.drift.facts(source.spec.drift) if loaded.drift and not accept else None
        if loaded.version is None:
            context = context_of(self.project, source, step.name.table, self.lake, self.prints)
            if until := opens(context):
                said = f"its hours are over; it goes on at {until.astimezone(ZONE):%H:%M}"
                return "skipped", said, {"until": until.isoformat()}
            return "skipped", "nothing new", {"drift": drift} if drift else {}
        facts: dict[str, Any] = {"rows_in": loaded.rows_in, "loaded": loaded.loaded, "rejected": loaded.rejected}
        facts |= {"drift": drift} if drift else {}
        facts["version"] = loaded.version
        said = f"{loaded.loaded:,} rows" + (f", {loaded.rejected:,} rejected" if loaded.rejected else "")
        said += f"; {drift['said']}" if drift else ""
        if loaded.owed:
            return "failed", f"{said}; {loaded.owed.what}", {**facts, "error": loaded.owed}
        return "done", said, facts

    def _build(self, step: Step) -> tuple[str, str, dict[str, Any]]:
        from vestry.products.builder import Context
        from vestry.products.publish import build

        table = self.project.tables[step.name]
        with self.lake.lock(step.name):
            self._refresh(step)
            marks = self.facts.marks(step.name)
            inputs = {n: self.facts.marks(n)(DATA) for n in step.inputs}
            missing = [str(n) for n, v in inputs.items() if v is None and not n.table.endswith(f"__{DECISION}")]
            if missing:
                raise DataError(
                    f"{', '.join(missing)} is not there yet",
                    self.project.shown(table.recipe),
                    "load it first; `vestry run` does both",
                )
            if refused := refusal(self.project, step.name, step.inputs, datetime.now(ZONE).date()):
                raise VestryError(refused, self.project.shown(table.recipe), "`vestry check` says who is to agree")
            reasons = reasons_to_build(step, table, marks, inputs)
            if not reasons:
                return "skipped", "its inputs did not change", {}
            for name, version in inputs.items():
                if version is not None:
                    self._mount(name)
            expected = expected_marks(table, inputs)
            anew = marks(DATA) is None or marks(CODE) != expected[CODE] or marks(CONTRACT) != expected[CONTRACT]
            self.engine.load_for(_sql_of(table))
            with self.engine.cursor() as con:
                context = Context(
                    self.project,
                    table,
                    self.engine,
                    con,
                    {n: v for n, v in inputs.items() if v is not None},
                    lambda n, mark: self.facts.marks(n)(mark),
                    marks,
                    anew,
                )
                built = build(context, {**expected, **({AGAIN: 0} if marks(AGAIN) else {})}, self.run)
        if built.version is None:
            return "skipped", "nothing new", {}
        said = f"{built.rows:,} rows"
        if built.score is not None:
            said += f", quality {built.score:.1f} %"
        if built.quarantined:
            said += f", {built.quarantined:,} in quarantine"
        warned = [r.check.name for r in built.warnings if r.check.severity == "warn"]
        if warned:
            said += f"; warns: {', '.join(warned)}"
        facts = {"rows": built.rows, "quarantined": built.quarantined, "quality": built.score, "version": built.version}
        return "done", said, {**facts, "warned": warned} if warned else facts

    def _refresh(self, step: Step) -> None:
        """Where another process has written the table since the plan, look at it and its inputs anew."""
        known = self.facts.marks(step.name)(DATA)
        self.facts.forget(step.name)
        if self.facts.marks(step.name)(DATA) != known:
            for name in step.inputs:
                self.facts.forget(name)

    def _mount(self, name: TableName) -> None:
        """Let SQL see an input at one version for the whole run, whatever others write meanwhile."""
        with self._mounting:
            version = self.facts.version(name)
            if self._mounted.get(name, -1) != version:
                self.engine.mount(name, version)
                self._mounted[name] = version

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Add the run's steps to `vestry.runs.step`."""
        rows = ", ".join(
            f"({literal(self.run)}, {literal(str(o.step.name))}, {literal(o.step.kind)}, {literal(o.status)}, "
            f"{literal(o.detail)}, {o.seconds:.3f}, {int(o.facts.get('rows', o.facts.get('loaded', 0)))})"
            for o in outcomes
            if o.status != "skipped"
        )
        if not rows:
            return
        select = (
            "SELECT run, table_name, kind, status, detail, seconds::DOUBLE AS seconds, row_count::BIGINT AS row_count, "
            f"now() AS ended_at FROM (VALUES {rows}) AS r(run, table_name, kind, status, detail, seconds, row_count)"
        )
        with self.engine.cursor() as con:
            enter(self.lake, con, STEPS, select, skip_by=["run", "table_name", "ended_at"])


def _sql_of(table: ProductTable) -> str:
    """The recipe, and the SQL of its contract's rules."""
    rules = [*table.contract.quality, *(rule for column in table.contract.columns for rule in column.quality)]
    return "\n".join([table.recipe.read_text("utf-8", "replace"), *(rule.query or "" for rule in rules)])


def _unforeseen(error: Exception, name: TableName) -> DataError:
    """An error that nobody expected: its own message may hold data, and is seen only with --trace."""
    if is_disk_full(error):
        failed = DataError("the disk is full; the table is as it was", str(name), "free some space, then run again")
    else:
        mend = "this is a fault of Vestry: run with --trace and report it"
        failed = DataError(f"{type(error).__name__} in {name}", mend=mend)
    failed.__cause__ = error
    return failed


def _clear_work(project: Project) -> None:
    """Remove what loads and engines that were killed have left behind."""
    for folder in [*(project.state / "work").glob("load-*"), *(project.state / SPILL).glob("*")]:
        if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
