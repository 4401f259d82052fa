"""Rows that break a rule, without the values that are personal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestry.catalogue.model import ColumnEntry, TableEntry
from vestry.products.quality import checks_of
from vestry.project import literal, quote

if TYPE_CHECKING:
    from vestry.lake import Engine

_ROWS, _LONGEST = 10, 60
#: What stands for a value that is personal.
MASK = "•••"
#: Columns that are shown besides the keys and the one that the rule is about.
_MORE = 3


@dataclass(frozen=True)
class Failing:
    """Some rows that break a rule: keys first, then the column that it is about, then a few others."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    #: Columns whose values are masked.
    masked: tuple[str, ...]


def failing(engine: Engine, entry: TableEntry, rule: str) -> Failing | None:
    """Rows that break a rule of a table; None where the rule does not speak of rows, or the table is not there.

    Rows that went to quarantine are not in the table any more.
    """
    if entry.state is None or entry.promised is None:
        return None
    check = next((c for c in checks_of(entry.promised) if c.name == rule), None)
    if check is None or check.broken is None:
        return None
    about = {check.column, *check.unique}
    there = [c for c in entry.columns if c.name in entry.state.types]
    first = [c for c in there if c.is_key or c.name in about or _names(check.broken, c)]
    others = [c for c in there if c not in first and not c.is_personal][:_MORE]
    shown = [*first, *others]
    masked = tuple(c.name for c in shown if c.is_personal)
    texts = ", ".join(
        f"CASE WHEN {quote(c.name)} IS NULL THEN 'empty' ELSE {literal(MASK)} END"
        if c.is_personal
        else f"coalesce(left({quote(c.name)}::VARCHAR, {_LONGEST}), 'empty')"
        for c in shown
    )
    relation = engine.relation(entry.name, entry.state.version)
    with engine.cursor() as con:
        rows = con.execute(
            f"SELECT {texts} FROM (SELECT *, ({check.broken}) AS vestry_broken FROM {relation}) "
            f"WHERE vestry_broken LIMIT {_ROWS}"
        ).fetchall()
    return Failing(tuple(c.name for c in shown), rows, masked)


def _names(sql: str, column: ColumnEntry) -> bool:
    return re.search(rf"\b{re.escape(column.name)}\b", sql) is not None
