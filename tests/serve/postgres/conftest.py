"""One council for all tests of the door, copied for each; each has a database of its own."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bi import Bi

from council import Council
from governed import governed
from servers.postgres import Postgres, postgres

__all__ = ["postgres"]
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return governed(tmp_path_factory.mktemp("council")).root


@pytest.fixture(scope="session")
def publisher(postgres: Postgres) -> Postgres:
    postgres.execute("CREATE ROLE publisher LOGIN CREATEROLE")
    return postgres


@pytest.fixture
def bi(publisher: Postgres, template: Path, tmp_path: Path) -> Iterator[Bi]:
    root = tmp_path / "testham"
    shutil.copytree(template, root)
    council = Council(root)
    made = Bi(council, publisher, f"bi{next(_NUMBERS)}")
    yield made
    made.gate.live.workspace.close()
