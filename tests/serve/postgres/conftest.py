"""One council for all tests of the door, copied for each, and one database, which each leaves empty."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bi import DATABASE, Bi

from council import Council
from governed import governed
from servers.postgres import Postgres, postgres

__all__ = ["postgres"]
_EMPTY = """
DO $$ DECLARE one text; BEGIN
    FOR one IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^(vestry|humble|theirs)' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', one);
    END LOOP;
END $$
"""


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return governed(tmp_path_factory.mktemp("council")).root


@pytest.fixture(scope="session")
def publisher(postgres: Postgres) -> Postgres:
    postgres.execute("CREATE ROLE publisher LOGIN CREATEROLE")
    postgres.execute(f"CREATE DATABASE {DATABASE} OWNER publisher")
    return postgres


@pytest.fixture
def bi(publisher: Postgres, template: Path, tmp_path: Path) -> Iterator[Bi]:
    root = tmp_path / "testham"
    shutil.copytree(template, root)
    council = Council(root)
    made = Bi(council, publisher)
    yield made
    made.gate.live.workspace.close()
    made.admin(_EMPTY)
