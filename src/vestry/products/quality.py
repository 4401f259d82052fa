"""Quality rules of a contract, as SQL that checks them all in one pass over the table.

Rules are those written in the contract (ODCS library metrics and SQL), and those that its
columns imply: `required`, `unique`, `primaryKey`, and the limits in `logicalTypeOptions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from vestry.project import TableName, literal, quote
from vestry.project.contract import Column, Rule, Table
from vestry.project.rules import filled, row_condition

#: What each metric speaks of where the rule does not say (Government Data Quality Framework).
_DIMENSION = {
    "nullValues": "completeness",
    "missingValues": "completeness",
    "invalidValues": "conformity",
    "duplicateValues": "uniqueness",
    "rowCount": "completeness",
}


@dataclass(frozen=True)
class Check:
    """One rule, ready to run.

    `value` is SQL of an aggregate over the table (None where `query` is a SELECT of its own).
    `broken` is SQL that is true of a row that breaks the rule, where rows can.
    """

    name: str
    dimension: str
    severity: str
    column: str | None
    holds: Callable[[float], bool]
    limit: str
    value: str | None = None
    query: str | None = None
    broken: str | None = None
    percent: bool = False
    #: The columns that must be unique, where the rule asks that.
    unique: tuple[str, ...] = ()

    @property
    def is_by_row(self) -> bool:
        """Does the rule hold of a table when it holds of each row? Then only new rows need checking."""
        return self.broken is not None and not self.unique and not self.percent and self.limit == "must be 0"

    def is_of_key(self, key: Sequence[str]) -> bool:
        """Is it the uniqueness of the very key by which rows are replaced? That holds by construction."""
        return bool(self.unique) and set(self.unique) == set(key)


@dataclass(frozen=True)
class Result:
    """What a rule said: `value` as the rule's unit has it, of `rows` rows."""

    check: Check
    value: float
    rows: int

    @property
    def passed(self) -> bool:
        return self.check.holds(self.value)

    @property
    def failing(self) -> int:
        """How many rows break the rule, where it speaks of rows."""
        if self.check.broken is None:
            return 0
        return round(self.value * self.rows / 100) if self.check.percent else int(self.value)


def checks_of(table: Table) -> list[Check]:
    """Every rule of a table, implied ones first."""
    checks: list[Check] = []
    key = table.primary_key
    if key:
        checks.append(_duplicates(key, Rule(severity="error"), "primary key"))
    for column in table.columns:
        checks.extend(_implied(column, column.name in key and len(key) == 1))
        checks.extend(_written(rule, table, column) for rule in column.quality if rule.type in ("library", "sql"))
    checks.extend(_written(rule, table, None) for rule in table.quality if rule.type in ("library", "sql"))
    return checks


def audit(con: duckdb.DuckDBPyConnection, relation: str, checks: Sequence[Check]) -> list[Result]:
    """Run all checks over a relation: the aggregates in one pass, SELECTs of their own after it."""
    values = [c.value for c in checks if c.value is not None]
    row = con.execute(f"SELECT {', '.join(['count(*)', *values])} FROM {relation}").fetchone()
    assert row is not None
    rows, found = int(row[0]), iter(row[1:])
    results = []
    for check in checks:
        if check.query is not None:
            answer = con.execute(check.query.replace(_TABLE, relation)).fetchone()
            value = float(answer[0] or 0) if answer else 0.0
        else:
            value = float(next(found) or 0)
            if check.percent:
                value = 100 * value / rows if rows else 0.0
        results.append(Result(check, value, rows))
    return results


def score(results: Sequence[Result]) -> float | None:
    """The share of rows that keep a rule, on average over the rules that speak of rows; in percent."""
    shares = [1 - r.failing / r.rows for r in results if r.check.broken is not None and r.rows]
    return 100 * sum(shares) / len(shares) if shares else None


def rows_where(relation: str, condition: str, wanted: bool) -> str:
    """A SELECT of the rows of which a condition (a check's `broken`, which may be a window's) is true or is not."""
    return (
        f"SELECT * EXCLUDE (_broken) FROM (SELECT *, ({condition}) AS _broken FROM {relation}) "
        f"WHERE {'_broken' if wanted else 'NOT _broken'}"
    )


#: What ends a limit, and a value, that is a share.
PERCENT = " %"
#: Stands for the relation in a SELECT of its own.
_TABLE = "{vestry_relation}"


def _implied(column: Column, is_key: bool) -> list[Check]:
    name, q = column.name, quote(column.name)
    checks = []
    if column.required or is_key:
        checks.append(_rows(f"{name} is missing", "completeness", "error", name, f"{q} IS NULL"))
    if column.unique and not is_key:
        checks.append(_duplicates((name,), Rule(severity="error"), name))
    for option, (broken, said) in {
        "pattern": ("NOT regexp_matches({q}, {v})", "does not have the form {v}"),
        "minLength": ("length({q}) < {v}", "is shorter than {v}"),
        "maxLength": ("length({q}) > {v}", "is longer than {v}"),
        "minimum": ("{q} < {v}", "is under {v}"),
        "maximum": ("{q} > {v}", "is over {v}"),
        "exclusiveMinimum": ("{q} <= {v}", "is not over {v}"),
        "exclusiveMaximum": ("{q} >= {v}", "is not under {v}"),
    }.items():
        if option in column.options:
            value = column.options[option]
            text = literal(str(value)) if isinstance(value, str) else str(value)
            condition = broken.format(q=q, v=text)
            checks.append(_rows(f"{name} {said.format(v=value)}", "conformity", "error", name, condition))
    return checks


