"""What would run, and why. Pure: it is given what is known and touches nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vestry.ingest.fingerprints import number
from vestry.lake import DATA
from vestry.project import ProductTable, TableName
from vestry.project.contract import Table
from vestry.run.graph import Graph, Step

CODE, CONTRACT = "vestry.code", "vestry.contract"
#: Not 0 where the table is to be made again though nothing changed.
AGAIN = "vestry.again"
#: Raised when the same code and inputs would be built to other rows than before.
_BUILDER = 1

#: Reads a mark of a table's last commits; None where the table is not there.
Marks = Callable[[str], int | None]


@dataclass(frozen=True)
class Decision:
    """Whether a step runs, and why; `reasons` is empty where it is skipped."""

    step: Step
    reasons: tuple[str, ...]

    @property
    def runs(self) -> bool:
        return bool(self.reasons)


def input_mark(name: TableName) -> str:
    return f"vestry.input:{name}"


def code_of(table: ProductTable) -> int:
    """A number that stands for the recipe."""
    return number(_BUILDER, table.kind, table.recipe.read_bytes())


def contract_of(table: Table) -> int:
    """A number that stands for what the contract asks of the rows: not for its descriptions."""
    columns = [
        (
            c.name,
            c.logical_type,
            c.physical_type,
            c.required,
            c.unique,
            c.primary_key,
            c.classification,
            c.options,
            [_rule(r) for r in c.quality],
        )
        for c in table.columns
    ]
    return number(columns, [_rule(r) for r in table.quality])


def _rule(rule) -> tuple[tuple[str, object], ...]:  # type: ignore[no-untyped-def]
    return tuple((k, v) for k, v in rule.model_dump().items() if k not in ("name", "description"))


def expected_marks(table: ProductTable, inputs: Mapping[TableName, int | None]) -> dict[str, int]:
    """The marks that the table has when it is up to date with these versions of its inputs' data."""
    marks = {CODE: code_of(table), CONTRACT: contract_of(table.contract)}
    return marks | {input_mark(n): v for n, v in inputs.items() if v is not None}


def reasons_to_build(
    step: Step, table: ProductTable, marks: Marks, inputs: Mapping[TableName, int | None]
) -> tuple[str, ...]:
    """Why a table must be built, its inputs being at these versions of their data."""
    if marks(DATA) is None:
        return ("not built yet",)
    reasons = ["it is replayed"] if marks(AGAIN) else []
    expected = expected_marks(table, inputs)
    if marks(CODE) not in (expected[CODE], 0):
        reasons.append("its code changed")
    if marks(CONTRACT) != expected[CONTRACT]:
        reasons.append("its contract changed")
    reasons += [f"{n} changed" for n in step.inputs if marks(input_mark(n)) != inputs.get(n)]
    return tuple(reasons)


def plan(
    graph: Graph,
    selected: set[TableName],
    tables: Mapping[TableName, ProductTable],
    marks: Mapping[TableName, Marks],
    news: Callable[[TableName], str | None],
) -> list[Decision]:
    """Decide for each selected step, in the order in which they would run."""
    running: set[TableName] = set()
    decisions = []
    for name in graph.order:
        if name not in selected:
            continue
        step = graph.steps[name]
        if step.kind == "load":
            new = news(name)
            reasons: tuple[str, ...] = (new,) if new else ()
            reasons += tuple(f"{n} comes first" for n in step.inputs if n in running and not reasons)
        else:
            inputs = {n: marks[n](DATA) if n in marks else None for n in step.inputs}
            coming = [n for n in step.inputs if n in running]
            reasons = reasons_to_build(step, tables[name], marks[name], inputs)
            reasons = tuple(r for r in reasons if not any(r == f"{n} changed" for n in coming))
            reasons += tuple(f"{n} comes first" if n.is_bronze else f"{n} is built first" for n in coming)
        if reasons:
            running.add(name)
        decisions.append(Decision(step, reasons))
    return decisions
