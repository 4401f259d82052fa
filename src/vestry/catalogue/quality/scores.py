"""The six dimensions of the Government Data Quality Framework, in percent, of a table and of a product.

How a score is made. A rule that speaks of rows scores 100 less the share of rows that break it, whatever it allows: a
rule that lets 8 % be missing, and finds 3 %, is kept, and scores 97. The rows are those that were audited: what breaks
a `quarantine` rule counts, for the table lacks it. A rule of the whole table, such as its number of rows, scores 100
or 0.

A dimension scores as its **lowest** rule, and a product as its lowest table. A mean rises with every easy rule that is
added (ten keys that are never empty hide one column that is), and nobody can say which rows it is about; the lowest
rule can be named, and its rows can be shown.

Timeliness is measured by the service levels too. Accuracy is never computed from the set alone: only a rule that
compares with something else counts, and without one it is not measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from vestry.catalogue.model import Catalogue, TableEntry
from vestry.catalogue.quality.results import Results, Said, by_day
from vestry.lake import Lake
from vestry.products.quality import Check, checks_of
from vestry.project import TableName
from vestry.project.product import Product
from vestry.project.rules import names_in
from vestry.run.freshness import Freshness, in_words, promised

#: The framework's dimensions, with what each asks, in its words and order.
DIMENSIONS = {
    "completeness": "Are the records there, and their important fields filled?",
    "uniqueness": "Is there one record for each thing?",
    "consistency": "Do values agree with each other, within the data and across it?",
    "timeliness": "Does the data stand for its period, and is it up to date?",
    "validity": "Are values in the range and the form that is expected?",
    "accuracy": "Does the data match what is really so?",
}
#: The contract standard's words where they are others. That all are there who should be is completeness.
_OF_STANDARD = {"conformity": "validity", "coverage": "completeness"}
SERVICE_LEVEL = "the service level"
NO_REFERENCE = (
    "not measured: no rule that was asked compares the data with a reference or with a sample that was checked"
)


@dataclass(frozen=True)
class RuleScore(Said):
    """What one rule said at its last audit, by the framework's dimension, in percent.

    `percent` is None where there was no row to ask; `how` is how it came about.
    """

    table: TableName
    percent: float | None
    how: str

    @property
    def found(self) -> str:
        """What was found, in a sentence."""
        if self.failing:
            return f"{self.failing:,} of {self.rows:,} rows break it"
        return "it holds" if self.passed else self.how


@dataclass(frozen=True)
class Dimension:
    """One dimension; `percent` is None where it is not measured, and `how` says why, or how it was."""

    name: str
    asks: str
    percent: float | None
    how: str
    rules: tuple[RuleScore, ...] = ()


@dataclass(frozen=True)
class TableQuality:
    """A table's six dimensions as of its last audit (`at`; None before the first)."""

    table: TableName
    rows: int | None
    at: datetime | None
    dimensions: tuple[Dimension, ...]
    #: Rules of the contract that no audit has asked yet.
    unasked: tuple[str, ...] = ()
    #: The last audit broke an `error` rule: the version in service is an earlier one.
    kept_back: bool = False

    @property
    def partly_asked(self) -> bool:
        """Whether the last audit asked some rules only of the rows that had changed."""
        return any(r.rows < (self.rows or 0) for d in self.dimensions for r in d.rules if r.rule != SERVICE_LEVEL)

    @property
    def failing(self) -> tuple[RuleScore, ...]:
        """The rules that are broken, or that rows break, those that break the contract first."""
        found = [r for d in self.dimensions for r in d.rules if not r.passed or r.failing]
        return tuple(sorted(found, key=lambda r: (r.passed, r.percent if r.percent is not None else 100.0, r.rule)))


@dataclass(frozen=True)
class ProductQuality:
    """A product's six dimensions, each that of its lowest table, and its tables' own."""

    product: str
    dimensions: tuple[Dimension, ...]
    tables: tuple[TableQuality, ...]

    @property
    def failing(self) -> tuple[RuleScore, ...]:
        return tuple(r for t in self.tables for r in t.failing)


@dataclass(frozen=True)
class Point:
    """The scores of one day (UTC) by dimension; what was not measured then is left out."""

    day: date
    percent: Mapping[str, float]


def dimension_of(word: str) -> str:
    """The framework's name of a dimension that a contract names by the standard's word."""
    return _OF_STANDARD.get(word, word)


def table_quality(
    catalogue: Catalogue, results: Results, fresh: Freshness | None, name: TableName, now: datetime
) -> TableQuality:
    """A table's dimensions; of a table without a contract, such as bronze, none is measured.

    Without `fresh`, which reads the logs of all that a table rests on, service levels are left out.
    """
    entry = catalogue.tables[name]
    checks = {(c.name, c.column): c for c in checks_of(entry.promised)} if entry.promised else {}
    said = {key: s for key, s in results.of(name).items() if key in checks}
    scored = [score_of(name, s) if _counts(checks[key]) else _uncounted(name, s) for key, s in said.items()]
    kept = _kept_in_time(catalogue, fresh, name, now)
    dimensions = tuple(_dimension(d, scored, kept if d == "timeliness" else None, bool(checks)) for d in DIMENSIONS)
    newest = max((s.at for s in said.values()), default=None)
    last = [s for s in said.values() if newest and s.run == max(said.values(), key=lambda s: s.at).run]
    return TableQuality(
        name,
        entry.state.rows if entry.state else None,
        newest,
        dimensions,
        tuple(check.name for key, check in checks.items() if key not in said),
        any(not s.passed and s.severity == "error" for s in last),
    )


