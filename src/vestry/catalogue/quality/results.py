"""What every rule said at every audit, read from `vestry.quality.result`."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from vestry.lake import Lake
from vestry.lake.ledger import asked
from vestry.products.quality import PERCENT, RESULTS
from vestry.project import TableName, literal

#: How far back a trend goes.
DAYS = 366
#: Seconds for which a look at the ledger is taken to be true.
_FRESH = 1.0
_COLUMNS = "rule, column_name, dimension, severity, expected, value, failing, row_count, passed, run, checked_at"
_TIES = "row_number() OVER (PARTITION BY {by} ORDER BY checked_at DESC)"


@dataclass(frozen=True)
class Said:
    """What one rule said at one audit: `value` in the rule's unit, and `failing` of `rows` rows that break it."""

    rule: str
    column: str | None
    dimension: str
    severity: str
    expected: str
    value: float
    failing: int
    rows: int
    passed: bool
    run: str
    at: datetime

    @property
    def measured(self) -> str:
        """The value with its unit."""
        return f"{self.value:,g}{PERCENT if self.expected.endswith(PERCENT) else ''}"


class Results:
    """The last word of every rule of every table, read again only where audits were added."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._lock = threading.Lock()
        self._version: int | None = None
        self._looked = 0.0
        self._read_to: datetime | None = None
        self._last: dict[str, dict[tuple[str, str | None], Said]] = {}

    def of(self, table: TableName) -> Mapping[tuple[str, str | None], Said]:
        """What each rule of a table, by its name and column, said last; nothing of a table that was never audited."""
        with self._lock:
            self._refresh()
            return dict(self._last.get(str(table), {}))

    def _refresh(self) -> None:
        if time.monotonic() - self._looked < _FRESH:
            return
        ledger = self._lake.open(RESULTS)
        self._looked = time.monotonic()
        if ledger is None or ledger.version() == self._version:
            return
        since = f"checked_at > {_moment(self._read_to)}" if self._read_to else "true"
        by = _TIES.format(by="table_name, rule, column_name")
        rows = asked(
            self._lake,
            RESULTS,
            f"SELECT * FROM (SELECT table_name, {_COLUMNS}, {by} AS place FROM ledger WHERE {since}) WHERE place = 1",
        )
        for row in rows:
            said = _said(row)
            self._last.setdefault(row["table_name"], {})[said.rule, said.column] = said
            self._read_to = max(said.at, self._read_to or said.at)
        self._version = ledger.version()


def by_day(
    lake: Lake, tables: Collection[TableName], now: datetime, days: int = DAYS
) -> dict[TableName, dict[date, list[Said]]]:
    """What each rule of some tables said last on each day (UTC) on which it was asked, oldest day first."""
    by = _TIES.format(by="table_name, rule, column_name, date_trunc('day', checked_at)")
    names = ", ".join(literal(str(table)) for table in tables) or "''"
    rows = asked(
        lake,
        RESULTS,
        f"SELECT * FROM (SELECT table_name, {_COLUMNS}, {by} AS place FROM ledger WHERE table_name IN ({names}) "
        f"AND checked_at > {_moment(now - timedelta(days=days))}) WHERE place = 1 ORDER BY checked_at",
    )
    found: dict[TableName, dict[date, list[Said]]] = {}
    for row in rows:
        said = _said(row)
        found.setdefault(TableName.parse(row["table_name"]), {}).setdefault(said.at.date(), []).append(said)
    return found


def _said(row: Mapping[str, Any]) -> Said:
    return Said(
        row["rule"], row["column_name"], row["dimension"], row["severity"], row["expected"], row["value"],
        row["failing"], row["row_count"], row["passed"], row["run"], row["checked_at"].astimezone(UTC),
    )  # fmt: skip


def _moment(when: datetime) -> str:
    return f"to_timestamp_micros({int(when.timestamp() * 1e6)})"
