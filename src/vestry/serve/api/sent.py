"""Rows as an answer over HTTP: with what names their version, and the way to the next page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from vestry.governance.access.gate import Gate
from vestry.project import TableName
from vestry.serve.api.asked import LARGEST, PAGE, Asked, may_stand_in_address
from vestry.serve.page import where_of
from vestry.serve.reader import reader_of
from vestry.serve.rows.answer import Answer, Leave, answer, leave
from vestry.serve.rows.changes import changes
from vestry.serve.rows.encode import Form
from vestry.serve.rows.turns import Turns


@dataclass(frozen=True)
class _Made:
    """What is answered before the first row."""

    leave: Leave
    tag: str
    #: None where the reader has it already.
    answer: Answer | None


async def rows(request: Request, gate: Gate, turns: Turns, table: TableName, asked: Asked, form: Form) -> Response:
    """The rows that are asked for."""
    made = await turns.take(lambda: _made(request, gate, table, asked, form))
    headers = {
        "ETag": made.tag,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Authorization, Cookie",
        "Vestry-Version": made.leave.version,
    }
    if request.method == "POST":
        del headers["ETag"]
    if written := gate.live.catalogue().tables[table].state:
        headers["Last-Modified"] = f"{written.written:%a, %d %b %Y %H:%M:%S} GMT"
    if made.answer is None:
        return Response(None, 304, headers)
    headers["Vestry-Rows"] = str(made.answer.count)
    link = None
    if made.answer.cursor:
        headers["Vestry-Cursor"] = made.answer.cursor
        if request.method == "GET":
            link = _link(request, made.answer.cursor)
            headers["Link"] = f'<{link}>; rel="next"'
    pieces = form.encode(made.answer.schema, made.answer.batches)
    if form.name == "json":
        pieces = _json(pieces, made, table, link)
    else:
        ending = {"parquet": "parquet", "arrow": "arrows"}.get(form.name, form.name)
        headers["Content-Disposition"] = f'attachment; filename="{table}.{ending}"'
    sent = turns.pieces(pieces, made.answer.close)
    return StreamingResponse(sent, 200, headers, form.media_type)


def _made(request: Request, gate: Gate, table: TableName, asked: Asked, form: Form) -> _Made:
    may = leave(gate, reader_of(request), table, where_of(request, "rest"), asked.purpose)
    query = asked.query()
    tag = may.tag((query, asked.since), form.name)
    if request.method == "GET":
        entry = gate.live.catalogue().tables[table]
        may_stand_in_address(query, may.columns, [column.name for column in entry.columns if column.is_personal])
        if _has(request.headers.get("if-none-match", ""), tag):
            may.reading.give(0, note="it is as it was")
            return _Made(may, tag, None)
    if asked.since is not None:
        source = changes(gate.live.workspace, may, asked.since, query)
        return _Made(may, tag, answer(may, query, form.shape, source=source))
    if form.name == "json":
        query = replace(query, limit=min(query.limit or PAGE, LARGEST))
    return _Made(may, tag, answer(may, query, form.shape))


def _has(said: str, tag: str) -> bool:
    """Whether `If-None-Match` names the tag: strong or weak is the same there."""
    return said.strip() == "*" or tag.removeprefix("W/") in (one.strip().removeprefix("W/") for one in said.split(","))


def _link(request: Request, cursor: str) -> str:
    kept = [(k, v) for k, v in request.query_params.multi_items() if k not in ("cursor", "offset")]
    return f"{request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"


def _json(objects: Iterator[bytes], made: _Made, table: TableName, link: str | None) -> Iterator[bytes]:
    assert made.answer is not None
    said = {
        "table": str(table), "version": made.leave.version, "count": made.answer.count, "next": link,
        "cursor": made.answer.cursor,
    }  # fmt: skip
    yield json.dumps(said)[:-1].encode() + b', "rows": [\n'
    yield from objects
    yield b"\n]}\n"
