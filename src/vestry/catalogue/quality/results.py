"""What every rule said at every audit, read from `vestry.quality.result`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from vestry.lake import Lake
from vestry.lake.ledger import asked
from vestry.products.quality import RESULTS
from vestry.project import TableName, literal

#: How far back a trend goes.
DAYS = 366
_COLUMNS = "rule, column_name, dimension, severity, expected, value, failing, row_count, passed, run, checked_at"
_TIES = "row_number() OVER (PARTITION BY {by} ORDER BY checked_at DESC)"


@dataclass(frozen=True)
class Said:
    """What one rule said at one audit: `value` as the rule's unit has it, of `rows` rows, `failing` of which break it."""

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


class Results:
    """The last word of every rule of every table, read again only where audits were added."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._lock = threading.Lock()
        self._version: int | None = None
        self._read_to: datetime | None = None
        self._last: dict[str, dict[tuple[str, str | None], Said]] = {}

    def of(self, table: TableName) -> Mapping[tuple[str, str | None], Said]:
        """What each rule of a table, by its name and column, said last; nothing of a table that was never audited."""
        with self._lock:
            self._refresh()
            return dict(self._last.get(str(table), {}))

    def _refresh(self) -> None:
        ledger = self._lake.open(RESULTS)
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


def by_day(lake: Lake, table: TableName, now: datetime, days: int = DAYS) -> dict[date, Sequence[Said]]:
    """What each rule said last on each day (UTC) on which the table was audited, oldest day first."""
    by = _TIES.format(by="rule, column_name, date_trunc('day', checked_at)")
    rows = asked(
        lake,
        RESULTS,
        f"SELECT * FROM (SELECT {_COLUMNS}, {by} AS place FROM ledger WHERE table_name = {literal(str(table))} "
        f"AND checked_at > {_moment(now - timedelta(days=days))}) WHERE place = 1 ORDER BY checked_at",
    )
    found: dict[date, list[Said]] = {}
    for row in rows:
        said = _said(row)
        found.setdefault(said.at.date(), []).append(said)
    return dict(found)


def _said(row: Mapping[str, Any]) -> Said:
    return Said(
        row["rule"], row["column_name"], row["dimension"], row["severity"], row["expected"], row["value"],
        row["failing"], row["row_count"], row["passed"], row["run"], row["checked_at"].astimezone(UTC),
    )  # fmt: skip


def _moment(when: datetime) -> str:
    return f"to_timestamp_micros({int(when.timestamp() * 1e6)})"
