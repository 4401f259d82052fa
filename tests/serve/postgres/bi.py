"""A council that publishes to a database of a real PostgreSQL, and what its readers see there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import psycopg

from council import Council
from governed import ANN, NURSE, OWNER
from servers.postgres import Postgres
from vestry.catalogue.live import Live
from vestry.governance.access.gate import Gate
from vestry.governance.access.grants import Grant, give
from vestry.governance.access.terms import Condition, Terms
from vestry.governance.access.treatment import Treatment
from vestry.governance.identity.accounts import add_account
from vestry.governance.identity.user import User
from vestry.governance.state import connect
from vestry.project import Project, TableName
from vestry.serve.postgres.names import role_of
from vestry.serve.postgres.publish import Published, publish
from vestry.serve.postgres.server import Server, server_of

CLIENT, WARD = TableName("adults", "care", "client"), TableName("adults", "wards", "ward")
CLEAR, HASHED, YEAR = Treatment.CLEAR, Treatment.HASHED, Treatment.YEAR
SOON = date.today() + timedelta(days=30)
DATABASE = "bi"
PURPOSE = "calls to residents"
SETTINGS = '\n[publish.bi]\nurl = "${BI_URL}"\ntables = ["domain:adults"]\n'


class Bi:
    """One council and one database; published by a role that may make roles, and is no superuser."""

    def __init__(self, council: Council, postgres: Postgres) -> None:
        self.council, self.postgres, self.database = council, postgres, DATABASE
        self.url = f"postgresql://publisher@127.0.0.1:{postgres.port}/{DATABASE}"
        council.write(".env", f"BI_URL={self.url}\n")
        self.settings(SETTINGS)
        for user in (ANN, NURSE, OWNER):
            add_account(self.project, user.id, "", user.name, "", user.roles, user.domains)

    def settings(self, text: str) -> None:
        self.council.write("vestry.toml", f'[council]\nname = "Testham"\n{text}')
        self.gate = Gate(Live(self.council.root))

    @property
    def project(self) -> Project:
        return self.gate.live.workspace.project

    @property
    def server(self) -> Server:
        return server_of(self.project, "bi", self.project.settings.publish["bi"])

    def publish(self) -> Published:
        self.gate.live.refresh()
        return publish(self.gate, self.server, self.project.settings.publish["bi"], lambda _: None)

    def grant(
        self,
        user: User,
        columns: dict[str, Treatment],
        *rows: Condition,
        purpose: str = PURPOSE,
        until: date = SOON,
        **more: Any,
    ) -> Grant:
        with connect(self.project) as con:
            terms = Terms({CLIENT: columns}, until, rows, **more)
            return give(con, self.project, user.id, "adults.care", purpose, terms, [OWNER.id])

    def role(self, user: User) -> str:
        return role_of(self.server, user.id)

    @contextmanager
    def reading(self, role: str) -> Iterator[psycopg.Connection[Any]]:
        """A reader's own log-in, once the administrator has opened it."""
        self.postgres.execute(f'ALTER ROLE "{role}" LOGIN')
        url = f"postgresql://127.0.0.1:{self.postgres.port}/{self.database}"
        with psycopg.connect(url, user=role, autocommit=True) as con:
            yield con

    def rows(self, role: str, sql: str) -> list[Any]:
        with self.reading(role) as con:
            return con.execute(sql).fetchall()

    def admin(self, sql: str) -> list[Any]:
        return self.postgres.execute(sql, self.database)

    def physical(self) -> list[str]:
        """The tables behind the views."""
        wanted = "SELECT relname FROM pg_class WHERE relname ~ '^t_[0-9a-f]{24}_' AND relkind = 'r' ORDER BY 1"
        return [name for (name,) in self.admin(wanted)]

    def more(self, text: str) -> None:
        """Other rows arrive in the lake."""
        self.council.drop("clients.csv", text)
        self.council.good()
