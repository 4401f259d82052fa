"""What changed between two versions of a contract, and what that does to those who read its tables.

Pure: contracts in, changes out. A change breaks where something that a reader may rest on is no longer
promised: a column, its type, that it is never empty, a rule, a service level.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from vestry.project.contract import Column, Rule, ServiceLevel, Table, duckdb_type
from vestry.project.names import TableName
from vestry.project.product import Product

Effect = Literal["breaking", "note", "compatible"]


@dataclass(frozen=True)
class Consumer:
    """A table that reads what has changed; not `sure` where the recipe does not tell, or it reads by way of another."""

    table: TableName
    owner: str
    sure: bool

    def __str__(self) -> str:
        said = f"{self.table} ({self.owner})" if self.owner else str(self.table)
        return said if self.sure else f"perhaps {said}"


@dataclass(frozen=True)
class Change:
    """One change of a promise; `line` is 0 where the file is no longer there."""

    effect: Effect
    what: str
    file: str
    line: int
    table: TableName | None = None
    column: str | None = None
    readers: tuple[Consumer, ...] = ()
    #: Does it matter to those who read the tables?
    is_theirs: bool = True

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def consumers(self) -> tuple[str, ...]:
        """Who is touched, in words: those that surely are first."""
        return tuple(str(reader) for reader in self.readers)

    def __str__(self) -> str:
        told = f"{self.where}: {self.effect}: {self.what}"
        return f"{told}\n    read by {', '.join(self.consumers)}" if self.readers else told


def changes_of(old: Product, new: Product) -> Iterator[Change]:
    """Every change between two versions of one product's contract."""
    before, after = {t.name: t for t in old.contract.tables}, {t.name: t for t in new.contract.tables}
    found: list[Change] = []
    gone, come = [t for t in before if t not in after], [t for t in after if t not in before]
    for name in gone:
        alike = [n for n in come if [c.name for c in after[n].columns] == [c.name for c in before[name].columns]]
        maybe = f" (renamed to `{alike[0]}`?)" if len(alike) == 1 else ""
        table = TableName(new.domain, new.name, name)
        line = new.file.line(("schema",))
        found.append(Change("breaking", f"the table `{name}` is gone{maybe}", new.file.path, line, table))
    for name in come:
        found.append(_Compared(old, new, after[name]).change("compatible", f"the table `{name}` is new"))
    for name, table_before in before.items():
        if name in after:
            found += _Compared(old, new, after[name]).changes(table_before)
    found += _levels(old, new)
    found += _whole(old, new, any(change.effect == "breaking" for change in found))
    yield from found


def gone(product: Product) -> Iterator[Change]:
    """A product that is no longer there."""
    for name in product.promised:
        yield Change("breaking", f"the table `{name.table}` is gone, with its product", product.file.path, 0, name)


def _whole(old: Product, new: Product, breaks: bool) -> Iterator[Change]:
    a, b, file = old.contract, new.contract, new.file
    if a.status != b.status:
        effect: Effect = "breaking" if b.status == "retired" else "note"
        yield Change(effect, f"the status was `{a.status}` and is `{b.status}`", file.path, file.line(("status",)))
    if a.description != b.description:
        yield Change("compatible", "the description has changed", file.path, file.line(("description",)))
    if breaks and a.version == b.version:
        what = f"the version is still {b.version}, and a change breaks: raise its first number"
        yield Change("note", what, file.path, file.line(("version",)), is_theirs=False)