def product_quality(
    catalogue: Catalogue, results: Results, fresh: Freshness | None, product: Product, now: datetime
) -> ProductQuality:
    """A product's dimensions, and those of its tables in the contract's order."""
    entries: Iterable[TableEntry] = catalogue.tables_of(product)
    tables = tuple(table_quality(catalogue, results, fresh, entry.name, now) for entry in entries)
    return ProductQuality(product.full_name, tuple(_lowest(name, tables) for name in DIMENSIONS), tables)


def trend(catalogue: Catalogue, lake: Lake, tables: Sequence[TableName], now: datetime) -> list[Point]:
    """The lowest score of each dimension by day, oldest first, of one table or of a product's.

    A table counts with what it said last until it is audited again. Rules that are gone count while they were there.
    """
    uncounted = {
        (name, check.name)
        for name in tables
        if (entry := catalogue.tables.get(name)) and entry.promised
        for check in checks_of(entry.promised)
        if not _counts(check)
    }
    audits = by_day(lake, tables, now)
    stood: dict[TableName, dict[str, float]] = {}
    points = []
    for day in sorted({day for days in audits.values() for day in days}):
        for name, days in audits.items():
            if day in days:
                stood[name] = _by_dimension(score_of(name, s) for s in days[day] if (name, s.rule) not in uncounted)
        every = list(stood.values())
        points.append(
            Point(day, {d: min(s[d] for s in every if d in s) for d in DIMENSIONS if any(d in s for s in every)})
        )
    return points


def score_of(table: TableName, said: Said) -> RuleScore:
    """What one rule said, in percent."""
    failing = said.failing
    if not said.passed and not failing and said.expected == "must be 0":
        # SQL of another form than `count(*) … WHERE`: it counted rows all the same, perhaps one of them twice.
        failing = min(int(said.value), said.rows)
    percent: float | None
    if failing:
        percent, how = 100 - 100 * failing / said.rows, f"{failing:,} of {said.rows:,} rows break it"
    elif not said.passed:
        percent, how = 0.0, f"broken: {said.measured}, and it {said.expected}"
    elif not said.rows:
        percent, how = None, "there are no rows to ask"
    elif said.value:
        percent, how = 100.0, f"kept: {said.measured}, and it {said.expected}"
    else:
        percent, how = 100.0, f"none of {said.rows:,} rows breaks it"
    told = {**vars(said), "dimension": dimension_of(said.dimension), "failing": failing}
    return RuleScore(**told, table=table, percent=percent, how=how)


def _uncounted(table: TableName, said: Said) -> RuleScore:
    """A rule that says nothing of its dimension, though it may be broken."""
    return replace(
        score_of(table, said), percent=None, how="it looks at the data alone, and so says nothing of accuracy"
    )


def _dimension(name: str, scored: Sequence[RuleScore], kept: RuleScore | None, promised: bool) -> Dimension:
    rules = sorted(
        (r for r in [*scored, *([kept] if kept else [])] if r.dimension == name),
        key=lambda r: (r.percent if r.percent is not None else 101.0, r.rule),
    )
    lowest = next((r for r in rules if r.percent is not None), None)
    if lowest is not None:
        how = f"{lowest.rule}: {lowest.how}"
        how += f" (the lowest of {len(rules)} rules)" if len(rules) > 1 else ""
    elif not promised:
        how = "not measured: no contract promises anything of it"
    elif name == "accuracy":
        how = NO_REFERENCE
    elif rules:
        how = "not measured: there are no rows to ask"
    else:
        how = "not measured: the contract has no rule of it that was asked"
    return Dimension(name, DIMENSIONS[name], lowest.percent if lowest else None, how, tuple(rules))


def _lowest(name: str, tables: Sequence[TableQuality]) -> Dimension:
    """One dimension over several tables."""
    at = list(DIMENSIONS).index(name)
    each = [(t.table, t.dimensions[at]) for t in tables]
    rules = tuple(r for _, d in each for r in d.rules)
    measured = [(table, d) for table, d in each if d.percent is not None]
    if not measured:
        how = each[0][1].how if each else "not measured: the contract promises no table"
        return Dimension(name, DIMENSIONS[name], None, how, rules)
    table, lowest = min(measured, key=lambda pair: pair[1].percent or 0.0)
    how = f"{table.table}: {lowest.how}" if len(each) > 1 else lowest.how
    return Dimension(name, DIMENSIONS[name], lowest.percent, how, rules)


def _by_dimension(rules: Iterable[RuleScore]) -> dict[str, float]:
    found: dict[str, float] = {}
    for rule in rules:
        if rule.percent is not None:
            found[rule.dimension] = min(rule.percent, found.get(rule.dimension, 100.0))
    return found


def _counts(check: Check) -> bool:
    """Whether a rule may say something of its dimension: of accuracy only one that compares values with others."""
    return check.dimension != "accuracy" or check.query is not None or len(names_in(check.broken or "")) > 1


def _kept_in_time(catalogue: Catalogue, fresh: Freshness | None, name: TableName, now: datetime) -> RuleScore | None:
    """What the service levels say, as if it were a rule: kept, or late."""
    most = promised(catalogue.project).get(name) if fresh else None
    of = fresh.of(name) if fresh and most else None
    if most is None or of is None:
        return None
    passed = now - of <= most
    limit = f"must be no older than {in_words(most)}"
    how = f"{'kept' if passed else 'late'}: as of {of:%Y-%m-%d %H:%M} UTC, and it {limit}"
    old = (now - of) / timedelta(days=1)
    said = Said(SERVICE_LEVEL, None, "timeliness", "warn", limit, old, 0, 1, passed, "", now)
    return RuleScore(**vars(said), table=name, percent=100.0 * passed, how=how)
