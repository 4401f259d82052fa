"""Servers of the tests' own, each test with a database of its own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import pytest

from servers.mariadb import MariaDB, mariadb
from servers.postgres import Postgres, postgres

__all__ = ["mariadb", "postgres"]
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """One database of a server."""

    server: Any
    name: str

    @property
    def url(self) -> str:
        return str(self.server.url(self.name))

    def execute(self, sql: str) -> Any:
        return self.server.execute(sql, self.name)


@pytest.fixture
def pg(postgres: Postgres) -> Database:
    name = f"t{next(_NUMBERS)}"
    postgres.execute(f"CREATE DATABASE {name}")
    return Database(postgres, name)


@pytest.fixture
def maria(mariadb: MariaDB) -> Database:
    name = f"t{next(_NUMBERS)}"
    mariadb.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    return Database(mariadb, name)
