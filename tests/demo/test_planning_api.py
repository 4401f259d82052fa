"""The planning API tells every change once, and misbehaves as it is told to."""

from __future__ import annotations

import http.client
import json
import sqlite3
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from vestry.demo import Misbehaviour, Systems, serve_planning
from vestry.demo.planning_api import API_KEY, CHANGES_PATH

pytestmark = pytest.mark.slow


@pytest.fixture
def log(westmarsh: Systems) -> Path:
    return westmarsh.systems / "planning" / "changes.sqlite"


def get(url: str, key: str = API_KEY) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"X-Api-Key": key})
    with urllib.request.urlopen(request, timeout=10) as answer:
        body: dict[str, Any] = json.load(answer)
    return body


def all_changes(base: str, since: str, page_size: int = 7) -> list[dict[str, Any]]:
    url: str | None = f"{base}{CHANGES_PATH}?since={since}&page_size={page_size}"
    changes: list[dict[str, Any]] = []
    while url:
        page = get(url)
        assert len(page["changes"]) <= page_size
        changes += page["changes"]
        url = page["next"]
    return changes


def test_every_change_comes_once_and_in_order(log: Path) -> None:
    with serve_planning(log) as base:
        changes = all_changes(base, "2020-01-01T00:00:00Z")
    with sqlite3.connect(log) as db:
        expected = db.execute("SELECT changed_at, change, reference FROM change ORDER BY seq").fetchall()
    assert [(c["changed_at"], c["change"], c["reference"]) for c in changes] == expected
    assert {c["change"] for c in changes} == {"created", "updated", "deleted"}
    assert all(set(c) == {"changed_at", "change", "reference"} for c in changes if c["change"] == "deleted")


def test_since_includes_its_own_moment(log: Path) -> None:
    with serve_planning(log) as base:
        every = all_changes(base, "2020-01-01T00:00:00Z")
        middle = every[len(every) // 2]["changed_at"]
        assert all_changes(base, middle) == [c for c in every if c["changed_at"] >= middle]


def test_until_bounds_what_is_asked_for(log: Path) -> None:
    with serve_planning(log) as base:
        every = all_changes(base, "2020-01-01T00:00:00Z")
        middle = every[len(every) // 2]["changed_at"]
        assert all_changes(base, f"2020-01-01T00:00:00Z&until={middle}") == [
            c for c in every if c["changed_at"] < middle
        ]


def test_until_hides_what_is_yet_to_come(log: Path) -> None:
    with serve_planning(log, until=datetime(2025, 6, 1, tzinfo=UTC)) as base:
        assert max(c["changed_at"] for c in all_changes(base, "2020-01-01")) <= "2025-06-01T00:00:00Z"


@pytest.mark.parametrize(
    ("query", "key", "status"),
    [
        ("?since=2025-01-01", "wrong", 401),
        ("", API_KEY, 400),
        ("?since=yesterday", API_KEY, 400),
        ("?since=2025-01-01&until=tomorrow", API_KEY, 400),
        ("?since=2025-01-01&page_size=501", API_KEY, 400),
        ("?cursor=nonsense", API_KEY, 400),
    ],
)
def test_wrong_requests_are_refused(log: Path, query: str, key: str, status: int) -> None:
    with serve_planning(log) as base, pytest.raises(urllib.error.HTTPError) as refused:
        get(f"{base}{CHANGES_PATH}{query}", key)
    assert refused.value.code == status
    assert "error" in json.load(refused.value)


def test_vendor_can_fail_at_first(log: Path) -> None:
    with serve_planning(log, misbehaviour=Misbehaviour(fail_first=2)) as base:
        for _ in range(2):
            with pytest.raises(urllib.error.HTTPError) as failed:
                get(f"{base}{CHANGES_PATH}?since=2020-01-01")
            assert failed.value.code == 500
        assert get(f"{base}{CHANGES_PATH}?since=2020-01-01")["changes"]


def test_vendor_can_stop_in_the_middle_and_come_back(log: Path) -> None:
    wrong = Misbehaviour(break_after_pages=2)
    with serve_planning(log, misbehaviour=wrong) as base:
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            all_changes(base, "2020-01-01")
        wrong.break_after_pages = None
        assert all_changes(base, "2020-01-01")


def test_vendor_can_forget_what_is_older_than_its_lookback(log: Path) -> None:
    with serve_planning(log, misbehaviour=Misbehaviour(lookback_days=30)) as base:
        assert min(c["changed_at"] for c in all_changes(base, "2020-01-01")) > "2026-08-01"


def test_missing_log_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no planning change log"), serve_planning(tmp_path / "no.sqlite"):
        pass
