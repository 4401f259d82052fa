"""Rows that break a rule, without the values that are personal, and what was set aside with its reasons."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestry.catalogue.model import ColumnEntry, TableEntry
from vestry.catalogue.shape import masked
from vestry.products.quality import Check, checks_of, rows_where
from vestry.project import DataError, TableName, VestryError, literal, quote
from vestry.project.errors import did_you_mean
from vestry.project.rules import names_in

if TYPE_CHECKING:
    import duckdb

    from vestry.lake import Engine

_ROWS, _LONGEST = 20, 60
#: Columns that are shown besides the keys and those that the rule is about.
_MORE = 3
#: Reasons that are told, those of most rows first.
_REASONS = 20
#: What stands where there is no value.
EMPTY = "empty"


@dataclass(frozen=True)
class Failing:
    """At most 20 rows that break a rule: keys first, then the columns that it is about, then a few others."""

    table: TableName
    rule: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    #: Columns whose values are masked.
    masked: tuple[str, ...]
    #: The rows are in `__quarantine`, not in the table.
    set_aside: bool = False
    #: Why there are none to show; empty where there are.
    because: str = ""


@dataclass(frozen=True)
class SetAside:
    """Rows that were kept out of a table, with how many there are for each reason."""

    table: TableName
    rows: int
    #: A row with two reasons counts for each.
    reasons: tuple[tuple[str, int], ...]


def failing(engine: Engine, entry: TableEntry, rule: str, column: str | None = None) -> Failing:
    """Rows that break a rule of a table, at the version that the catalogue knows.

    Raises VestryError with the nearest name where the contract has no such rule, and DataError where its SQL fails.
    """
    checks = checks_of(entry.promised) if entry.promised else []
    check = next((c for c in checks if c.name == rule and column in (None, c.column)), None)
    if check is None:
        raise VestryError(
            f"{entry.name} has no rule “{rule}”", entry.made_by, did_you_mean(rule, [c.name for c in checks])
        )
    nothing = Failing(entry.name, rule, (), [], ())
    if check.broken is None:
        return _because(nothing, "the rule speaks of the table as a whole, not of single rows")
    aside = check.severity == "quarantine"
    name = entry.name.beside("quarantine") if aside else entry.name
    there = engine.lake.columns(name)
    if not there:
        return _because(nothing, "no row was ever set aside" if aside else "the table is not in the lake yet")
    shown = _shown(entry, check, set(there))
    if aside:
        condition = f"list_contains(string_split(_reason, '; '), {literal(check.name)})"
    elif missing := {n for n in names_in(check.broken) if n not in {c.lower() for c in there}}:
        return _because(nothing, f"the table in the lake has no {', '.join(sorted(missing))} yet")
    else:
        condition = check.broken
    texts = ", ".join(masked(c) if c.is_personal else f"left({quote(c.name)}::VARCHAR, {_LONGEST})" for c in shown)
    version = entry.state.version if entry.state and not aside else None
    select = f"SELECT {texts} FROM ({rows_where(engine.relation(name, version), condition, True)}) LIMIT {_ROWS}"
    with _asking(engine, entry, f"the rule “{rule}” cannot be asked again") as con:
        rows = [tuple(EMPTY if v is None else str(v) for v in row) for row in con.execute(select).fetchall()]
    because = "" if rows else "no row of the version that is in service breaks it"
    hidden = tuple(c.name for c in shown if c.is_personal)
    return Failing(entry.name, rule, tuple(c.name for c in shown), rows, hidden, aside, because)


def set_aside(engine: Engine, entry: TableEntry) -> SetAside | None:
    """What is in a table's `__quarantine`, or in the `__rejected` of bronze; None where nothing ever was.

    The reasons are words of rules and of loads. The rows themselves are not read.
    """
    bronze = entry.name.is_bronze
    name = entry.name.beside("rejected" if bronze else "quarantine")
    if not engine.lake.columns(name):
        return None
    reason = "reason" if bronze else "unnest(string_split(_reason, '; '))"
    relation = engine.relation(name)
    with _asking(engine, entry, "what was set aside cannot be read") as con:
        count = con.execute(f"SELECT count(*) FROM {relation}").fetchone()
        reasons = con.execute(
            f"SELECT why, count(*) FROM (SELECT {reason} AS why FROM {relation}) "
            f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_REASONS}"
        ).fetchall()
    return SetAside(name, int(count[0]) if count else 0, tuple((str(why), int(n)) for why, n in reasons))


def _shown(entry: TableEntry, check: Check, there: set[str]) -> list[ColumnEntry]:
    """The keys, the columns that the rule is about, and a few others that say which row it is."""
    about = {check.column, *check.unique}
    named = names_in(check.broken or "")
    columns = [c for c in entry.columns if c.name in there]
    keys = [c for c in columns if c.is_key]
    of_rule = [c for c in columns if c not in keys and (c.name in about or c.name.lower() in named)]
    others = [c for c in columns if c not in keys and c not in of_rule and not c.is_personal][:_MORE]
    return [*keys, *of_rule, *others]


def _because(nothing: Failing, because: str) -> Failing:
    return Failing(nothing.table, nothing.rule, (), [], (), False, because)


@contextmanager
def _asking(engine: Engine, entry: TableEntry, what: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor whose errors are told without the values that the engine's own may hold."""
    import duckdb

    from vestry.lake import failure

    with engine.cursor() as con:
        try:
            yield con
        except duckdb.Error as error:
            raise DataError(f"{what}: {failure(error)}", entry.made_by) from error
