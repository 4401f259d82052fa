"""Webhooks: signed CloudEvents that others send, answered when they are on this machine's disk."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

from vestry.ingest.connector import Context, Part
from vestry.ingest.stream.batch import Shape
from vestry.ingest.stream.cloudevents import NoEvent, events
from vestry.ingest.stream.feed import Feed, Received
from vestry.ingest.stream.inbox import Inbox
from vestry.ingest.stream.model import WebhookSource, WebhookTable
from vestry.ingest.stream.signature import is_signed, secret_key
from vestry.ingest.stream.spool import Full
from vestry.project import DataError, VestryError
from vestry.project.project import expand

if TYPE_CHECKING:
    import duckdb

#: Seconds that a sender may keep us waiting, and requests that are read side by side.
_PATIENCE = 10.0
_AT_ONCE = 64


class WebhookConnector:
    """Addresses to which others send events, listened to by `vestry stream`."""

    Settings = WebhookSource

    def news(self, context: Context) -> str | None:
        return None

    def parts(self, context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
        yield from ()

    def feeds(self, contexts: list[Context]) -> dict[str, Feed]:
        door = _Door(contexts[0])
        return {context.table: WebhookFeed(context, door) for context in contexts}

    def shape(self, context: Context) -> Shape:
        spec: WebhookTable = context.spec
        return Shape(spec.columns, identity=("key", "event_id"), repeats_within=spec.repeats_within)


class WebhookFeed:
    """What is sent to one table."""

    def __init__(self, context: Context, door: _Door) -> None:
        self.problem: VestryError | None = None
        self._folder = context.project.state / "spool" / context.source.name / context.table
        self._limit, self._table, self._door = context.settings.spool_mb * 2**20, context.table, door
        self._inbox: Inbox | None = None

    def open(self, mark: Callable[[str], int | None]) -> None:
        self._inbox = Inbox("webhook", self._folder, self._limit, mark)
        self._door.open(self._table, self._inbox)

    def take(self, most: int, seconds: float, stop: Flag) -> Received:
        assert self._inbox is not None
        if stop.is_set():
            self._door.close(self._table)
        return self._inbox.take(most, seconds, stop)

    def kept(self, marks: Mapping[str, int]) -> None:
        assert self._inbox is not None
        self._inbox.kept(marks)

    def close(self) -> None:
        self._door.close(self._table)
        if self._inbox:
            self._inbox.close()


class _Door:
    """The one HTTP server of a source: there while any of its tables is open."""

    def __init__(self, context: Context) -> None:
        settings: WebhookSource = context.settings
        self.inboxes: dict[str, Inbox] = {}
        self.tables = frozenset(settings.tables)
        self.most = settings.max_bytes
        self.room = threading.BoundedSemaphore(_AT_ONCE)
        self.where = context.where
        self._address = settings.listen
        env = context.project.env
        try:
            self.keys = [secret_key(expand(secret, context.where, env)) for secret in settings.secret]
        except ValueError:
            mend = "take one of 32 random bytes: openssl rand -base64 32"
            raise VestryError("the secret of the webhook is too short, or none", context.where, mend) from None
        self._server: ThreadingHTTPServer | None = None
        self._changing = threading.Lock()

    def open(self, table: str, inbox: Inbox) -> None:
        with self._changing:
            self.inboxes[table] = inbox
            if self._server is None:
                host, _, port = self._address.rpartition(":")
                try:
                    self._server = _Server((host, int(port)), self)
                except OSError as error:
                    self.inboxes.pop(table)
                    what = f"{self._address} cannot be listened to"
                    raise DataError(what, self.where, "is another process there? or give another `listen`") from error
                threading.Thread(target=self._server.serve_forever, args=(0.2,), name="webhook", daemon=True).start()

    def close(self, table: str) -> None:
        with self._changing:
            self.inboxes.pop(table, None)
            if not self.inboxes and self._server is not None:
                self._server.shutdown()
                self._server.server_close()
                self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], door: _Door) -> None:
        self.door = door
        super().__init__(address, _Request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke off is the sender's matter; its trace could hold data."""


class _Request(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "vestry", ""

    def do_POST(self) -> None:
        door = self.server.door
        # Without a whole body read, what follows on the connection would be taken for a request.
        self.close_connection = True
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            return self._answer(411)
        if int(length) > door.most:
            return self._answer(413)
        if not door.room.acquire(blocking=False):
            return self._answer(503, retry=True)
        try:
            self._take(door, self._body(int(length)))
        finally:
            door.room.release()
        return None

    def _take(self, door: _Door, body: bytes | None) -> None:
        if body is None:
            return self._answer(408)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not is_signed(door.keys, headers, body):
            return self._answer(401)
        table = self.path.strip("/")
        if table not in door.tables:
            return self._answer(404)
        inbox = door.inboxes.get(table)
        if inbox is None:
            return self._answer(503, retry=True)
        try:
            found = events(headers, body, time.time_ns() // 1000)
        except NoEvent as error:
            return self._answer(400, str(error))
        # In binary mode the id stands in a header, which the signature covers only as webhook-id.
        if "ce-id" in headers and headers["ce-id"] != headers["webhook-id"]:
            return self._answer(400, "webhook-id is not the event's id")
        try:
            if found:
                inbox.store(found)
        except (Full, ValueError):  # no room; or the table was closed meanwhile
            return self._answer(503, retry=True)
        self.close_connection = False
        return self._answer(202)

    def _body(self, length: int) -> bytes | None:
        """The body, or None where it does not come whole in time."""
        until, parts, got = time.monotonic() + _PATIENCE, list[bytes](), 0
        with contextlib.suppress(OSError):
            while got < length and time.monotonic() < until:
                part = self.rfile.read1(min(length - got, 65_536))
                if not part:
                    break
                parts.append(part)
                got += len(part)
        return b"".join(parts) if got == length else None

    def _answer(self, status: int, said: str = "", *, retry: bool = False) -> None:
        self.send_response(status)
        body = said.encode()
        self.send_header("Content-Length", str(len(body)))
        if body:
            self.send_header("Content-Type", "text/plain; charset=utf-8")
        if retry:
            self.send_header("Retry-After", "10")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """A sender's path and headers are not for the log."""