class _Compared:
    """One table, before and after."""

    def __init__(self, old: Product, new: Product, after: Table) -> None:
        self.product, self.after = new, after
        self.name = TableName(new.domain, new.name, after.name)

    def change(self, effect: Effect, what: str, column: str | None = None, *keys: str | int) -> Change:
        there = column if column and self.after.column(column) else None
        if column and not there:
            keys = ("properties",)
        line = self.product.line(self.after.name, there, *keys)
        return Change(effect, what, self.product.file.path, line, self.name, column)

    def changes(self, before: Table) -> Iterator[Change]:
        after = self.after
        names = {c.name for c in before.columns}
        come = [c for c in after.columns if c.name not in names]
        for place, column in enumerate(before.columns):
            now = after.column(column.name)
            if now is not None:
                yield from self._column(column, now)
                continue
            alike = [c for c in come if _type(c) == _type(column)]
            at = after.columns[place].name if place < len(after.columns) else None
            named = next((c.name for c in alike if c.name == at), alike[0].name if len(alike) == 1 else None)
            maybe = f" (renamed to `{named}`?)" if named else ""
            yield self.change("breaking", f"the column `{column.name}` is gone{maybe}", column.name)
        for column in come:
            yield self.change("compatible", f"the column `{column.name}` is new", column.name)
        if before.primary_key != after.primary_key:
            what = f"the primary key was {_keys(before.primary_key)} and is {_keys(after.primary_key)}"
            yield self.change("breaking", what)
        if before.description != after.description:
            yield self.change("compatible", f"the description of `{after.name}` has changed", None, "description")
        yield from self._rules(before.quality, after.quality, None)

    def _column(self, a: Column, b: Column) -> Iterator[Change]:
        name = b.name
        if (was := _type(a)) != (is_ := _type(b)):
            way = _widened(was, is_)
            said = {True: "widened", False: "narrowed", None: "changed"}[way]
            effect: Effect = "note" if way else "breaking"
            what = f"the type of `{name}` is {said}: it was {was or 'not said'} and is {is_ or 'not said'}"
            yield self.change(effect, what, name)
        for word, before, after in (("required", a.required, b.required), ("unique", a.unique, b.unique)):
            if before and not after:
                yield self.change("breaking", f"`{name}` is no longer {word}", name)
            elif after and not before:
                yield self.change("note", f"`{name}` is now {word}: a build with rows that are not so fails", name)
        if a.classification != b.classification:
            was_so, is_so = a.classification or "not said", b.classification or "not said"
            what = f"the classification of `{name}` was {was_so} and is {is_so}"
            yield self.change("breaking" if b.is_personal and not a.is_personal else "note", what, name)
        if a.description != b.description:
            yield self.change("compatible", f"the description of `{name}` has changed", name)
        for option in sorted({*a.options, *b.options}):
            yield from self._option(name, option, a.options.get(option), b.options.get(option))
        yield from self._rules(a.quality, b.quality, name)

    def _option(self, column: str, option: str, was: Any, is_: Any) -> Iterator[Change]:
        if was == is_:
            return
        less = option in ("minLength", "minimum", "exclusiveMinimum", "minItems")
        numbers = isinstance(was, int | float) and isinstance(is_, int | float)
        loosened = is_ is None or (numbers and (is_ < was) == less)
        tightened = was is None or numbers
        said = "loosened" if loosened else "tightened" if tightened else "changed"
        what = f"`{option}` of `{column}` is {said}: it was {_shown(was)} and is {_shown(is_)}"
        yield self.change("breaking" if loosened else "note", what, column)

    def _rules(self, before: tuple[Rule, ...], after: tuple[Rule, ...], column: str | None) -> Iterator[Change]:
        left = list(after)
        for rule in before:
            now = next((r for r in left if r.name and r.name == rule.name), None)
            now = now or next((r for r in left if _same_question(rule, r)), None)
            called = f"the rule `{_called(rule)}`" + (f" of `{column}`" if column else "")
            if now is None:
                effect: Effect = "note" if rule.severity == "warn" or rule.type in ("text", "custom") else "breaking"
                yield self.change(effect, f"{called} is gone", column)
                continue
            left.remove(now)
            yield from self._rule(rule, now, called, column)
        for rule in left:
            called = f"the rule `{_called(rule)}`" + (f" of `{column}`" if column else "")
            yield self.change("compatible" if rule.severity == "warn" else "note", f"{called} is new", column)

    def _rule(self, a: Rule, b: Rule, called: str, column: str | None) -> Iterator[Change]:
        counted = a.severity != "warn"
        if a.severity != b.severity:
            effect: Effect = "breaking" if b.severity == "warn" else "note"
            yield self.change(effect, f"{called} was {a.severity} and is {b.severity}", column)
        if (a.query, a.arguments, a.unit) != (b.query, b.arguments, b.unit):
            yield self.change("note", f"{called} asks something else than it did", column)
        was, is_ = _allowed(a), _allowed(b)
        if was == is_:
            return
        if was and is_:
            tightened = is_[0] >= was[0] and is_[1] <= was[1]
            loosened = is_[0] <= was[0] and is_[1] >= was[1]
            said = "tightened" if tightened else "loosened" if loosened else "changed"
            yield self.change("note" if tightened or not counted else "breaking", f"{called} is {said}", column)
        else:
            yield self.change("note", f"{called} holds for something else than it did", column)


