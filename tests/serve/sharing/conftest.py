"""A council that shares with a trust, and the official client that reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from council import Council
from governed import governed
from serve.conftest import running
from vestry.governance.access.grants import Grant, give
from vestry.governance.access.terms import Condition, Terms
from vestry.governance.access.treatment import Treatment
from vestry.governance.recipients import Credential, add_recipient
from vestry.governance.state import connect
from vestry.project import Project, TableName, load_project

CLIENT = TableName("adults", "care", "client")
SHARED = "trust.adults-care.client"
AGREEMENT = """\
name: Care with the trust
parties: [Testham Council, The trust]
purpose: To plan care at home together
lawful_basis: public task
condition: Article 9(2)(h)
tables:
  adults.care.client: all
starts: 2020-01-01
ends: 2099-01-01
review: 2098-01-01
"""
TABLE = "/shares/trust/schemas/adults-care/tables/client"
CLEAR, HASHED, YEAR = Treatment.CLEAR, Treatment.HASHED, Treatment.YEAR
SHOWN = {"id": HASHED, "born": YEAR, "ward": CLEAR}


_numbers = count(1)


@dataclass
class Partner:
    """A recipient with its credential, and how it asks the portal at `address`."""

    name: str
    credential: Credential
    address: str
    folder: Path

    @property
    def id(self) -> str:
        return f"recipient:{self.name}"

    def url(self, table: str = SHARED, credential: Credential | None = None) -> str:
        """A table as the official client takes it: its profile file, and the name."""
        file = self.folder / f"{self.name}.share"
        file.write_text((credential or self.credential).profile(f"{self.address}/sharing"))
        return f"{file}#{table}"

    def ask(self, path: str, token: str | None = None, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.credential.secret}", **more.pop("headers", {})}
        method = more.pop("method", "GET")
        return requests.request(method, f"{self.address}/sharing{path}", headers=headers, timeout=60, **more)

    def query(self, form: str = "parquet", **body: Any) -> requests.Response:
        headers = {"delta-sharing-capabilities": f"responseformat={form}"}
        return self.ask(f"{TABLE}/query", method="POST", json=body, headers=headers)

    def file(self) -> str:
        """The address of the first file of the table."""
        return next(line["file"]["url"] for line in lines(self.query()) if "file" in line)


def lines(answer: requests.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


@dataclass
class Sharing:
    """A council whose portal runs at `address`."""

    council: Council
    address: str
    folder: Path

    @property
    def project(self) -> Project:
        return load_project(self.council.root)

    def partner(self, columns: Mapping[str, Treatment] | None = SHOWN, *rows: Condition) -> Partner:
        """A recipient, with a grant unless its columns are None."""
        name = f"nhs_{next(_numbers)}"
        made = Partner(name, add_recipient(self.project, name, "trust", "90d", "u-olu"), self.address, self.folder)
        if columns is not None:
            self.grant(made, columns, *rows)
        return made

    def grant(self, partner: Partner, columns: Mapping[str, Treatment], *rows: Condition) -> Grant:
        terms = Terms({CLIENT: columns}, date.today() + timedelta(days=30), rows)
        with connect(self.project) as con:
            given = ("To plan care at home together", terms, ["u-olu"], "trust")
            return give(con, self.project, partner.id, "adults.care", *given)

    def append(self, *people: tuple[str, str, str]) -> None:
        """Put rows (id, day of birth, ward) into the table, as a build that only adds does."""
        workspace = self.council.open()
        values = ", ".join(
            f"('{i}', 'Di', DATE '{born}', 'WX1 1AA', '{ward}', CAST(NULL AS VARCHAR))" for i, born, ward in people
        )
        select = f"SELECT * FROM (VALUES {values}) AS new(id, name, born, postcode, ward, note)"
        with workspace.lake.lock(CLIENT), workspace.engine.cursor() as con:
            workspace.lake.publish(workspace.lake.stage(con, CLIENT, select), skip_by=["ward"])
        workspace.close()


def sharing_council(root: Path, settings: str = "") -> Council:
    made = governed(root, settings)
    made.write("agreements/trust.yaml", AGREEMENT)
    return made


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sharing]:
    """One for the tests of a module: each has partners of its own."""
    folder = tmp_path_factory.mktemp("sharing")
    council = sharing_council(folder / "testham")
    with running(council) as address:
        yield Sharing(council, address, folder)
