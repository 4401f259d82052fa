"""A few rows of a table, without values that are personal or that nobody has classified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestry.catalogue.model import ColumnEntry, TableEntry
from vestry.project import quote

if TYPE_CHECKING:
    from vestry.lake import Engine

_ROWS = 10
#: Characters of a value that are shown.
_LONGEST = 80


@dataclass(frozen=True)
class Sample:
    """Rows as texts; `hidden` names the columns that are left out."""

    columns: tuple[ColumnEntry, ...]
    rows: list[tuple[str, ...]]
    hidden: tuple[str, ...]


def sample_of(engine: Engine, entry: TableEntry) -> Sample | None:
    """The first rows of a table at the version that the catalogue knows; None where it has not been made."""
    if entry.state is None:
        return None
    there = [c for c in entry.columns if c.name in entry.state.types]
    shown = tuple(c for c in there if not c.is_personal)
    hidden = tuple(c.name for c in there if c.is_personal)
    if not shown:
        return Sample((), [], hidden)
    texts = ", ".join(f"coalesce(left({quote(c.name)}::VARCHAR, {_LONGEST}), '')" for c in shown)
    with engine.cursor() as con:
        rows = con.execute(
            f"SELECT {texts} FROM {engine.relation(entry.name, entry.state.version)} LIMIT {_ROWS}"
        ).fetchall()
    return Sample(shown, rows, hidden)
