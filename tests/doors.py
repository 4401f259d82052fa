"""A governed council that programs ask: its portal, people with tokens, and what they were given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import requests

from council import Council
from governed import governed
from serve.conftest import running
from serve.people import account
from vestry.governance import audit
from vestry.governance.access.grants import Grant, end, give
from vestry.governance.access.terms import Condition, Terms
from vestry.governance.access.treatment import Treatment
from vestry.governance.identity.tokens import add_token
from vestry.governance.state import connect
from vestry.project import Project, TableName, load_project

CLIENT = TableName.parse("adults.care.client")
REPAIR = "housing.repairs.repair"
ROWS = f"/api/v1/tables/{REPAIR}/rows"
CLIENTS = f"/api/v1/tables/{CLIENT}/rows"
#: Texts that some program on the way may take for something else, by job.
ODD = {
    "J1": "=cmd|' /C calc'!A0", "J2": "+44 20 7946 0000", "J3": '"quoted", with a comma', "J4": "two\nlines",
    "J5": "", "J6": "Ŵyn & <b>", "J7": "@SUM(1)", "J8": "plain",
}  # fmt: skip
JOBS = 12_000
_INTERNAL = "classification: internal"
_COLUMNS = {
    "job": f"logicalType: string, primaryKey: true, required: true, {_INTERNAL}, description: The number of a job",
    "ward": f"logicalType: string, {_INTERNAL}",
    "cost": f'logicalType: number, physicalType: "DECIMAL(18,2)", {_INTERNAL}',
    "visits": f'logicalType: integer, physicalType: "BIGINT", {_INTERNAL}',
    "hours": f'logicalType: number, physicalType: "DOUBLE", {_INTERNAL}',
    "done": f"logicalType: date, {_INTERNAL}",
    "told": f'logicalType: timestamp, physicalType: "TIMESTAMP WITH TIME ZONE", {_INTERNAL}',
    "urgent": f"logicalType: boolean, {_INTERNAL}",
    "note": f"logicalType: string, {_INTERNAL}",
    "photo": f'logicalType: string, physicalType: "BLOB", {_INTERNAL}',
    "parts": f'logicalType: array, physicalType: "VARCHAR[]", items: {{logicalType: string}}, {_INTERNAL}',
}
_RECIPE = """
SELECT
    job,
    nullif(ward, '') AS ward,
    CAST(cost AS DECIMAL(18, 2)) AS cost,
    CAST(visits AS BIGINT) AS visits,
    CASE WHEN hours = 'nan' THEN CAST('nan' AS DOUBLE) ELSE CAST(hours AS DOUBLE) END AS hours,
    CAST(done AS DATE) AS done,
    CAST(done AS TIMESTAMPTZ) + INTERVAL 90 MINUTE AS told,
    urgent = 'y' AS urgent,
    note,
    encode(job) AS photo,
    CASE WHEN ward <> '' THEN [ward, job] END AS parts
FROM bronze.jobs.job
"""
SOON = date.today() + timedelta(days=30)


@dataclass
class Doors:
    """A portal that runs. `tokens` are those of ann (staff), sam (in no role) and olu (owner of adults)."""

    council: Council
    address: str
    tokens: dict[str, str]
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def project(self) -> Project:
        return load_project(self.council.root)

    def ask(self, path: str, who: str | None = "ann", method: str = "GET", **more: Any) -> requests.Response:
        headers = {**({"Authorization": f"Bearer {self.tokens[who]}"} if who else {}), **more.pop("headers", {})}
        return self.session.request(method, self.address + path, headers=headers, timeout=60, **more)

    def rows(self, path: str, who: str = "ann", **more: Any) -> list[dict[str, Any]]:
        answer = self.ask(path, who, **more)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["rows"]
        return found

    def give(self, columns: dict[str, Treatment], *rows: Condition, **more: Any) -> Grant:
        """Let ann read of `adults.care.client`, or of another `table`."""
        purpose, table = more.pop("purpose", "calls to residents"), more.pop("table", CLIENT)
        with connect(self.project) as con:
            terms = Terms({table: columns}, **{"until": SOON, **more}, rows=rows)
            return give(con, self.project, "ann", f"{table.domain}.{table.product}", purpose, terms, ["olu"])

    @contextmanager
    def given(self, columns: dict[str, Treatment], *rows: Condition, **more: Any) -> Iterator[Grant]:
        grant = self.give(columns, *rows, **more)
        try:
            yield grant
        finally:
            end(self.project, grant.id, "olu", "the test is over")

    def told(self, most: int = 1) -> list[audit.Line]:
        """The newest lines of the audit."""
        return list(audit.lines(self.project, most=most))


def jobs(changed: dict[str, str] | None = None, without: tuple[str, ...] = ()) -> str:
    """The file of jobs; the first eight have odd notes."""
    lines = ["job,ward,cost,visits,hours,done,urgent,note"]
    for n in range(1, JOBS + 1):
        job = f"J{n}"
        if job in without:
            continue
        note = (changed or {}).get(job, ODD.get(job, f"note {n}"))
        ward = "" if n % 7 == 0 else f"E0{n % 5}"
        note = '"' + note.replace('"', '""') + '"'
        lines.append(
            f"{job},{ward},{n}.{n % 100:02},{n * 1_000_000_007_000},{'nan' if n == 2 else n / 4},"
            f"2025-0{1 + n % 9}-1{n % 10},{'y' if n % 2 else 'n'},{note}"
        )
    return "\n".join(lines) + "\n"


def doored(root: Path) -> Council:
    """The council, run, with accounts."""
    council = governed(root)
    council.source("jobs", 'connector: files\npath: jobs\ntables:\n  job:\n    files: "*.csv"\n')
    council.write("jobs/jobs.csv", jobs())
    council.product("housing.repairs", _COLUMNS, repair_sql=_RECIPE)
    council.product(
        "adults.index",
        {
            "person_id": "logicalType: string, primaryKey: true, required: true, classification: personal",
            "ward": f"logicalType: string, {_INTERNAL}",
        },
        person_sql="SELECT 'p' || id AS person_id, ward FROM bronze.care.client",
    )
    council.good()
    for name, roles, domains in (("ann", ("staff",), ()), ("sam", (), ()), ("olu", ("staff", "owner"), ("adults",))):
        account(council, name, roles, domains=domains)
    return council


@contextmanager
def open_doors(root: Path) -> Iterator[Doors]:
    council = doored(root)
    project = load_project(council.root)
    tokens = {name: add_token(project, name, "a test", ["read"], "30d") for name in ("ann", "sam", "olu")}
    with running(council) as address:
        doors = Doors(council, address, tokens)
        yield doors
        doors.session.close()
