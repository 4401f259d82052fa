"""The protocol's paths: what is shared, its versions, its files and its changes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from vestry.governance.access.gate import Gate, Reading, Where
from vestry.governance.access.view import Refused
from vestry.governance.state import now
from vestry.project import DataError, VestryError
from vestry.serve.door import address_of
from vestry.serve.page import portal_of
from vestry.serve.problems import MEND, UNFORESEEN
from vestry.serve.sharing import files, history, shares
from vestry.serve.sharing.actions import CAPABILITIES, VERSION, Form, Line, Writer, expiry, lines
from vestry.serve.sharing.addresses import Address
from vestry.serve.sharing.entrance import DOOR, PATH, credential_of, wrong
from vestry.serve.sharing.history import File, Kept, Snapshot
from vestry.serve.sharing.shares import SharedTable

#: Bytes of a question; hints may be long, and are not used.
_LONGEST = 2**20
#: Names on a page of a list, where a client does not say.
_PAGE = 500
Asked = dict[str, Any]
View = Callable[[Request, Asked], Response]


def _view(view: View) -> Callable[[Request], Any]:
    """A path: what it asks for is read, and what goes wrong is said, as the protocol has it."""

    async def answer(request: Request) -> Response:
        try:
            asked = await _asked(request)
            return await run_in_threadpool(view, request, asked)
        except Refused as error:
            return wrong(404, "RESOURCE_DOES_NOT_EXIST", error.what)
        except DataError as error:
            return wrong(503, "TEMPORARILY_UNAVAILABLE", _said(error))
        except VestryError as error:
            return wrong(400, "INVALID_PARAMETER_VALUE", _said(error))

    return answer


def _said(error: VestryError) -> str:
    return f"{error.what}: {error.mend}" if error.mend else error.what


async def _asked(request: Request) -> Asked:
    """What a question says, in its address or its body."""
    if request.method != "POST":
        return dict(request.query_params)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST:
            raise VestryError("the question is too long", mend=f"at most {_LONGEST:,} bytes")
    try:
        said = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise VestryError("the question is not understood", mend="send a JSON object")
    return said


def list_shares(request: Request, asked: Asked) -> Response:
    return _page(sorted({table.share for table in _found(request)}), asked, lambda share: {"name": share})


def get_share(request: Request, asked: Asked) -> Response:
    return JSONResponse({"share": {"name": _in_share(request)[0].share}})


def list_schemas(request: Request, asked: Asked) -> Response:
    found = _in_share(request)
    schemas = sorted({table.schema for table in found})
    return _page(schemas, asked, lambda schema: {"name": schema, "share": found[0].share})


def list_tables(request: Request, asked: Asked) -> Response:
    schema = request.path_params["schema"]
    found = {table.name: table for table in _in_share(request) if table.schema == schema}
    if not found:
        raise Refused("there is no such schema that you may read")
    return _page(sorted(found), asked, lambda name: _table(found[name]))


def all_tables(request: Request, asked: Asked) -> Response:
    found = {f"{table.schema}.{table.name}": table for table in _in_share(request)}
    return _page(sorted(found), asked, lambda name: _table(found[name]))


def version(request: Request, asked: Asked) -> Response:
    gate = _gate(request)
    since = _moment(asked, "startingTimestamp")
    if since is None:  # asked again and again, to see whether there is anything new: it makes no release
        view = shares.allowed(gate, request.state.user, _named(request), _where(request))
        found = gate.live.workspace.lake.existing(view.table).version()
    else:
        found = history.version_since(_kept(request, _read(request)), since)
    return Response(headers={VERSION: str(found), CAPABILITIES: _form(request).header})


def metadata(request: Request, asked: Asked) -> Response:
    kept = _kept(request, _read(request))
    writer = _writer(request, kept)
    return _answer(writer, _snapshot(kept, asked).version, writer.head())


def query(request: Request, asked: Asked) -> Response:
    """The files of a table. Hints on its rows are not needed for a right answer, and are not used."""
    if "startingVersion" in asked or "endingVersion" in asked:
        raise VestryError("a query gives the table as it is", mend="ask for its changes at /changes")
    limit, reading = _number(asked, "limitHint"), _read(request)
    kept = _kept(request, reading)
    snapshot = _snapshot(kept, asked)
    files = _enough(snapshot.files.values(), limit)
    reading.give(sum(file.rows for file in files), note=f"version {snapshot.version}")
    writer = _writer(request, kept)
    return _answer(writer, snapshot.version, writer.snapshot(snapshot, files))


def changes(request: Request, asked: Asked) -> Response:
    """The files that came and went, from one version to another."""
    reading = _read(request)
    kept = _kept(request, reading)
    newest = next(history.snapshots(kept)).version
    first, since = _number(asked, "startingVersion"), _moment(asked, "startingTimestamp")
    last, until = _number(asked, "endingVersion"), _moment(asked, "endingTimestamp")
    if (first is None) == (since is None) or (last is not None and until is not None):
        mend = "give startingVersion or startingTimestamp, and endingVersion or endingTimestamp where it ends before"
        raise VestryError("it is not said once from where, and to where", mend=mend)
    if first is None:
        assert since is not None
        first = history.version_since(kept, since)
    if until is not None:
        last = history.at_time(kept, until).version
    last = newest if last is None else last
    found = history.changes(kept, first, last)
    rows = sum(file.rows for change in found for file in (*change.came, *change.went))
    reading.give(rows, note=f"changes from version {first} to {last}")
    writer = _writer(request, kept)
    return _answer(writer, last, writer.changes(first, found))


def _gate(request: Request) -> Gate:
    return portal_of(request).gate


def _where(request: Request) -> Where:
    return Where(DOOR, address_of(request))


def _named(request: Request) -> SharedTable:
    return SharedTable(*(request.path_params[part] for part in ("share", "schema", "table")))


def _read(request: Request) -> Reading:
    return shares.read(_gate(request), request.state.user, _named(request), _where(request))


def _kept(request: Request, reading: Reading) -> Kept:
    (release,) = reading.releases.values()
    return Kept(_gate(request).live.workspace.lake, release.view, release.table)


def _form(request: Request) -> Form:
    return Form.of(request.headers.get(CAPABILITIES, ""))


def _writer(request: Request, kept: Kept) -> Writer:
    project = _gate(request).live.workspace.project
    named, credential, until = _named(request), credential_of(request), expiry(now(project))
    base = f"{str(request.base_url).rstrip('/')}{PATH}"

    def address(name: str) -> str:
        found = Address(named.share, named.schema, named.name, str(kept.table), name, credential, until)
        return base + found.path(project)

    return Writer(kept, _form(request), address, until)


def _answer(writer: Writer, version: int, said: Iterable[Line]) -> Response:
    headers = {VERSION: str(version), CAPABILITIES: writer.form.header, "Cache-Control": "no-store"}
    return StreamingResponse(lines(said), headers=headers, media_type="application/x-ndjson")


def _snapshot(kept: Kept, asked: Asked) -> Snapshot:
    """The version, or the moment, that is asked for; the newest where none is."""
    wanted, moment = _number(asked, "version"), _moment(asked, "timestamp")
    if wanted is not None and moment is not None:
        raise VestryError("a version and a time are asked for", mend="give one of them")
    if wanted is not None:
        return history.at_version(kept, wanted)
    return history.at_time(kept, moment) if moment else next(history.snapshots(kept))


def _enough(files: Iterable[File], limit: int | None) -> list[File]:
    """Files that hold so many rows; all where it is not said how many."""
    found: list[File] = []
    for file in files:
        if limit is not None and sum(f.rows for f in found) >= limit:
            break
        found.append(file)
    return found


def _found(request: Request) -> list[SharedTable]:
    return shares.shared(_gate(request), request.state.user, _where(request))


def _in_share(request: Request) -> list[SharedTable]:
    """The tables of the share that is named. Raises Refused where it has none."""
    found = [table for table in _found(request) if table.share == request.path_params["share"]]
    if not found:
        raise Refused("there is no such share that you may read")
    return found


def _table(table: SharedTable) -> dict[str, str]:
    return {"name": table.name, "schema": table.schema, "share": table.share}


def _page(names: Sequence[str], asked: Asked, item: Callable[[str], dict[str, str]]) -> Response:
    """A page of a list: after the name that the token holds, as many as are wanted."""
    most, token = _number(asked, "maxResults"), asked.get("pageToken") or ""
    most = _PAGE if most is None else min(most, _PAGE)
    try:
        after = base64.b64decode(str(token), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise VestryError("the page token is none of ours", mend="begin the list anew") from None
    left = [name for name in names if name > after]
    said: dict[str, Any] = {"items": [item(name) for name in left[:most]]}
    if len(left) > most:
        last = left[most - 1] if most else after
        said["nextPageToken"] = base64.urlsafe_b64encode(last.encode()).decode()
    return JSONResponse(said)


def _number(asked: Asked, name: str) -> int | None:
    said = asked.get(name)
    if said is None:
        return None
    text = str(said)
    if isinstance(said, bool) or not (text.isascii() and text.isdigit() and len(text) < 19):
        raise VestryError(f"`{name}` is not a number", mend="give a whole number from 0")
    return int(text)


def _moment(asked: Asked, name: str) -> datetime | None:
    said = asked.get(name)
    if said is None:
        return None
    try:
        moment = datetime.fromisoformat(str(said))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        raise VestryError(f"`{name}` is not a time", mend="such as 2026-09-30T12:00:00Z") from None


def nothing(request: Request, asked: Asked) -> Response:
    return wrong(404, "RESOURCE_DOES_NOT_EXIST", "the protocol has no such path")


def unforeseen(error: Exception) -> Response:
    """Something that nobody foresaw, as the protocol writes errors."""
    return wrong(500, "INTERNAL_ERROR", f"{UNFORESEEN} ({type(error).__name__}): {MEND}")


_TABLE = "/shares/{share}/schemas/{schema}/tables/{table}"
_PATHS: tuple[tuple[str, str, View], ...] = (
    ("GET", "/shares", list_shares),
    ("GET", "/shares/{share}", get_share),
    ("GET", "/shares/{share}/schemas", list_schemas),
    ("GET", "/shares/{share}/all-tables", all_tables),
    ("GET", "/shares/{share}/schemas/{schema}/tables", list_tables),
    ("GET", f"{_TABLE}/version", version),
    ("GET", _TABLE, version),  # as clients of before version 1.0 ask
    ("GET", f"{_TABLE}/metadata", metadata),
    ("POST", f"{_TABLE}/query", query),
    ("GET", f"{_TABLE}/changes", changes),
    ("GET", "/files/{share}/{schema}/{table}/{file}", files.fetch),
)
routes = [Route(PATH + path, _view(view), methods=[method]) for method, path, view in _PATHS]
routes += [Route(f"{PATH}/{{rest:path}}", _view(nothing), methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]
