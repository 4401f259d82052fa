"""A spool gives back what was put on it, whatever a crash leaves at its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vestry.ingest.stream.inbox import Event
from vestry.ingest.stream.spool import Full, Spool
from vestry.project import DataError


def opened(folder: Path, first: int = 0, limit: int = 2**20, remember: int = 0) -> Spool:
    return Spool(folder, first, limit, remember, segment=200)


def numbered(start: int, end: int) -> list[bytes]:
    return [f"record {n}".encode() * 3 for n in range(start, end)]


def test_records_come_back_in_order_over_segments_and_restarts(tmp_path):
    spool = opened(tmp_path)
    for n in range(0, 60, 3):
        spool.append(numbered(n, n + 3))
    assert spool.read(10) == (0, numbered(0, 10))
    assert spool.read(100) == (10, numbered(10, 60))
    assert spool.read(5) == (60, [])
    spool.append(numbered(60, 61))
    assert spool.read(5) == (60, numbered(60, 61))
    spool.close()
    for first in (0, 1, 17, 60, 61):
        assert opened(tmp_path, remember=100).read(100) == (0, numbered(0, 61))
        again = opened(tmp_path, first, remember=100)
        assert again.waiting == 61 - first
        assert again.read(100) == (first, numbered(first, 61))


def test_segments_go_when_bronze_has_them_but_not_those_that_are_remembered(tmp_path):
    spool = opened(tmp_path, remember=6)
    for n in range(60):
        spool.append(numbered(n, n + 1))
    before = len(list(tmp_path.iterdir()))
    spool.kept(60)
    assert len(list(tmp_path.iterdir())) < before / 3
    assert spool.last(6) == numbered(54, 60)
    assert opened(tmp_path, 60).read(10) == (60, [])


@pytest.mark.parametrize("cut", range(1, 60, 3))
def test_a_torn_end_is_cut_off_and_written_over(tmp_path, cut):
    spool = opened(tmp_path)
    spool.append(numbered(0, 3))
    spool.close()
    file = next(tmp_path.glob("*.spool"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-cut])
    again = opened(tmp_path)
    left = again.end
    assert left < 3
    again.append(numbered(7, 9))
    assert again.read(10) == (0, [*numbered(0, left), *numbered(7, 9)])


def test_a_changed_byte_in_the_middle_is_not_passed_over(tmp_path):
    spool = opened(tmp_path)
    for n in range(60):
        spool.append(numbered(n, n + 1))
    spool.close()
    file = sorted(tmp_path.glob("*.spool"))[1]
    changed = bytearray(file.read_bytes())
    changed[20] ^= 1
    file.write_bytes(changed)
    with pytest.raises(DataError, match="damaged"):
        opened(tmp_path).read(100)


def test_a_spool_that_was_lost_or_put_back_goes_on_after_what_bronze_has(tmp_path):
    spool = opened(tmp_path, first=40)
    spool.append(numbered(40, 42))
    assert spool.read(10) == (40, numbered(40, 42))
    spool.close()
    older = opened(tmp_path, first=50)
    older.append(numbered(50, 51))
    assert older.read(10) == (50, numbered(50, 51))


def test_a_full_spool_takes_nothing_until_bronze_has_some(tmp_path):
    spool = opened(tmp_path, limit=700)
    count = 20
    spool.append(numbered(0, count))
    with pytest.raises(Full):
        spool.append(numbered(count, count + 1))
    assert spool.read(100) == (0, numbered(0, count))
    spool.kept(count)
    spool.append(numbered(count, count + 1))
    assert spool.read(100) == (count, numbered(count, count + 1))


texts = st.text(st.characters(codec="utf-8"), max_size=50)


@settings(max_examples=200)
@given(
    st.builds(
        Event,
        st.integers(0, 2**62),
        texts,
        st.none() | texts,
        st.none() | texts,
        st.binary(max_size=200),
        st.integers(0, 65_535),
    )
)
def test_an_event_comes_back_as_it_was(event):
    assert Event.unpacked(event.packed()) == event
