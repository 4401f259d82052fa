"""Drift: a source whose columns are not those of its last load, and what its policy says of that.

`evolve` takes the columns as they come, `freeze` loads nothing, `quarantine` sets the part aside.
Either way it is told with before and after; `vestry accept` takes the new columns once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vestry.ingest.connector import LOAD_COLUMNS, Context
from vestry.lake import Lake
from vestry.lake.types import stored_type
from vestry.project import DataError, TableName

#: What each column's type is called in the record of a load.
COLUMNS = "columns"
#: Before the name of a mark: the value that it got when its part was set aside.
_ASIDE = "vestry.aside:"
#: Loads are looked for this far back; compactions may stand on top of them.
_BACK = 20


@dataclass(frozen=True)
class Drift:
    """Columns (name: DuckDB type) as the last load had them, and as they came now."""

    before: Mapping[str, str]
    after: Mapping[str, str]

    @property
    def said(self) -> str:
        """What changed, in words; empty where nothing did."""
        had = {name.casefold(): kind for name, kind in self.before.items()}
        have = {name.casefold(): kind for name, kind in self.after.items()}
        new = [f"`{n}` is new" for n in self.after if n.casefold() not in had]
        gone = [f"`{n}` is gone" for n in self.before if n.casefold() not in have]
        changed = [
            f"`{n}` was {had[n.casefold()]} and is now {kind}"
            for n, kind in self.after.items()
            if had.get(n.casefold(), kind) != kind
        ]
        return ", ".join([*new, *gone, *changed])

    @property
    def changed(self) -> list[str]:
        """The columns that readers knew, and that are gone or of another type."""
        have = {name.casefold(): kind for name, kind in self.after.items()}
        return [name for name, kind in self.before.items() if have.get(name.casefold()) != kind]

    def facts(self, policy: str) -> dict[str, Any]:
        """For events: names and types only, no value of the data."""
        sides = {"before": dict(self.before), "after": dict(self.after)}
        return {"policy": policy, "said": self.said, "changed": self.changed, **sides}


class DriftError(DataError):
    """A frozen source whose columns changed: nothing was loaded."""

    kind = "drift"

    def __init__(self, drift: Drift, context: Context) -> None:
        what = f"the columns of {context.bronze} changed: {drift.said}; nothing was loaded"
        super().__init__(what, context.where, f"look at the source; to take them: vestry accept {context.bronze}")
        self.drift = drift


def last_columns(lake: Lake, bronze: TableName) -> dict[str, str] | None:
    """The columns that the last load had, as received; None before the first."""
    if lake.open(bronze) is None:
        return None
    for version in lake.history(bronze, _BACK):
        if COLUMNS in version.record:
            return dict(version.record[COLUMNS])
    return {n: k for n, k in lake.columns(bronze).items() if n not in (*LOAD_COLUMNS, "_row")}


def columns_of(
    described: Sequence[tuple[str, str]], before: Mapping[str, str], *, typed: bool, sparse: bool
) -> dict[str, str]:
    """A part's columns with the types in which they are kept.

    Where it is not `typed` (all came as text, for want of better) a column has the type that it had; where it is
    `sparse` (records say only what they know) a column that none of them has is not gone.
    """
    had = {name.casefold(): kind for name, kind in before.items()}
    found = {name: stored_type(kind) for name, kind in described if name != "_row"}
    if not typed:
        found = {name: had.get(name.casefold(), kind) for name, kind in found.items()}
    if sparse and found:
        have = {name.casefold() for name in found}
        found |= {name: kind for name, kind in before.items() if name.casefold() not in have}
    return found


def drift_between(before: Mapping[str, str] | None, after: Mapping[str, str]) -> Drift | None:
    """The drift, if there is one: there is none before the first load."""
    drift = Drift(before or {}, after)
    return drift if before is not None and drift.said else None


def marks_aside(marks: Mapping[str, int]) -> dict[str, int]:
    """The marks of a part that is set aside: it does not come again by itself, and is known when it is accepted."""
    return {**marks, **{f"{_ASIDE}{name}": value for name, value in marks.items()}}


def marks_without_aside(mark: Callable[[str], int | None]) -> Callable[[str], int | None]:
    """Marks as if what was set aside had never come: so it comes again."""

    def known(name: str) -> int | None:
        value = mark(name)
        return None if value is not None and value == mark(f"{_ASIDE}{name}") else value

    return known


def marks_taken(marks: Mapping[str, int], mark: Callable[[str], int | None]) -> dict[str, int]:
    """The marks of a part that is loaded: what was aside before is so no more."""
    return {**marks, **{f"{_ASIDE}{name}": 0 for name in marks if mark(f"{_ASIDE}{name}")}}


def were_aside(marks: Mapping[str, int]) -> bool:
    """Whether what is loaded now was set aside before, so that its rejected rows go."""
    return any(name.startswith(_ASIDE) for name in marks)
