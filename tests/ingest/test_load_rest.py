"""APIs to bronze, against a real server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from council import Council

pytestmark = pytest.mark.slow

CHANGE = "bronze.planning.change"


class Api:
    """A vendor's API: two records to a page, changes since a time (inclusive), and what a test spoils."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.asked: list[dict[str, str]] = []
        self.spoil: Callable[[int, dict[str, str]], tuple[int, str, bytes] | None] = lambda page, query: None
        self.headers: list[dict[str, str]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
                api.asked.append(query)
                api.headers.append(dict(self.headers))
                status, kind, body = api.spoil(int(query.get("page", 1)), query) or api.answer(query)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, query: dict[str, str]) -> tuple[int, str, bytes]:
        page = int(query.get("page", 1))
        since = query.get("since", "")
        found = [r for r in self.records if str(r.get("changed", "")) >= since]
        there = found[(page - 1) * 2 : page * 2]
        more = len(found) > page * 2
        following = f"{self.url}/changes?page={page + 1}" + (f"&since={since}" if since else "") if more else None
        return 200, "application/json", json.dumps({"items": there, "next": following}).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    made.records = [{"id": n, "changed": f"2024-01-0{n}", "state": "new", "detail": {"n": [n]}} for n in range(1, 6)]
    yield made
    made.close()


@pytest.fixture
def planning(council: Council, api: Api) -> Council:
    read(council, api)
    return council


def read(
    council: Council, api: Api, cursor: bool = True, every: str = "0s", extra: str = "", rows: str = "items"
) -> None:
    asked = "\n    cursor: {field: changed, param: since, start: '2000-01-01'}" if cursor else ""
    council.source(
        "planning",
        f"connector: rest\nurl: {api.url}\nevery: {every}\npatience: 1s\n{extra}tables:\n  change:\n    endpoint: changes\n"
        f"    rows: {rows}\n    paginator: {{type: json_link, next_url_path: next}}{asked}\n",
    )


def ids(council: Council) -> list[int]:
    return [int(r[0]) for r in council.rows(f"SELECT id FROM {CHANGE} ORDER BY id::INT, changed")]


def test_all_pages_are_read_whole_and_deletes_are_noticed(council, api):
    read(council, api, cursor=False)
    council.good()
    assert ids(council) == [1, 2, 3, 4, 5]
    record = council.record(CHANGE)
    assert (record["rows_in"], record["loaded"], record["rejected"]) == (5, 5, 0)
    del api.records[1]
    council.good()
    assert ids(council) == [1, 3, 4, 5]
    before = council.versions()
    assert council.good()[CHANGE].status == "skipped"
    assert council.one(f"SELECT count(*) FROM {CHANGE}") == 4
    api.records.clear()
    council.good()
    assert ids(council) == []
    assert before.keys() == council.versions().keys()


def test_only_what_changed_since_is_asked_for_and_added(planning, api):
    planning.good()
    assert api.asked[0]["since"] == "2000-01-01"
    api.asked.clear()
    api.records.append({"id": 1, "changed": "2024-02-01", "state": "deleted"})
    planning.good()
    assert api.asked[0]["since"] == "2024-01-05"
    assert planning.rows(f"SELECT id, state FROM {CHANGE} WHERE changed = '2024-02-01'") == [("1", "deleted")]
    assert ids(planning) == [1, 1, 2, 3, 4, 5]
    assert planning.record(CHANGE)["loaded"] == 1


def test_a_change_of_the_same_moment_as_the_last_is_not_missed_and_none_comes_twice(planning, api):
    planning.good()
    api.records.append({"id": 6, "changed": "2024-01-05", "state": "new"})
    planning.good()
    assert ids(planning) == [1, 2, 3, 4, 5, 6]
    before = planning.version(CHANGE)
    planning.good()
    assert planning.version(CHANGE) == before


def test_a_record_that_comes_twice_counts_once(planning, api):
    api.records.insert(1, api.records[0])
    api.records.insert(3, api.records[2])
    planning.good()
    assert ids(planning) == [1, 2, 3, 4, 5]


def test_what_came_before_an_api_stops_is_loaded_and_the_rest_owed_until_it_comes(planning, api):
    api.spoil = lambda page, _: (404, "text/plain", b"gone Zebedee") if page == 2 else None
    outcome = planning.run()[CHANGE]
    assert outcome.status == "failed"
    assert "refuses what it is asked (status 404)" in str(outcome.error)
    assert "1 stretch is owed" in str(outcome.error)
    assert "Zebedee" not in str(outcome.error)
    assert ids(planning) == [1, 2]
    assert planning.plan() == {CHANGE: "something is owed from before"}
    api.spoil = lambda *_: None
    planning.good()
    assert ids(planning) == [1, 2, 3, 4, 5]


def test_a_table_that_is_read_whole_comes_whole_or_not_at_all(council, api):
    read(council, api, cursor=False)
    api.spoil = lambda page, _: (404, "text/plain", b"") if page == 2 else None
    outcome = council.run()[CHANGE]
    assert outcome.status == "failed"
    assert "nothing was loaded" in str(outcome.error)
    assert CHANGE not in council.versions()
    api.spoil = lambda *_: None
    council.good()
    assert ids(council) == [1, 2, 3, 4, 5]


