"""The ledger of every window and page asked for: what came, what failed, what is owed.

The table `vestry.ingest.request` only grows; of two entries on one stretch the later holds. What failed is
entered before bronze's commit and what was got after it. So a crash between the two can only make the ledger
owe what bronze has already: it is asked for again, and comes to nothing, for bronze knows its rows. Where bronze
was put back to an earlier version, what was got since then is owed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from vestry.ingest.rest.windows import Window
from vestry.lake import REPLACED, Engine
from vestry.lake.ledger import enter
from vestry.project import TableName, literal

if TYPE_CHECKING:
    import duckdb

REQUESTS = TableName("vestry", "ingest", "request")
_GOT = ("got", "empty")


@dataclass(frozen=True)
class Entry:
    """What came of a window, or of one page of it."""

    window: Window
    status: Literal["got", "empty", "failed", "owed"]
    asked_at: float
    page: int | None = None
    pages: int = 0
    records: int = 0
    attempts: int = 0
    why: str = ""
    incident: str = ""


@dataclass(frozen=True)
class Gap:
    """A stretch that was asked for, or should have been, and has not come. `since` in seconds since 1970."""

    window: Window
    since: float
    why: str
    incident: str = ""
    attempts: int = 0


def gaps(entries: Iterable[Entry]) -> list[Gap]:
    """What is owed when all is told, oldest first: the union of what was asked for, without what was got later."""
    found: list[Gap] = []
    for entry in entries:
        inside = [gap for gap in found if _overlap(gap.window, entry.window)]
        found = [piece for gap in found for piece in _without(gap, entry.window)]
        if entry.status not in _GOT:
            since = min([entry.asked_at, *(gap.since for gap in inside)])
            attempts = max([0, *(gap.attempts for gap in inside)]) + (entry.status == "failed")
            found.append(Gap(entry.window, since, entry.why, entry.incident, attempts))
    return list(_joined(sorted(found, key=lambda gap: _start(gap.window))))


def _joined(found: Iterable[Gap]) -> Iterator[Gap]:
    """Gaps side by side as one: it is since the first, for the reason of the one tried most often."""
    last: Gap | None = None
    for gap in found:
        if last and _end(last.window) == _start(gap.window):
            told = max(last, gap, key=lambda g: g.attempts)
            window = Window(last.window.start, gap.window.end)
            last = replace(told, window=window, since=min(last.since, gap.since))
            continue
        if last:
            yield last
        last = gap
    if last:
        yield last


def _start(window: Window) -> tuple[Any, ...]:
    return (0,) if window.start is None else (1, window.start)


def _end(window: Window) -> tuple[Any, ...]:
    return (2,) if window.end is None else (1, window.end)


def _overlap(one: Window, other: Window) -> bool:
    return _start(one) < _end(other) and _start(other) < _end(one)


def _without(gap: Gap, window: Window) -> Iterator[Gap]:
    if not _overlap(gap.window, window):
        yield gap
        return
    if _start(gap.window) < _start(window):
        yield replace(gap, window=Window(gap.window.start, window.start))
    if _end(window) < _end(gap.window):
        yield replace(gap, window=Window(window.end, gap.window.end))


@dataclass(frozen=True)
class Book:
    """The windows of one source table that the ledger knows, in the order in which they were entered."""

    table: TableName
    entries: Sequence[Entry] = ()
    #: The number of the last entry.
    last: int = 0

    @property
    def gaps(self) -> list[Gap]:
        return gaps(self.entries)

    @property
    def reach(self) -> Any:
        """The greatest end of a window that was got; None where there is none."""
        return max((e.window.end for e in self.entries if e.status in _GOT and e.window.end is not None), default=None)

    def enter(
        self, engine: Engine, con: duckdb.DuckDBPyConnection, entries: Sequence[Entry], key: Callable[[Any], str]
    ) -> Book:
        """Add entries; the book with them. `key` writes a value as the ledger keeps it."""
        import pyarrow as pa

        if not entries:
            return self
        loaded_at = engine.lake.mark(self.table, "vestry.loaded_at") or 0
        rows = [
            {
                "source_table": str(self.table),
                "entry": number,
                "window_from": None if e.window.start is None else key(e.window.start),
                "window_to": None if e.window.end is None else key(e.window.end),
                "page": e.page,
                "status": e.status,
                "pages": e.pages,
                "records": e.records,
                "attempts": e.attempts,
                "why": e.why,
                "incident": e.incident,
                "asked_at": datetime.fromtimestamp(e.asked_at, UTC),
                "loaded_at": datetime.fromtimestamp(loaded_at / 1e6, UTC),
            }
            for number, e in enumerate(entries, self.last + 1)
        ]
        con.register("_requests", pa.Table.from_pylist(rows, schema=_schema()))
        try:
            enter(
                engine.lake,
                con,
                REQUESTS,
                "SELECT *, now() AS entered_at FROM _requests",
                skip_by=["source_table", "entry"],
            )
        finally:
            con.unregister("_requests")
        windows = [e for e in entries if e.page is None]
        return Book(self.table, [*self.entries, *windows], self.last + len(entries))


def _schema() -> Any:
    import pyarrow as pa

    text, whole, moment = pa.string(), pa.int64(), pa.timestamp("us", "UTC")
    kinds = {"entry": whole, "page": whole, "pages": whole, "records": whole, "attempts": whole}
    kinds |= {"asked_at": moment, "loaded_at": moment}
    names = ["source_table", "entry", "window_from", "window_to", "page", "status", "pages", "records", "attempts"]
    return pa.schema([(n, kinds.get(n, text)) for n in [*names, "why", "incident", "asked_at", "loaded_at"]])


def read_book(engine: Engine, con: duckdb.DuckDBPyConnection, table: TableName, read: Callable[[str], Any]) -> Book:
    """What the ledger knows of a table; `read` is the value of a text as the ledger keeps it."""
    if engine.lake.open(REQUESTS) is None:
        return Book(table)
    lost = _lost(engine, con, table)
    found = con.execute(
        f"SELECT window_from, window_to, CASE WHEN {lost} THEN 'owed' ELSE status END, epoch(asked_at), page, "
        f"pages, records, attempts, why, incident, entry FROM {engine.relation(REQUESTS)} "
        f"WHERE source_table = {literal(str(table))} AND page IS NULL ORDER BY entry"
    ).fetchall()
    last = con.execute(
        f"SELECT max(entry) FROM {engine.relation(REQUESTS)} WHERE source_table = {literal(str(table))}"
    ).fetchone()
    entries = [Entry(Window(*(None if text is None else read(text) for text in row[:2])), *row[2:10]) for row in found]
    return Book(table, entries, (last and last[0]) or 0)


def _lost(engine: Engine, con: duckdb.DuckDBPyConnection, table: TableName) -> str:
    """SQL that is true of an entry of what bronze had, and has no more since it was put back."""
    replaced = engine.lake.mark(table, REPLACED)
    if not replaced:
        return "false"
    stands = con.execute(f"SELECT epoch_us(max(_loaded_at)) FROM {engine.relation(table)}").fetchone()
    return (
        f"status IN ('got', 'empty') AND window_from IS NOT NULL AND entered_at < make_timestamptz({replaced}) "
        f"AND loaded_at > make_timestamptz({(stands and stands[0]) or 0})"
    )