def _written(rule: Rule, table: Table, column: Column | None) -> Check:
    if rule.type == "sql":
        return _sql(rule, table, column)
    metric = rule.metric or "rowCount"
    dimension = rule.dimension or _DIMENSION[metric]
    holds, limit = _operator(rule)
    percent = _in_percent(rule)
    if metric == "rowCount":
        name = rule.name or "number of rows"
        return Check(name, dimension, rule.severity, None, holds, limit, value="count(*)")
    if metric == "duplicateValues":
        columns = rule.arguments.get("properties") or ([column.name] if column else list(table.primary_key))
        return _duplicates(tuple(columns), rule, rule.name)
    named = column.name if column else str(rule.arguments.get("property", ""))
    q = quote(named)
    if metric == "nullValues":
        said, broken = "is missing", f"{q} IS NULL"
    elif metric == "missingValues":
        missing = rule.arguments.get("missingValues", [None, ""])
        listed = ", ".join(literal(str(m)) for m in missing if m is not None)
        said = "is missing"
        broken = f"({q} IS NULL" + (f" OR CAST({q} AS VARCHAR) IN ({listed}))" if listed else ")")
    else:
        said, broken = "is not valid", _invalid(q, rule)
    return Check(
        rule.name or rule.description or f"{named} {said}",
        dimension,
        rule.severity,
        named,
        holds,
        limit,
        value=f"count(*) FILTER (WHERE {broken})",
        broken=broken,
        percent=percent,
    )


def _invalid(q: str, rule: Rule) -> str:
    parts = []
    if valid := rule.arguments.get("validValues"):
        listed = ", ".join(literal(str(v)) for v in valid)
        parts.append(f"CAST({q} AS VARCHAR) NOT IN ({listed})")
    if pattern := rule.arguments.get("pattern"):
        parts.append(f"NOT regexp_matches(CAST({q} AS VARCHAR), {literal(str(pattern))})")
    return f"({q} IS NOT NULL AND ({' OR '.join(parts) or 'false'}))"


def _sql(rule: Rule, table: Table, column: Column | None) -> Check:
    holds, limit = _operator(rule)
    query = rule.query or "SELECT 0"
    name = rule.name or rule.description or "SQL rule"
    dimension = rule.dimension or "consistency"
    column_name = column.name if column else None
    broken = row_condition(query, table.name, column_name)
    if broken is not None:
        return Check(
            name,
            dimension,
            rule.severity,
            column_name,
            holds,
            limit,
            value=f"count(*) FILTER (WHERE {broken})",
            broken=broken,
            percent=_in_percent(rule),
        )

    return Check(name, dimension, rule.severity, column_name, holds, limit, query=filled(query, _TABLE, column_name))


def _rows(name: str, dimension: str, severity: str, column: str, broken: str) -> Check:
    return Check(
        name,
        dimension,
        severity,
        column,
        lambda v: v == 0,
        "must be 0",
        value=f"count(*) FILTER (WHERE {broken})",
        broken=broken,
    )


def _duplicates(columns: tuple[str, ...], rule: Rule, name: str | None) -> Check:
    """Rows whose values are those of an earlier row; NULL is no value."""
    holds, limit = _operator(rule)
    listed = ", ".join(quote(c) for c in columns)
    there = " AND ".join(f"{quote(c)} IS NOT NULL" for c in columns)
    one = listed if len(columns) == 1 else f"({listed})"
    shown = ", ".join(columns)
    return Check(
        rule.name or f"{name or shown} is there twice" if name != "primary key" else f"the key {shown} is there twice",
        rule.dimension or "uniqueness",
        rule.severity,
        columns[0] if len(columns) == 1 else None,
        holds,
        limit,
        value=f"count(*) FILTER (WHERE {there}) - count(DISTINCT {one}) FILTER (WHERE {there})",
        broken=f"({there} AND count(*) OVER (PARTITION BY {listed}) > 1)",
        percent=_in_percent(rule),
        unique=columns,
    )


def _in_percent(rule: Rule) -> bool:
    """Whether a rule is about a share of rows; how many rows there are is none."""
    return rule.unit == "percent" and (rule.type == "sql" or rule.metric not in (None, "rowCount"))


def _operator(rule: Rule) -> tuple[Callable[[float], bool], str]:
    """How the value is judged, and that in words; without an operator nothing may fail."""
    holds, limit = _judged(rule)
    return holds, f"{limit}{PERCENT}" if _in_percent(rule) else limit


def _judged(rule: Rule) -> tuple[Callable[[float], bool], str]:
    if rule.must_be is not None:
        wanted = rule.must_be
        return (lambda v: v == wanted), f"must be {wanted:g}"
    if rule.must_not_be is not None:
        unwanted = rule.must_not_be
        return (lambda v: v != unwanted), f"must not be {unwanted:g}"
    if rule.must_be_between is not None:
        low, high = rule.must_be_between
        return (lambda v: low <= v <= high), f"must be between {low:g} and {high:g}"
    if rule.must_not_be_between is not None:
        low_, high_ = rule.must_not_be_between
        return (lambda v: not low_ <= v <= high_), f"must not be between {low_:g} and {high_:g}"
    if rule.must_be_greater_than is not None:
        over = rule.must_be_greater_than
        return (lambda v: v > over), f"must be over {over:g}"
    if rule.must_be_greater_or_equal_to is not None:
        least = rule.must_be_greater_or_equal_to
        return (lambda v: v >= least), f"must be at least {least:g}"
    if rule.must_be_less_than is not None:
        under = rule.must_be_less_than
        return (lambda v: v < under), f"must be under {under:g}"
    if rule.must_be_less_or_equal_to is not None:
        most = rule.must_be_less_or_equal_to
        return (lambda v: v <= most), f"must be at most {most:g}"
    return (lambda v: v == 0), "must be 0"


#: Where the results of every audit are kept, so that trends can be drawn.
RESULTS = TableName("vestry", "quality", "result")
