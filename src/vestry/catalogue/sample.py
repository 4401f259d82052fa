"""A few rows of a table, without values that are personal or that nobody has classified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestry.catalogue.model import TableEntry
from vestry.project import quote

if TYPE_CHECKING:
    from vestry.lake import Engine

_ROWS = 10
#: Characters of a value that are shown.
_LONGEST = 80


@dataclass(frozen=True)
class Sample:
    """Rows as texts; `hidden` names the columns that are left out."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    hidden: tuple[str, ...]


def sample_of(engine: Engine, entry: TableEntry) -> Sample | None:
    """The first rows of a table at the version that the catalogue knows; None where it has not been made."""
    if entry.state is None:
        return None
    there = [c for c in entry.columns if c.name in entry.state.types]
    shown = [c.name for c in there if not c.is_personal]
    hidden = [c.name for c in there if c.is_personal]
    return first_rows(engine, engine.relation(entry.name, entry.state.version), shown, hidden)


def first_rows(engine: Engine, relation: str, shown: Sequence[str], hidden: Sequence[str]) -> Sample:
    """The first rows of a relation, with the columns that are shown."""
    if not shown:
        return Sample((), [], tuple(hidden))
    texts = ", ".join(f"coalesce(left({quote(name)}::VARCHAR, {_LONGEST}), '')" for name in shown)
    with engine.cursor() as con:
        rows = con.execute(f"SELECT {texts} FROM {relation} LIMIT {_ROWS}").fetchall()
    return Sample(tuple(shown), rows, tuple(hidden))
