"""Properties: no line is lost, and the fast way gives what the patient way gives."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import read_as_a_load_does

pytestmark = pytest.mark.slow

CELL = st.text(st.sampled_from("abcé 1,2\"'.;|\t\n-£#\\"), max_size=8)
PLAIN = st.text(st.sampled_from("abcxyzé 12\"',."), max_size=6)
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def clean_tables(draw: st.DrawFn) -> tuple[str, list[list[str]]]:
    width = draw(st.integers(2, 5))
    body = draw(st.lists(st.lists(PLAIN, min_size=width, max_size=width), max_size=12))
    rows = [[f"r{n}", *row] for n, row in enumerate(body)]
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    out = io.StringIO(newline="")
    every = draw(st.booleans())
    writer = csv.writer(out, quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL, lineterminator=ending)
    writer.writerow(["key", *(f"name {chr(97 + n)}" for n in range(width))])
    writer.writerows(rows)
    return out.getvalue(), rows


@given(clean_tables())
@SLOW
def test_fast_and_patient_give_the_same_rows(table: tuple[str, list[list[str]]]) -> None:
    text, rows = table
    fast, patient = _both(text.encode())
    assert fast.rows == patient.rows == [tuple(cell or None for cell in row) for row in rows]
    assert fast.numbers == patient.numbers == list(range(2, len(rows) + 2))
    assert not fast.rejected and not patient.rejected


@given(st.lists(st.lists(CELL, min_size=1, max_size=6), min_size=1, max_size=10))
@SLOW
def test_every_record_that_was_written_is_a_row_or_rejected_or_blank(body: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["key", "one", "two", "three"])
    for n, row in enumerate(body):
        writer.writerow([f"r{n}", *row])
    fast, patient = _both(out.getvalue().encode(), delimiter=",", header_row=1)
    assert (fast.rows, fast.numbers, fast.rejected) == (patient.rows, patient.numbers, patient.rejected)
    for got in (fast, patient):
        whole = [row for row in body if len(row) == 3 or (len(row) > 3 and not "".join(row[3:]).strip(" \t"))]
        assert len(got.rows) >= len(whole)
        physical = out.getvalue().count("\n") + (not out.getvalue().endswith("\n"))
        account = got.account
        spanned = sum((r or "").count("\n") for row in got.rows for r in row)
        assert len(got.rows) + len(got.rejected) + sum(account.skipped.values()) + spanned == physical


@given(st.binary(max_size=300).map(lambda b: b"key,one,two\n" + b))
@SLOW
def test_no_line_of_noise_is_lost(content: bytes) -> None:
    content = content.replace(b"\r", b"")
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        path = Path(folder) / "noise.csv"
        path.write_bytes(content)
        got = read_as_a_load_does(
            path, con, Path(folder) / "w", patient=True, header_row=1, delimiter=",", encoding="latin-1"
        )
    physical = content.count(b"\n") + (not content.endswith(b"\n"))
    spanned = sum((cell or "").count("\n") for row in got.rows for cell in row)
    spanned += sum(raw.count("\n") for _, raw, _ in got.rejected)
    assert len(got.rows) + len(got.rejected) + sum(got.account.skipped.values()) + spanned == physical


def _both(content: bytes, **options: Any) -> tuple[Any, Any]:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        path = Path(folder) / "data.csv"
        path.write_bytes(content)
        return (
            read_as_a_load_does(path, con, Path(folder) / "w", **options),
            read_as_a_load_does(path, con, Path(folder) / "w", patient=True, **options),
        )
