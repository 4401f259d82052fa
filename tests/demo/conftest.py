"""One small Westmarsh, made once for all tests of the demo."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from vestry.demo import Systems, make_systems

PEOPLE = 2_000


@pytest.fixture(scope="session")
def westmarsh(tmp_path_factory: pytest.TempPathFactory) -> Systems:
    return make_systems(tmp_path_factory.mktemp("westmarsh"), people=PEOPLE, seed=7)


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


@pytest.fixture
def truth(westmarsh: Systems, db: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A connection with a view for each file of the truth: person, record, stay, address, family_tie, link_work."""
    for path in westmarsh.truth.rglob("*.parquet"):
        db.execute(f"CREATE VIEW {path.stem} AS SELECT * FROM '{path}'")
    return db


def texts(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each file below ``folder`` as text; of a database its rows."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".sqlite":
            with sqlite3.connect(path) as db:
                yield path, "\n".join(db.iterdump())
        elif path.is_file():
            yield path, path.read_bytes().decode("utf-8", errors="ignore")