def _levels(old: Product, new: Product) -> Iterator[Change]:
    levels = enumerate(new.contract.service_levels)
    after = {(level.property, level.element): (number, level) for number, level in levels}
    for level in old.contract.service_levels:
        called = f"the service level `{level.property}`" + (f" of `{level.element}`" if level.element else "")
        element = (level.element or "").split(",")[0].partition(".")[0].strip()
        table = TableName(new.domain, new.name, element) if element else None
        place, now = after.get((level.property, level.element), (None, None))
        line = new.file.line(("slaProperties",) if place is None else ("slaProperties", place))
        if now is None:
            yield Change("breaking", f"{called} is gone", new.file.path, line, table)
        elif (now.value, now.unit) != (level.value, level.unit):
            way = _weaker(level, now)
            said = {True: "weaker", False: "stronger", None: "other"}[way]
            what = f"{called} is {said}: it was {_measure(level)} and is {_measure(now)}"
            effect: Effect = "breaking" if way else "note" if way is None else "compatible"
            yield Change(effect, what, new.file.path, line, table)


#: Names of one type, and the whole numbers from narrow to wide.
_SAME = {
    "INT": "INTEGER", "TEXT": "VARCHAR", "STRING": "VARCHAR", "LONG": "BIGINT", "NUMERIC": "DECIMAL", "BOOL": "BOOLEAN",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "REAL": "FLOAT", "DATETIME": "TIMESTAMP",
}  # fmt: skip
_WHOLE = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"]
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)\Z")


def _type(column: Column) -> str:
    text = re.sub(r"\s*([(),])\s*", r"\1", (duckdb_type(column) or "").upper().strip())
    bare, bracket, rest = text.partition("(")
    bare = _SAME.get(bare, bare)
    return bare if bare == "VARCHAR" else bare + bracket + rest


def _widened(was: str, is_: str) -> bool | None:
    """True where every old value fits the new type, False where the new is a narrower one, None for another type."""
    if was in _WHOLE and is_ in _WHOLE:
        return _WHOLE.index(is_) > _WHOLE.index(was)
    if (was, is_) in (("FLOAT", "DOUBLE"), ("DOUBLE", "FLOAT")):
        return is_ == "DOUBLE"
    a, b = _DECIMAL.match(was), _DECIMAL.match(is_)
    if a and b:
        (p, s), (q, t) = [(int(m[1]), int(m[2])) for m in (a, b)]
        return q - t >= p - s and t >= s
    return None


def _allowed(rule: Rule) -> tuple[float, float] | None:
    """The range that a rule allows; None where it is no range."""
    if rule.must_be is not None:
        return rule.must_be, rule.must_be
    if rule.must_be_between is not None:
        return rule.must_be_between
    if rule.must_be_greater_than is not None:
        return math.nextafter(rule.must_be_greater_than, math.inf), math.inf
    if rule.must_be_greater_or_equal_to is not None:
        return rule.must_be_greater_or_equal_to, math.inf
    if rule.must_be_less_than is not None:
        return -math.inf, math.nextafter(rule.must_be_less_than, -math.inf)
    if rule.must_be_less_or_equal_to is not None:
        return -math.inf, rule.must_be_less_or_equal_to
    return None


def _same_question(a: Rule, b: Rule) -> bool:
    return (a.type, a.metric, a.query, a.arguments) == (b.type, b.metric, b.query, b.arguments)


def _called(rule: Rule) -> str:
    return rule.name or rule.metric or rule.description or "SQL"


#: Service levels of which more is worse, and of which more is better.
_LESS_IS_BETTER = {"latency", "frequency", "freshness", "errorRate", "timeToDetect", "timeToNotify", "timeToRepair"}
_MORE_IS_BETTER = {"availability", "retention", "throughput"}
_HOURS = {"s": 1 / 3600, "min": 1 / 60, "h": 1, "d": 24, "w": 168, "mo": 730, "y": 8766}


def _weaker(was: ServiceLevel, is_: ServiceLevel) -> bool | None:
    a, b = _number(was), _number(is_)
    if a is None or b is None or a[1] != b[1] or was.property not in _LESS_IS_BETTER | _MORE_IS_BETTER:
        return None
    return (b[0] > a[0]) == (was.property in _LESS_IS_BETTER)


def _number(level: ServiceLevel) -> tuple[float, str] | None:
    """A value with its unit; times in hours."""
    try:
        value = float(level.value)
    except (TypeError, ValueError):
        return None
    unit = (level.unit or "").lower()
    for short, hours in _HOURS.items():
        names = {"s": "second", "min": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}
        if unit in (short, names[short], f"{names[short]}s") or (short == "y" and unit == "yr"):
            return value * hours, "h"
    return value, unit


def _measure(level: ServiceLevel) -> str:
    return f"{level.value} {level.unit}" if level.unit else str(level.value)


def _keys(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{n}`" for n in names) or "not said"


def _shown(value: Any) -> str:
    return "not said" if value is None else str(value)
