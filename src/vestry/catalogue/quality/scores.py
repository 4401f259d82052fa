"""The six dimensions of the Government Data Quality Framework, from what the rules of contracts said.

A dimension's score is the mean over its rules of the share of rows that keep the rule, as at the last audit of each
table. So one rule that many rows break is seen beside others that hold, and the rule itself is shown with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from vestry.catalogue.model import Catalogue
from vestry.lake import Lake
from vestry.lake.ledger import entries
from vestry.products.quality import RESULTS, checks_of
from vestry.project import TableName, literal
from vestry.project.product import Product

#: Each dimension, and what it asks.
DIMENSIONS = {
    "completeness": "Are the records there, and their important fields filled?",
    "uniqueness": "Is each thing there once?",
    "consistency": "Do values agree with each other?",
    "timeliness": "Is it up to date?",
    "validity": "Are values in the form and the range that is expected?",
    "accuracy": "Does it match reality? Only a comparison with something else can tell.",
}
#: What the contract standard calls otherwise.
_CALLED = {"conformity": "validity", "coverage": "completeness"}


@dataclass(frozen=True)
class RuleResult:
    """What one rule said when it was last asked; `share` is the percentage of rows that keep it."""

    table: TableName
    rule: str
    dimension: str
    severity: str
    expected: str
    value: float
    failing: int
    rows: int
    passed: bool
    at: datetime

    @property
    def share(self) -> float:
        if not self.rows:
            return 100.0
        return 100 * (1 - self.failing / self.rows) if self.failing or self.passed else 0.0

    @property
    def said(self) -> str:
        """What was found, in a sentence."""
        if self.failing:
            return f"{self.failing:,} of {self.rows:,} rows break it"
        return "it holds" if self.passed else f"it {self.expected}, and is {self.value:g}"


@dataclass(frozen=True)
class Dimension:
    """One dimension of a product: its score in percent, None where no rule measures it."""

    name: str
    asks: str
    score: float | None
    rules: Sequence[RuleResult]

    @property
    def worst(self) -> list[RuleResult]:
        """The rules that rows break, the worst first."""
        return sorted((r for r in self.rules if r.failing or not r.passed), key=lambda r: r.share)


def results_of(lake: Lake, tables: Sequence[TableName]) -> list[RuleResult]:
    """All that rules ever said of some tables, the eldest first."""
    if not tables:
        return []
    names = ", ".join(literal(str(t)) for t in tables)
    return sorted(map(_result, entries(lake, RESULTS, f"table_name IN ({names})")), key=lambda r: r.at)


def latest(results: Sequence[RuleResult], catalogue: Catalogue) -> list[RuleResult]:
    """What each rule said last, of rules that the contracts still have."""
    promised = {t: catalogue.tables[t].promised for t in {r.table for r in results} if t in catalogue.tables}
    asked = {(table, check.name) for table, of in promised.items() if of for check in checks_of(of)}
    return [r for key, r in {(r.table, r.rule): r for r in results}.items() if key in asked]


def dimensions(results: Sequence[RuleResult]) -> list[Dimension]:
    """The six dimensions by what the rules said."""
    found = []
    for name, asks in DIMENSIONS.items():
        rules = [r for r in results if r.dimension == name]
        found.append(Dimension(name, asks, _mean(rules), rules))
    return found


def trend(results: Sequence[RuleResult]) -> dict[str, list[tuple[date, float]]]:
    """Each dimension's score by day, of the last audit of that day."""
    days: dict[tuple[str, date], dict[tuple[TableName, str], RuleResult]] = {}
    for result in results:
        days.setdefault((result.dimension, result.at.date()), {})[result.table, result.rule] = result
    found: dict[str, list[tuple[date, float]]] = {}
    for (dimension, day), rules in sorted(days.items(), key=lambda item: item[0]):
        mean = _mean(list(rules.values()))
        if mean is not None:
            found.setdefault(dimension, []).append((day, mean))
    return found


def of_product(catalogue: Catalogue, lake: Lake, product: Product) -> tuple[list[Dimension], list[RuleResult]]:
    """The dimensions of a product as they are now, and all results, for trends."""
    results = results_of(lake, [entry.name for entry in catalogue.tables_of(product)])
    return dimensions(latest(results, catalogue)), results


def _mean(rules: Sequence[RuleResult]) -> float | None:
    return sum(r.share for r in rules) / len(rules) if rules else None


def _result(row: Mapping[str, Any]) -> RuleResult:
    dimension = row["dimension"]
    return RuleResult(
        TableName.parse(row["table_name"]),
        row["rule"],
        _CALLED.get(dimension, dimension),
        row["severity"],
        row["expected"],
        row["value"],
        row["failing"],
        row["row_count"],
        row["passed"],
        row["checked_at"],
    )
