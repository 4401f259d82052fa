"""The runs of the last days, from the ledger of their steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vestry.lake import Lake
from vestry.lake.ledger import entries
from vestry.project import literal
from vestry.run.execute import STEPS


@dataclass(frozen=True)
class PastStep:
    """One step of a run: rows written, and seconds."""

    table: str
    kind: str
    status: str
    detail: str
    seconds: float
    rows: int
    ended: datetime


@dataclass(frozen=True)
class PastRun:
    """A run that has ended, and its steps in order of their ends."""

    name: str
    steps: Sequence[PastStep]

    @property
    def ended(self) -> datetime:
        return self.steps[-1].ended

    @property
    def rows(self) -> int:
        return sum(step.rows for step in self.steps)

    @property
    def seconds(self) -> float:
        """Of all steps together: side by side they took less."""
        return sum(step.seconds for step in self.steps)

    @property
    def failed(self) -> list[PastStep]:
        return [step for step in self.steps if step.status in ("failed", "blocked")]


def runs_since(lake: Lake, since: datetime) -> list[PastRun]:
    """The runs that ended since, the newest first."""
    return _grouped(entries(lake, STEPS, f"ended_at > TIMESTAMP '{since:%Y-%m-%d %H:%M:%S}'"))


def run_named(lake: Lake, name: str) -> PastRun | None:
    """One run; None where none is called so."""
    return next(iter(_grouped(entries(lake, STEPS, f"run = {literal(name)}"))), None)


def steps_of(lake: Lake, tables: Sequence[str], most: int) -> list[PastStep]:
    """The last steps that wrote some tables, the newest first."""
    if not tables:
        return []
    found = entries(lake, STEPS, f"table_name IN ({', '.join(map(literal, tables))})")
    return sorted((_step(row) for row in found), key=lambda s: s.ended, reverse=True)[:most]


def _grouped(rows: Sequence[dict[str, Any]]) -> list[PastRun]:
    found: dict[str, list[PastStep]] = {}
    for row in rows:
        found.setdefault(row["run"], []).append(_step(row))
    made = [PastRun(name, sorted(steps, key=lambda s: s.ended)) for name, steps in found.items()]
    return sorted(made, key=lambda run: run.ended, reverse=True)


def _step(row: dict[str, Any]) -> PastStep:
    keys = ("table_name", "kind", "status", "detail", "seconds", "row_count", "ended_at")
    return PastStep(*(row[key] for key in keys))
