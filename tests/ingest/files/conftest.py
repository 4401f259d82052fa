"""Reads a file as a load does: the fast way first, patiently if the count differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from vestry.ingest.files import FileOptions, FileRows, read_file


@dataclass(frozen=True)
class Reading:
    """What came of a file."""

    account: FileRows
    rows: list[tuple[Any, ...]]
    """Without `_row`."""
    numbers: list[int]
    rejected: list[tuple[int, str, str]]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(line, reason) for line, _, reason in self.rejected]


def read_as_a_load_does(
    path: Path, con: duckdb.DuckDBPyConnection, workdir: Path, patient: bool = False, **options: Any
) -> Reading:
    account = read_file(path, FileOptions(**options), con, workdir, patient=patient)
    try:
        found = con.execute(account.select).fetchall()
    except duckdb.Error:
        found = None
    if found is None or len(found) != account.rows:
        assert not account.patient, "the patient way must keep its word"
        return read_as_a_load_does(path, con, workdir, True, **options)
    names = [d[0] for d in con.description or []]
    assert names == [*account.columns, "_row"]
    assert len(account.headers) == len(account.columns)
    found.sort(key=lambda row: row[-1])
    rejected = [(r["line"], r["raw"], r["reason"]) for r in account.rejected.to_pylist()]
    return Reading(account, [row[:-1] for row in found], [row[-1] for row in found], rejected)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 2}) as connection:
        yield connection


@pytest.fixture
def read(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> Callable[..., Reading]:
    """`read(content or path, name="data.csv", patient=False, **options)`."""

    def _read(content: bytes | str | Path, name: str = "data.csv", patient: bool = False, **options: Any) -> Reading:
        path = content if isinstance(content, Path) else tmp_path / name
        if not isinstance(content, Path):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_as_a_load_does(path, con, tmp_path / "work", patient, **options)

    return _read
