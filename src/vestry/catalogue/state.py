"""How each table stands in the lake: read from its log, and again only when that has grown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vestry.lake import DATA, Lake
from vestry.lake.types import duckdb_columns
from vestry.project import TableName
from vestry.run.report import last_write

#: Part of the cache: raise it when `TableState` changes.
_FORMAT = 2


@dataclass(frozen=True)
class TableState:
    """One table as it stands: rows, bytes, its columns' DuckDB types, and what its last write says of itself."""

    version: int
    #: The version at which its data last changed: a compaction makes a version too.
    data: int
    written: datetime
    rows: int
    size: int
    types: Mapping[str, str]
    #: Percent of rules and rows that passed at the last audit; None where nothing was asked.
    quality: float | None
    record: Mapping[str, Any]


class States:
    """The states of a lake's tables, kept in `.vestry/catalogue.json` by the newest entry of each log."""

    def __init__(self, lake: Lake, cache: Path) -> None:
        self._lake, self._cache = lake, cache
        self._known: dict[TableName, tuple[str, TableState]] = {}
        self._saved = True
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(cache.read_bytes())
            if kept["format"] == _FORMAT:
                self._known = {TableName.parse(n): (tip, _of_json(state)) for n, (tip, state) in kept["tables"].items()}

    def of(self, names: Iterable[TableName]) -> dict[TableName, TableState]:
        """The states of those among `names` that are in the lake."""
        found: dict[TableName, tuple[str, TableState]] = {}
        for name in names:
            tip = _tip(self._lake, name)
            if not tip:
                continue
            known = self._known.get(name)
            if known is None or known[0] != tip:
                if (state := state_of(self._lake, name)) is None:
                    continue
                known = tip, state
            found[name] = known
        if found != self._known:
            self._known, self._saved = found, False
        self._save()
        return {name: state for name, (_, state) in found.items()}

    def _save(self) -> None:
        if self._saved:
            return
        tables = {str(n): (tip, {**asdict(s), "written": s.written.isoformat()}) for n, (tip, s) in self._known.items()}
        with suppress(OSError):  # a cache: without it the next start only takes longer
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            aside = self._cache.with_suffix(f".{os.getpid()}.tmp")
            aside.write_text(json.dumps({"format": _FORMAT, "tables": tables}), encoding="utf-8")
            aside.replace(self._cache)
            self._saved = True


def state_of(lake: Lake, name: TableName) -> TableState | None:
    """How a table stands now; None where it is not there."""
    table = lake.open(name)
    if table is None:
        return None
    actions = table.get_add_actions(flatten=True)
    write = last_write(lake, name)
    quality = write.record.get("quality")
    return TableState(
        table.version(),
        table.transaction_version(DATA) or 0,
        write.at,
        sum(actions["num_records"].to_pylist()),
        sum(actions["size_bytes"].to_pylist()),
        duckdb_columns(table.schema()),
        quality,
        write.record,
    )


def _of_json(kept: dict[str, Any]) -> TableState:
    return TableState(**{**kept, "written": datetime.fromisoformat(kept["written"])})


def _tip(lake: Lake, name: TableName) -> str:
    """What changes whenever a table is written: the newest file of its log; its version where that lies elsewhere."""
    if not lake.is_local:
        table = lake.open(name)
        return str(table.version()) if table else ""
    try:
        with os.scandir(Path(lake.uri(name), "_delta_log")) as entries:
            return max((e.name for e in entries if e.name.endswith(".json")), default="")
    except OSError:
        return ""
