"""A vendor's planning-like API on the loopback: changes by time, a list of keys, a table of its own, and moods.

``GET /changes?since=&until=&page=`` gives ``{"items": […], "next": URL or null}``, oldest first, `since` included
and `until` not; ``GET /keys`` gives ``{"keys": […]}``. The vendor's clock is the test's. It tells what is made
and changed, and never what is deleted.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

#: What an answer is: status, headers and body.
Answer = tuple[int, dict[str, str], bytes]
#: Spoils an answer: given the path, the query and the good answer it gives another one.
Mood = Callable[[str, dict[str, str], Answer], Answer]


@dataclass
class Vendor:
    """The vendor's side: its table, what it tells, what it was asked, and its mood."""

    now: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    page_size: int = 4
    #: What stands in the vendor's own system, by reference.
    table: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    mood: Mood | None = None
    port: int = 0
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def change(self, reference: str, at: datetime | None = None, **fields: Any) -> dict[str, Any]:
        """Make or change a thing, and tell so."""
        changed = {**self.table.get(reference, {}), "reference": reference, **fields}
        changed["changed_at"] = f"{at or self.now:%Y-%m-%dT%H:%M:%SZ}"
        self.table[reference] = changed
        self.log.append(changed)
        return changed

    def delete(self, reference: str) -> None:
        """Delete a thing, and tell nobody."""
        del self.table[reference]

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        if path == "/keys":
            return _json({"keys": sorted(self.table)})
        if path != "/changes":
            return _json({"error": "no such thing"}, 404)
        since, until, page = query.get("since", ""), query.get("until", "9999"), int(query.get("page", 1))
        told = sorted((c for c in self.log if since <= c["changed_at"] < until), key=lambda c: c["changed_at"])
        items = told[(page - 1) * self.page_size : page * self.page_size]
        following = None
        if len(told) > page * self.page_size:
            following = f"{self.url}/changes?{urlencode({**query, 'page': page + 1})}"
        return _json({"items": items, "next": following})

    def open(self) -> None:
        """Answer the telephone: on the same port as before."""
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
                vendor.asked.append((parts.path, query))
                vendor.headers.append(dict(self.headers))
                answer = vendor.answer(parts.path, query)
                status, headers, body = vendor.mood(parts.path, query, answer) if vendor.mood else answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Nobody is at home: connections are refused."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@contextmanager
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    made.open()
    try:
        yield made
    finally:
        made.close()


def _json(body: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def errs(path: str, query: dict[str, str], good: Answer) -> Answer:
    return 500, {"Content-Type": "text/html"}, b"<h1>Zebedee broke it</h1>"


def wants_a_log_in(path: str, query: dict[str, str], good: Answer) -> Answer:
    return 200, {"Content-Type": "text/html"}, b"<html>Please log in, Zebedee</html>"


def refuses_the_key(path: str, query: dict[str, str], good: Answer) -> Answer:
    return 401, {}, b"Zebedee's key is not good until tomorrow"


def is_busy(seconds: str, times: int = 10**9) -> Mood:
    """So many times 429, with Retry-After as given."""
    left = [times]

    def mood(path: str, query: dict[str, str], good: Answer) -> Answer:
        left[0] -= 1
        return good if left[0] < 0 else (429, {"Retry-After": seconds}, b"")

    return mood


def on_page(number: int, then: Callable[[Answer], Answer]) -> Mood:
    """Good, but for that page of the changes."""

    def mood(path: str, query: dict[str, str], good: Answer) -> Answer:
        return then(good) if path == "/changes" and int(query.get("page", 1)) == number else good

    return mood


def cut(good: Answer) -> Answer:
    """The JSON stops in its middle, and the length says that this is all."""
    return good[0], good[1], good[2][: len(good[2]) // 2]


def hangs_up(good: Answer) -> Answer:
    """The connection closes before all is there."""
    return good[0], {**good[1], "Content-Length": str(len(good[2]) + 100)}, good[2]


def repeats_pages() -> Mood:
    """The second page is the first again, with the way to the third."""
    first: deque[Any] = deque(maxlen=1)

    def mood(path: str, query: dict[str, str], good: Answer) -> Answer:
        if path != "/changes":
            return good
        answer = json.loads(good[2])
        if int(query.get("page", 1)) == 1:
            first.append(answer["items"])
        elif int(query["page"]) == 2 and first:
            answer["items"] = first[0]
        return _json(answer)

    return mood


def goes_back(path: str, query: dict[str, str], good: Answer) -> Answer:
    """The second page leads to the first."""
    if path != "/changes" or int(query.get("page", 1)) != 2:
        return good
    answer = json.loads(good[2])
    if answer["next"]:
        first = {name: value for name, value in query.items() if name != "page"}
        answer["next"] = answer["next"].partition("?")[0] + "?" + urlencode(first)
    return _json(answer)


def days(count: float) -> timedelta:
    return timedelta(days=count)