def test_a_failed_page_of_a_later_ask_is_asked_for_again(planning, api):
    planning.good()
    api.records += [{"id": n, "changed": f"2024-02-0{n}", "state": "new"} for n in range(1, 6)]
    api.spoil = lambda page, _: (404, "text/plain", b"") if page == 2 else None
    assert planning.run()[CHANGE].status == "failed"
    assert len(ids(planning)) == 6
    api.spoil = lambda *_: None
    planning.good()
    assert len(ids(planning)) == 10


def test_an_answer_that_was_not_committed_is_asked_for_again_before_its_time(council, api):
    """A load killed between the API's answer and the commit must not wait for `every`."""
    read(council, api, every="1h")
    council.good()
    assert council.plan() == {}
    asked = council.root / ".vestry" / "asked" / f"{CHANGE}.json"
    noted = json.loads(asked.read_text())
    asked.write_text(json.dumps({"at": time.time(), "loaded_at": 10**18}))
    assert council.plan() == {CHANGE: "its last answer was not loaded"}
    asked.write_text(json.dumps(noted))
    assert council.plan() == {}


def test_an_api_is_not_asked_more_often_than_it_wants(council, api):
    read(council, api, every="1h")
    council.good()
    api.asked.clear()
    council.good()
    assert api.asked == []
    asked = council.root / ".vestry" / "asked" / f"{CHANGE}.json"
    asked.write_text(json.dumps({**json.loads(asked.read_text()), "at": time.time() - 3700}))
    assert council.plan() == {CHANGE: "last asked more than 1h ago"}


@pytest.mark.slow
def test_a_server_that_errs_once_is_asked_again(planning, api):
    bad = iter([True])
    api.spoil = lambda page, _: (500, "text/plain", b"") if page == 2 and next(bad, False) else None
    planning.good()
    assert ids(planning) == [1, 2, 3, 4, 5]


@pytest.mark.slow
def test_a_server_that_errs_for_good_is_an_error_that_says_so(planning, api):
    api.spoil = lambda *_: (500, "text/html", b"<h1>Zebedee</h1>")
    outcome = planning.run()[CHANGE]
    assert "status 500" in str(outcome.error)
    assert "Zebedee" not in str(outcome.error)


def test_html_with_status_200_is_no_answer(planning, api):
    api.spoil = lambda *_: (200, "text/html", b"<html>Please log in, Zebedee</html>")
    outcome = planning.run()[CHANGE]
    assert outcome.status == "failed"
    assert "wants us to log in (a web page instead of data)" in str(outcome.error)
    assert "Zebedee" not in str(outcome.error)
    assert CHANGE not in planning.versions()


def test_an_answer_without_the_list_of_records_is_an_error(council, api):
    read(council, api, cursor=False, rows="results")
    outcome = council.run()[CHANGE]
    assert outcome.status == "failed"
    assert "results" in str(outcome.error)
    assert CHANGE not in council.versions()


def test_a_nested_value_is_kept_as_json_and_compared_as_such(planning, api):
    planning.good()
    assert planning.rows(f"SELECT detail FROM {CHANGE} WHERE id = '5'") == [('{"n": [5]}',)]


@pytest.mark.slow
def test_a_secret_goes_to_the_server_and_nowhere_else(council, api):
    secret = "s3cr3t-Quillfeather"
    read(
        council,
        api,
        extra="headers: {X-Team: '${TEAM}'}\nauth: {type: bearer, token: '${TOKEN}'}\n",
    )
    done = council.cli("run", "--log", "json", env={"TOKEN": secret, "TEAM": f"{secret}-team"})
    assert done.returncode == 0, done.stderr
    assert api.headers[0]["Authorization"] == f"Bearer {secret}"
    assert api.headers[0]["X-Team"] == f"{secret}-team"
    api.spoil = lambda *_: (403, "text/plain", b"no")
    failed = council.cli("run", env={"TOKEN": secret, "TEAM": "x"})
    assert failed.returncode == 1
    assert "status 403" in failed.stderr
    assert secret not in done.stdout + done.stderr + failed.stdout + failed.stderr
    written = [f for f in council.root.rglob("*") if f.is_file() and secret.encode() in f.read_bytes()]
    assert written == []


@pytest.mark.slow
def test_a_secret_in_the_url_is_not_shown(council, api):
    read(council, api)
    source = council.root / "sources/planning.yaml"
    source.write_text(source.read_text().replace(f"url: {api.url}", "url: ${API_URL}"))
    api.spoil = lambda *_: (403, "text/plain", b"no")
    failed = council.cli("run", env={"API_URL": f"{api.url}/key-Quillfeather"})
    assert failed.returncode == 1
    assert "Quillfeather" not in failed.stdout + failed.stderr


def test_nobody_at_home_is_an_error_with_the_address(council, api):
    read(council, api)
    api.close()
    outcome = council.run()[CHANGE]
    assert outcome.status == "failed"
    assert "no connection" in str(outcome.error)
