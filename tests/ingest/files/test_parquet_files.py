"""Parquet keeps its own types and counts its own rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vestry.ingest.files import UnreadableFile


def test_types_stay_and_rows_are_numbered(read: Callable[..., Any], tmp_path: Path) -> None:
    table = pa.table({"Paid On": [dt.date(2024, 1, 2)] * 3, "Net £": [1.5, None, 2.5]})
    pq.write_table(table, tmp_path / "p.parquet")
    got = read(tmp_path / "p.parquet", columns={"paid_on": [], "ward": []})
    assert got.account.columns == ("paid_on", "net", "ward") and got.account.rows == 3
    assert got.rows[0] == (dt.date(2024, 1, 2), 1.5, None) and got.numbers == [1, 2, 3]


def test_cut_off_parquet_is_an_error(read: Callable[..., Any]) -> None:
    with pytest.raises(UnreadableFile, match="damaged"):
        read(b"PAR1 and no end", name="p.parquet")
