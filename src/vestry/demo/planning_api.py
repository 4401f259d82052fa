"""The planning system's API: a toy of a vendor's, on this machine only, that tells changes and nothing else.

``GET /api/applications/changes?since=<ISO 8601>&page_size=<1-500>`` with the header ``X-Api-Key`` answers::

    {"changes": [{"changed_at": "2026-09-01T08:12:00Z", "change": "updated", "reference": "26/00123/FUL", …}],
     "next": "http://127.0.0.1:…/api/applications/changes?cursor=…" or null}

Changes at or after ``since`` (and before ``until``, where that is given), oldest first; several may bear one time.
``change`` is ``created``, ``updated`` or ``deleted``; a deleted application gives its reference only. Follow ``next``
until it is null. A wrong key is 401, a wrong parameter 400, an unknown path 404, each with ``{"error": "…"}``.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

API_KEY = "westmarsh-demo-key"
CHANGES_PATH = "/api/applications/changes"
MOST_PER_PAGE = 500


@dataclass
class Misbehaviour:
    """How the vendor lets its users down. Change it while the server runs; the server counts in ``requests``."""

    fail_first: int = 0
    """This many requests, counted from the start, answer 500."""
    fail_requests: frozenset[int] = frozenset()
    """These requests (the first is 1) answer 500."""
    busy_every: int = 0
    """Each n-th request answers 429 with ``Retry-After: 1``; 0 for never."""
    break_after_pages: int | None = None
    """After this many good pages, every answer stops in the middle of its body and the connection closes."""
    lookback_days: int | None = None
    """``since`` earlier than this many days before the newest change is silently moved to it."""
    requests: int = 0
    pages: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count_request(self) -> int:
        """Count one more request; return its number, from 1."""
        with self._lock:
            self.requests += 1
            return self.requests

    def count_page(self) -> int:
        """Count one more page; return its number, from 1."""
        with self._lock:
            self.pages += 1
            return self.pages


@contextmanager
def serve_planning(
    path: Path | str,
    *,
    port: int = 0,
    api_key: str = API_KEY,
    until: datetime | None = None,
    misbehaviour: Misbehaviour | None = None,
) -> Iterator[str]:
    """Serve the change log at ``path`` (``planning/changes.sqlite``) on 127.0.0.1 and give the base URL.

    ``port`` 0 takes a free one. ``until`` hides changes after that time, so that days can be let pass.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no planning change log at {path}")
    server = _Server(("127.0.0.1", port), path, api_key, until, misbehaviour or Misbehaviour())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        path: Path,
        api_key: str,
        until: datetime | None,
        misbehaviour: Misbehaviour,
    ) -> None:
        super().__init__(address, _Handler)
        self.path = path
        self.api_key = api_key
        self.until = _stamp(until) if until else "9999"
        self.misbehaviour = misbehaviour

    def page(self, since: str, until: str, after: int, size: int) -> list[tuple[int, str, str, str, str]]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as db:
            if self.misbehaviour.lookback_days is not None:
                newest = db.execute("SELECT max(changed_at) FROM change WHERE changed_at <= ?", [self.until])
                (last,) = newest.fetchone()
                if last:
                    floor = datetime.fromisoformat(last) - timedelta(days=self.misbehaviour.lookback_days)
                    since = max(since, _stamp(floor))
            return db.execute(
                """SELECT seq, changed_at, change, reference, body FROM change
                   WHERE changed_at >= ? AND changed_at < ? AND changed_at <= ? AND seq > ?
                   ORDER BY seq LIMIT ?""",
                [since, until, self.until, after, size],
            ).fetchall()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        wrong = self.server.misbehaviour
        number = wrong.count_request()
        if number <= wrong.fail_first or number in wrong.fail_requests:
            self._answer(500, {"error": "Internal Server Error"})
            return
        if wrong.busy_every and number % wrong.busy_every == 0:
            self._answer(429, {"error": "Too many requests"}, {"Retry-After": "1"})
            return
        url = urlsplit(self.path)
        if url.path != CHANGES_PATH:
            self._answer(404, {"error": f"No such resource. Try {CHANGES_PATH}"})
            return
        if self.headers.get("X-Api-Key") != self.server.api_key:
            self._answer(401, {"error": "Missing or wrong X-Api-Key"})
            return
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        try:
            since, until, after, size = _read_query(query)
        except ValueError as error:
            self._answer(400, {"error": str(error)})
            return
        rows = self.server.page(since, until, after, size + 1)
        page, more = rows[:size], len(rows) > size
        changes = [
            {"changed_at": changed_at, "change": change, "reference": reference, **json.loads(body)}
            for _, changed_at, change, reference, body in page
        ]
        following = None
        if more:
            cursor = base64.urlsafe_b64encode(json.dumps([since, until, page[-1][0], size]).encode()).decode()
            host = f"http://127.0.0.1:{self.server.server_port}"
            following = f"{host}{CHANGES_PATH}?{urlencode({'cursor': cursor})}"
        breaks = wrong.break_after_pages is not None and wrong.pages >= wrong.break_after_pages
        if not breaks:
            wrong.count_page()
        self._answer(200, {"changes": changes, "next": following}, breaks=breaks)

    def _answer(
        self, status: int, body: object, headers: dict[str, str] | None = None, *, breaks: bool = False
    ) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if breaks else data)
        if breaks:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the log of a toy is noise on the user's terminal."""


def _read_query(query: dict[str, str]) -> tuple[str, str, int, int]:
    if "cursor" in query:
        try:
            since, until, after, size = json.loads(base64.urlsafe_b64decode(query["cursor"]))
        except ValueError:
            raise ValueError("cursor is not one that this API gave") from None
        return str(since), str(until), int(after), int(size)
    if "since" not in query:
        raise ValueError("since is required: an ISO 8601 time, such as 2026-09-01T00:00:00Z")
    since = _read_time(query, "since")
    until = _read_time(query, "until") if "until" in query else "9999"
    size_text = query.get("page_size", "100")
    if not size_text.isdigit() or not 1 <= int(size_text) <= MOST_PER_PAGE:
        raise ValueError(f"page_size must be a number from 1 to {MOST_PER_PAGE}")
    return since, until, 0, int(size_text)


def _read_time(query: dict[str, str], name: str) -> str:
    try:
        # A space is what an unescaped + of a time zone arrives as.
        return _stamp(datetime.fromisoformat(query[name].replace(" ", "+")))
    except ValueError:
        raise ValueError(f"{name} is not an ISO 8601 time, such as 2026-09-01T00:00:00Z") from None


def _stamp(time: datetime) -> str:
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
