"""Whoever runs the platform reads without the gate, and leaves a line in the audit."""

from __future__ import annotations

import getpass
import json

import pytest

from council import Council, vestry
from vestry.governance import audit
from vestry.project import load_project

pytestmark = pytest.mark.slow


def told(council: Council) -> list[tuple[object, ...]]:
    found = list(audit.lines(load_project(council.root)))
    assert "Testperson" not in str(found)
    assert all((line.entry.who, line.entry.door) == (getpass.getuser(), "operator") for line in found)
    return [(line.entry.action, [str(r.table) for r in line.reads], line.entry.rows) for line in found]


def test_what_the_operator_reads_of_people_is_written_down_and_nothing_else(residents: Council) -> None:
    residents.cli("query", "SELECT ward FROM adults.wards.ward")
    residents.cli("show", "adults.care.client")
    assert told(residents) == []
    asked = residents.cli("query", "FROM adults.care.client WHERE name = 'Ada Testperson'", "--json")
    assert json.loads(asked.stdout)[0]["name"] == "Ada Testperson"
    residents.cli("query", "SELECT count(*) FROM adults.care.client AT (VERSION => 0)")
    residents.cli("query", "SELECT * FROM bronze.care.client JOIN adults.wards.ward USING (ward)")
    residents.cli("show", "adults.care.client", "2")
    client = ["adults.care.client"]
    assert told(residents) == [
        ("show", client, 1), ("query", ["bronze.care.client"], 3), ("query", client, 1), ("query", client, 1)
    ]  # fmt: skip
    assert "operator" in vestry("audit", "list", "-C", str(residents.root)).stdout


def test_the_people_that_an_answer_shows_are_named(residents: Council) -> None:
    residents.product(
        "adults.index",
        {"person_id": "logicalType: string, classification: personal"},
        person_sql="SELECT 'P' || id AS person_id FROM bronze.care.client",
    )
    residents.good()
    residents.cli("query", "SELECT person_id FROM adults.index.person WHERE person_id <> 'P2'")
    (line,) = audit.lines(load_project(residents.root))
    assert line.entry.people == ("P1", "P3")
