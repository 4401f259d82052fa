"""Cron lines in UK time, also where clocks go forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestry.project.cron import ZONE, following, is_cron, latest

LINES = [
    "0 2 * * *",
    "30 1 * * *",
    "*/15 * * * *",
    "5,35 * * * *",
    "0 */6 * * *",
    "10 3 * * 1-5",
    "0 0 1 * *",
    "59 23 * * 0",
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("line", [*LINES, "0 2 29 2 *"])
def test_lines_of_five_fields_are_known(line):
    assert is_cron(line)


@pytest.mark.parametrize(
    "line", ["", "nightly", "0 2 * *", "0 2 * * * *", "61 2 * * *", "0 25 * * *", "0 2 31 2 *", "@daily"]
)
def test_what_names_no_time_is_no_cron_line(line):
    assert not is_cron(line)


def test_a_time_is_by_the_clock_on_the_wall_in_winter_and_summer():
    assert latest("0 2 * * *", at("2026-01-10 12:00")) == at("2026-01-10 02:00")
    assert latest("0 2 * * *", at("2026-07-10 12:00")) == at("2026-07-10 01:00")
    assert following("0 2 * * *", at("2026-07-10 12:00")) == at("2026-07-11 01:00")


def test_a_time_in_the_hour_that_is_skipped_runs_once_and_an_hour_later_on_the_wall():
    night = at("2026-03-29 00:00")
    assert following("30 1 * * *", night) == at("2026-03-29 01:30")  # 02:30 on the wall
    assert following("30 1 * * *", at("2026-03-29 01:30")) == at("2026-03-30 00:30")


def test_a_time_in_the_hour_that_comes_twice_runs_once():
    assert following("30 1 * * *", at("2026-10-24 23:00")) == at("2026-10-25 00:30")
    assert following("30 1 * * *", at("2026-10-25 00:30")) == at("2026-10-26 01:30")
    assert latest("30 1 * * *", at("2026-10-25 01:45")) == at("2026-10-25 00:30")


def test_a_line_that_names_no_hour_runs_in_both_of_the_hours_that_look_alike():
    times, now = [], at("2026-10-24 23:30")
    for _ in range(8):
        now = following("*/30 * * * *", now)
        times.append(now)
    assert times == [at("2026-10-25 00:00") + timedelta(minutes=30 * n) for n in range(8)]


@given(
    st.sampled_from(LINES),
    st.datetimes(datetime(2026, 3, 27), datetime(2026, 4, 1))
    | st.datetimes(datetime(2026, 10, 23), datetime(2026, 10, 28)),
)
def test_the_latest_and_the_following_time_have_none_between_them(line, naive):
    now = naive.replace(tzinfo=UTC)
    last, following_ = latest(line, now), following(line, now)
    assert last <= now < following_
    assert following(line, last) == following_
    assert latest(line, following_ - timedelta(seconds=1)) == last
    assert last.astimezone(ZONE).second == 0
