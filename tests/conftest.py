"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest
from hypothesis import settings

from council import Council
from vestry.lake import Engine, Lake
from vestry.project import TableName

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


#: Of one long test each; begun first, they do not run alone at the end.
LONG = ("test_every_page", "test_add_data_browser", "test_story_browser", "test_data_map", "test_kill")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests of servers and workers wait a good deal."""
    return 1 + (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules first. All of a module stays together, for what it shares."""
    items.sort(key=lambda item: item.path.stem not in LONG)


@pytest.fixture
def council(tmp_path: Path) -> Council:
    """An empty council project."""
    return Council(tmp_path / "testham")


@pytest.fixture
def repairs(council: Council) -> Council:
    """A project with one source of files and one product made of it."""
    council.files()
    council.drop("a.csv", "job,uprn,done,cost\nA1,100,2024-02-28,£10.50\nA2,101,2025-01-01,7\n")
    council.product(
        "housing.repairs",
        {
            "job": "logicalType: string, primaryKey: true",
            "uprn": "logicalType: string",
            "done": "logicalType: date",
            "cost": 'logicalType: number, physicalType: "DECIMAL(18,2)"',
        },
        repair_sql="SELECT job, uprn(uprn) AS uprn, uk_date(done) AS done, money(cost) AS cost FROM bronze.repairs.job",
    )
    return council


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"), tmp_path / "state")


@pytest.fixture
def engine(lake: Lake) -> Engine:
    return Engine(lake, memory_limit="500MB", threads=2)


@pytest.fixture
def con(engine: Engine) -> duckdb.DuckDBPyConnection:
    return engine.cursor()


@pytest.fixture
def table() -> TableName:
    return TableName("housing", "repairs", "repair")


@pytest.fixture
def age_file():
    """Make a file look older than it is."""

    def age(path: Path, days: float) -> None:
        then = path.stat().st_mtime - days * 86_400
        os.utime(path, (then, then))

    return age
