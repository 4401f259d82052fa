"""The ledger: what is owed is what was asked for and never came, whatever happened in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestry.ingest.rest.ledger import Entry, gaps
from vestry.ingest.rest.windows import Scale, Window, asked_from, plan, scale_of
from vestry.project.source_models import RestCursor

pytestmark = pytest.mark.slow

END = 12

windows = st.tuples(st.integers(0, END), st.integers(1, END) | st.none()).map(
    lambda w: Window(w[0], None if w[1] is None else w[0] + w[1])
)
entries = st.lists(
    st.builds(Entry, windows, st.sampled_from(["got", "empty", "failed", "owed"]), st.floats(0, 9)), max_size=12
)


def points(window: Window) -> set[int]:
    """The stretch as the unit stretches in it; 99 stands for all that is after."""
    return set(range(window.start, window.end)) if window.end is not None else {*range(window.start, 2 * END), 99}


@given(entries)
def test_what_is_owed_is_what_was_asked_for_without_what_came_later(told: list[Entry]) -> None:
    owed: set[int] = set()
    for entry in told:
        owed = owed - points(entry.window) if entry.status in ("got", "empty") else owed | points(entry.window)
    found = [points(gap.window) for gap in gaps(told)]
    assert set().union(*found) == owed
    assert sum(map(len, found)) == len(owed), "no stretch is owed twice"


@given(entries)
def test_since_when_something_is_owed_is_never_later_than_its_last_failure(told: list[Entry]) -> None:
    for gap in gaps(told):
        last = [e for e in told if e.status in ("failed", "owed") and points(e.window) & points(gap.window)][-1]
        assert gap.since <= last.asked_at


TIMES = Scale("time", "2026-03-01T00:00:00Z")
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, number, hour, tzinfo=UTC)


def cursor(**more: str) -> RestCursor:
    return RestCursor(field="at", param="since", start="2026-03-01T00:00:00Z", **more)


@given(st.integers(1, 8), st.integers(0, 23), st.lists(st.tuples(st.integers(1, 8), st.integers(1, 48)), max_size=4))
def test_windows_cover_what_is_owed_and_all_from_the_frontier_on(
    frontier: int, hour: int, owed: list[tuple[int, int]]
) -> None:
    asked = [Window(day(d), day(d) + timedelta(hours=h)) for d, h in owed]
    planned = plan(cursor(until="to", window="1d"), asked, day(frontier, hour), NOW)
    wanted = {h for w in asked for h in hours(w)} | hours(Window(day(frontier, hour)))
    assert {h for w in planned for h in hours(w)} == wanted
    assert all(w.end - w.start <= timedelta(days=1) for w in planned if w.end)
    assert planned[-1].end is None


def hours(window: Window) -> set[datetime]:
    end = window.end or NOW + timedelta(days=5)
    return {window.start + timedelta(hours=h) for h in range(int((end - window.start).total_seconds() // 3600))}


def test_the_last_window_is_open_and_at_least_one_window_long() -> None:
    planned = plan(cursor(until="to", window="1d"), [], day(1), NOW)
    assert planned[-1] == Window(day(9))
    assert len(planned) == 9


def test_an_api_that_only_knows_since_is_asked_once_from_the_oldest_that_is_owed() -> None:
    assert plan(cursor(), [Window(day(3)), Window(day(2), day(4))], day(8), NOW) == [Window(day(2))]


@pytest.mark.parametrize(
    ("like", "value", "down", "up"),
    [
        ("2026-03-01", day(2, 5), "2026-03-02", "2026-03-03"),
        ("2026-03-01", day(2), "2026-03-02", "2026-03-02"),
        ("2026-03-01T00:00:00Z", day(2, 5), "2026-03-02T05:00:00Z", "2026-03-02T05:00:00Z"),
        ("2026-03-01T00:00:00Z", day(2) + timedelta(microseconds=1), "2026-03-02T00:00:00Z", "2026-03-02T00:00:01Z"),
        ("2026-03-01T00:00:00.123Z", day(2), "2026-03-02T00:00:00.000Z", "2026-03-02T00:00:00.000Z"),
        ("2026-03-01 00:00:00", day(2), "2026-03-02 00:00:00", "2026-03-02 00:00:00"),
        ("2026-03-01T01:00:00+01:00", day(2), "2026-03-02T00:00:00+00:00", "2026-03-02T00:00:00+00:00"),
    ],
)
def test_a_time_is_asked_for_as_the_vendor_writes_times(like: str, value: datetime, down: str, up: str) -> None:
    scale = scale_of(cursor(), like)
    assert (scale.write(value), scale.write(value, up=True)) == (down, up)


def test_the_overlap_is_asked_for_too() -> None:
    assert asked_from(cursor(overlap="90m"), TIMES, Window(day(2))) == "2026-03-01T22:30:00Z"


def test_numbers_are_compared_as_numbers_and_what_is_neither_as_text() -> None:
    numbers = scale_of(RestCursor(field="n", param="after", start="0"), "10")
    assert numbers.read("9") < numbers.read("10")
    assert scale_of(RestCursor(field="n", param="after", start="0"), "2026-03-01").kind == "text"
