"""How the tables of a project stand: rows, quality, freshness, and how long the last write took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from vestry.lake import Lake, Version
from vestry.project import Project, TableName

#: Writes are looked for this far back; compactions may stand on top of them.
_BACK = 20


@dataclass(frozen=True)
class State:
    """One table as it stands; `quality` in percent, `seconds` of its last write."""

    name: TableName
    layer: str
    rows: int
    quality: float | None
    written: datetime
    seconds: float | None
    version: int

    @property
    def age(self) -> str:
        return age(self.written)


def states(project: Project, lake: Lake, names: Iterable[TableName]) -> list[State]:
    """The tables among `names` that there are."""
    found = []
    for name in names:
        table = lake.open(name)
        if table is None:
            continue
        layer = _layer(project, name)
        write = last_write(lake, name)
        rows = sum(table.get_add_actions(flatten=True)["num_records"].to_pylist())
        quality, seconds = write.record.get("quality"), write.record.get("seconds")
        found.append(State(name, layer, rows, quality, write.at, seconds, table.version()))
    return found


def _layer(project: Project, name: TableName) -> str:
    """A companion such as `__quarantine` is of its table's layer."""
    base = TableName(name.domain, name.product, name.table.partition("__")[0])
    if base in project.tables:
        return project.tables[base].layer
    return "bronze" if base.is_bronze else "system"


def last_write(lake: Lake, name: TableName) -> Version:
    """The newest version that carries a record of a load or build; the newest of all where none does."""
    versions = lake.history(name, _BACK)
    return next((v for v in versions if v.record), versions[0])


def age(then: datetime) -> str:
    """How long ago, in one unit."""
    seconds = max(0, int((datetime.now(UTC) - then).total_seconds()))
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
