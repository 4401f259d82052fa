"""What an API has that is new: whole tables, changes window by window, and what follows from them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from vestry.ingest.asked import Asked, last_asked, note_asked
from vestry.ingest.connector import LOAD_COLUMNS, LOADED_AT, Context, Part
from vestry.ingest.cursor import farthest, new_only
from vestry.ingest.files.names import snake_case
from vestry.ingest.rest import nested
from vestry.ingest.rest.ledger import Book, Entry, read_book
from vestry.ingest.rest.windows import Scale, Window, asked_from, joined, plan, scale_of
from vestry.lake import DATA
from vestry.project import DataError, quote
from vestry.project.durations import is_time, seconds
from vestry.project.source_models import RestCursor, RestTable

if TYPE_CHECKING:
    import duckdb

    from vestry.ingest.rest.answers import Unanswered
    from vestry.ingest.rest.client import Api

#: So many windows in a row that fail each by itself, and the rest would too.
_ENOUGH = 3
#: Seconds that a vendor's clock may be ahead of ours.
_AHEAD = 86_400


class RestConnector:
    """HTTP APIs with JSON. An API is not asked more often than the source's `every`, but for what it owes."""

    def news(self, context: Context) -> str | None:
        if context.spec.from_:
            return nested.news(context)
        asked = last_asked(context.project, context.bronze)
        if asked is None or context.mark(DATA) is None:
            return "not asked yet"
        if asked.owed:
            return "something is owed from before"
        if asked.loaded_at is not None and (context.mark(LOADED_AT) or 0) <= asked.loaded_at:
            return "its last answer was not loaded"
        wait = seconds(context.settings.every)
        return (
            None if context.project.clock() - asked.at < wait else f"last asked more than {context.settings.every} ago"
        )

    def parts(self, context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
        if context.spec.from_:
            return nested.parts(context, con, workdir)
        return (_feed if context.spec.cursor else _whole)(context, con, workdir)


def _whole(context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
    """The table as it is now: all pages or nothing."""
    from vestry.ingest.files.reading import FileOptions, read_file
    from vestry.ingest.rest.client import Api

    book = read_book(context.engine, con, context.bronze, str)
    now, records = context.project.clock(), workdir / "records.ndjson"
    with records.open("w", encoding="utf-8") as out:
        came = _ask(Api(context), context.spec, Window(), context.spec.params, now, out)
    if came.failure:
        book.enter(context.engine, con, came.entries, str)
        raise _told(context, came.failure, "nothing was loaded")
    select, rejected = "", None
    if came.records:
        rows = read_file(records, FileOptions(format="ndjson"), con, workdir)
        select, rejected = rows.select, rows.rejected
    elif context.mark(DATA) is not None:  # all is gone
        bronze = context.engine.relation(context.bronze)
        select = f"SELECT * EXCLUDE ({', '.join(LOAD_COLUMNS)}) FROM {bronze} WHERE false"
    note_asked(context.project, context.bronze, Asked(now, context.mark(LOADED_AT) or 0 if select else None))
    if not select:
        book.enter(context.engine, con, came.entries, str)
        return
    yield Part(
        origin=context.spec.endpoint,
        select=select,
        rejected=rejected,
        replaces="table",
        record={"fetched": came.records},
        sparse=True,
        done=lambda: book.enter(context.engine, con, came.entries, str),
    )


def _feed(context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
    """The changes of every window that is owed or new; what came whole counts though another failed."""
    from vestry.ingest.rest import deletes
    from vestry.ingest.rest.answers import Unanswered
    from vestry.ingest.rest.client import Api

    spec: RestTable = context.spec
    assert spec.cursor
    column, now = snake_case(spec.cursor.field), context.project.clock()
    bronze = [context.engine.relation(context.bronze)] if column in context.lake.columns(context.bronze) else []
    last = _last(con, spec.cursor, bronze, now)
    scale = scale_of(spec.cursor, last)
    book = read_book(context.engine, con, context.bronze, scale.read)
    known = [v for v in (book.reach, scale.read(last) if last is not None else None) if v is not None]
    frontier = max(known) if known else scale.read(spec.cursor.start)
    windows = plan(spec.cursor, [g.window for g in book.gaps], frontier, datetime.fromtimestamp(now, UTC))
    api, records = Api(context), workdir / "records.ndjson"
    with records.open("w", encoding="utf-8") as out:
        came = _ask_windows(api, spec, windows, scale, now, out)
    book = book.enter(context.engine, con, [e for e in came.entries if e.status in ("failed", "owed")], scale.key)
    select, rejected = "", None
    if came.records:
        select, rejected = _rows(context, con, records, column)
    failure, marks = came.failure, {}
    if deletes.due(context) and not (failure and failure.ends):
        try:
            at = _last(con, spec.cursor, [*([f"({select})"] if select else []), *bronze], now)
            gone = deletes.missing(context, con, api, workdir, select, at)
            marks = {deletes.COMPARED: int(now)}
            select = " UNION ALL BY NAME ".join(filter(None, (select, gone)))
        except Unanswered as error:
            failure = failure or error
    owed = _told(context, failure, _said(book)) if failure else None
    got = [e for e in came.entries if e.status in ("got", "empty")]

    def done() -> None:
        book.enter(context.engine, con, got, scale.key)

    if not select:
        if marks and context.mark(DATA) is not None:
            context.lake.note(context.bronze, marks)
        done()
        note_asked(context.project, context.bronze, Asked(now, None, owed is not None))
        if owed:
            raise owed
        return
    note_asked(context.project, context.bronze, Asked(now, context.mark(LOADED_AT) or 0, owed is not None))
    yield Part(
        origin=str(spec.endpoint),
        select=select,
        rejected=rejected,
        replaces="nothing",
        marks=marks,
        record={
            "since": asked_from(spec.cursor, scale, windows[0]),
            "fetched": came.records,
            "windows": len(windows),
            "owed": len(book.gaps),
        },
        sparse=True,
        owed=owed,
        done=done,
    )


def _rows(context: Context, con: duckdb.DuckDBPyConnection, records: Path, column: str) -> tuple[str, Any]:
    """SQL of the records that bronze has not yet, each once, and what could not be read; no SQL where there is none."""
    from vestry.ingest.files.reading import FileOptions, read_file
    from vestry.ingest.rest.deletes import CHANGE

    rows = read_file(records, FileOptions(format="ndjson"), con, records.parent)
    select, names = rows.select, list(rows.columns)
    if context.spec.deletes:
        select, names = f"SELECT *, CAST(NULL AS VARCHAR) AS {CHANGE} FROM ({select})", [*names, CHANGE]
    # A vendor may give more than was asked for: what is there is looked for from the least that came.
    least = None
    if column in context.lake.columns(context.bronze):
        least = farthest(con, f"({rows.select})", column, "VARCHAR", "min")
    select = new_only(context, select, names, column, least, distinct=True)
    if con.execute(f"SELECT 1 FROM ({select}) LIMIT 1").fetchone() is None and not rows.rejected.num_rows:
        return "", rows.rejected
    return select, rows.rejected


@dataclass
class _Came:
    """What came of one window or of several."""

    entries: list[Entry]
    records: int = 0
    failure: Unanswered | None = None


def _last(con: duckdb.DuckDBPyConnection, cursor: RestCursor, relations: Sequence[str], now: float) -> str | None:
    """The greatest value of the cursor in the relations, from which it is gone on.

    Where it is a time, one that is none, or far in the future, is a slip of the vendor's: nobody goes on from there.
    """
    if not relations:
        return None
    column = snake_case(cursor.field)
    time = f"TRY_CAST({quote(column)} AS TIMESTAMPTZ)"
    sane = f"{time} <= make_timestamptz({int((now + _AHEAD) * 1e6)})" if is_time(cursor.start) else "true"
    values = " UNION ALL ".join(f"SELECT {quote(column)} FROM {relation} WHERE {sane}" for relation in relations)
    return farthest(con, f"({values})", column, "VARCHAR", "max")


def _ask_windows(api: Api, spec: RestTable, windows: Sequence[Window], scale: Scale, now: float, out: TextIO) -> _Came:
    """Ask for the windows in turn, until the vendor answers no more; what was not asked for then is owed."""
    assert spec.cursor
    whole, failed = _Came([]), 0
    for place, window in enumerate(windows):
        params: dict[str, Any] = {**spec.params, spec.cursor.param: asked_from(spec.cursor, scale, window)}
        if spec.cursor.until and window.end is not None:
            params[spec.cursor.until] = scale.write(window.end, up=True)
        came = _ask(api, spec, window, params, now, out, scale)
        whole.entries += came.entries
        whole.records += came.records
        failed = failed + 1 if came.failure else 0
        if came.failure:
            whole.failure = came.failure
            if came.failure.ends or failed == _ENOUGH:
                why: dict[str, Any] = {"why": came.failure.what, "incident": came.failure.incident}
                whole.entries += [Entry(rest, "owed", now, **why) for rest in joined(windows[place + 1 :])]
                break
    return whole


def _ask(
    api: Api,
    spec: RestTable,
    window: Window,
    params: Mapping[str, Any],
    now: float,
    out: TextIO,
    scale: Scale | None = None,
) -> _Came:
    """Ask for one window, and write the records of its pages, one a line: of each page all or none."""
    from vestry.ingest.rest.answers import Unanswered

    before, came, order = api.attempts, _Came([]), _Order(scale if spec.cursor and spec.cursor.ordered else None)
    try:
        for number, page in enumerate(api.pages(spec.endpoint or "", params, spec.rows, spec.paginator), 1):
            if page and spec.cursor:
                order.follow(_values(api, spec, spec.cursor, page))
            out.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in page)
            came.records += len(page)
            came.entries.append(Entry(window, _status(len(page)), now, page=number, pages=1, records=len(page)))
    except Unanswered as error:
        came.failure = error
    facts: dict[str, Any] = {"pages": len(came.entries), "records": came.records, "attempts": api.attempts - before}
    if not came.failure:
        came.entries.append(Entry(window, _status(came.records), now, **facts))
        return came
    if order.reached is not None and order.reached > window.start:
        came.entries.append(Entry(Window(window.start, order.reached), "got", now, pages=facts["pages"]))
        window = Window(order.reached, window.end)
    facts |= {"why": came.failure.what, "incident": came.failure.incident}
    came.entries.append(Entry(window, "failed", now, **facts))
    return came


def _status(records: int) -> Literal["got", "empty"]:
    return "got" if records else "empty"


class _Order:
    """How far records came that are promised in the cursor's order; None as soon as they are not."""

    def __init__(self, scale: Scale | None) -> None:
        self.scale, self.reached = scale, None
        self._kept = scale is not None

    def follow(self, texts: Sequence[str]) -> None:
        if not self._kept or self.scale is None:
            return
        try:
            values = [v for v in (self.reached, *map(self.scale.read, texts)) if v is not None]
        except ValueError:
            values = []
        self._kept = bool(values) and all(a <= b for a, b in pairwise(values))
        self.reached = values[-1] if self._kept else None


def _values(api: Api, spec: RestTable, cursor: RestCursor, page: Sequence[Any]) -> list[str]:
    """The cursor's values on a page, as text.

    Raises Unanswered where no record has one, or a field of the key: nothing could be told from them about
    what to ask next, or which thing they are of.
    """
    from vestry.ingest.rest.answers import Unanswered

    for name in spec.key:
        if not any(isinstance(r, dict) and name in r for r in page):
            raise Unanswered("answer-changed", api.url, f"records without `{name}`")
    found = [r[cursor.field] for r in page if isinstance(r, dict) and r.get(cursor.field) is not None]
    if not found:
        raise Unanswered("answer-changed", api.url, f"records without `{cursor.field}`")
    return [v if isinstance(v, str) else json.dumps(v) for v in found]


def _said(book: Book) -> str:
    """What is owed, in words."""
    count = len(book.gaps)
    what = "1 stretch is" if count == 1 else f"{count} stretches are"
    return f"what came was loaded; {what} owed and asked for first next time: see `vestry gaps`" if count else ""


def _told(context: Context, failure: Unanswered, outcome: str) -> DataError:
    """The failure as a person is told it: whom to ring first."""
    failure.where = context.where
    failure.mend = "; ".join(filter(None, (context.settings.when_down, failure.mend, outcome)))
    return failure
