"""Systems err as often as the table of faults says, and the truth knows every record."""

from __future__ import annotations

import csv
from importlib import resources
from math import sqrt

import duckdb
import pytest

from vestry.demo import Systems

pytestmark = pytest.mark.slow

# Faults that can befall any record of a person, whoever that is.
ANY_PERSON = (
    "dob_missing", "sex_missing", "name_placeholder", "typo_address", "postcode_missing", "initial_only",
)  # fmt: skip
# Those that need something to go wrong with: the person's column that must be there.
IF_HELD = {
    "nino_missing": "nino",
    "nhs_missing": "nhs_number",
    "telephone_missing": "telephone",
    "email_missing": "email",
    "middle_missing": "middle_names",
}


def rates() -> dict[str, dict[str, float]]:
    text = (resources.files("vestry.demo") / "faults.csv").read_text()
    table: dict[str, dict[str, float]] = {}
    for row in csv.DictReader(text.splitlines()):
        table.setdefault(row["system"], {})[row["fault"]] = float(row["rate"])
    return {system: {**table["*"], **own} for system, own in table.items() if system not in ("*", "population")}


def test_every_rate_has_a_reason() -> None:
    text = (resources.files("vestry.demo") / "faults.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert all(row["reason"] and 0 <= float(row["rate"]) <= 1 for row in rows)
    assert len({(row["system"], row["fault"]) for row in rows}) == len(rows)


@pytest.mark.parametrize("fault", [*ANY_PERSON, *IF_HELD])
def test_fault_rates_are_those_of_the_table(fault: str, truth: duckdb.DuckDBPyConnection) -> None:
    held = IF_HELD.get(fault, "person_id")
    found = truth.execute(
        f"""
        SELECT system, count(*), sum(list_contains(faults, '{fault}')::INT) FROM record JOIN person USING (person_id)
        WHERE {held} IS NOT NULL GROUP BY system
        """
    ).fetchall()
    for system, records, faulty in found:
        expected = rates()[system][fault]
        allowed = 4.5 * sqrt(max(expected * (1 - expected), 0.002) / records)
        assert faulty / records == pytest.approx(expected, abs=allowed), system


def test_each_record_of_a_person_has_its_truth(westmarsh: Systems, truth: duckdb.DuckDBPyConnection) -> None:
    systems = westmarsh.systems
    files = {
        ("schools", "pupil"): ('"Pupil ID"', "schools/attendance_*.csv"),
        ("police", "nominal"): ('"Nominal Ref"', "police/incidents_*.csv"),
        ("adults", "person"): ('"Person No"', "adults/contacts.csv"),
        ("benefits", "claimant"): ('"Claim Ref"', "benefits/claims_*.csv"),
        ("benefits", "dependant"): ('"Dependant Ref"', "benefits/dependants_*.csv"),
    }
    for (system, table), (column, pattern) in files.items():
        strays = truth.execute(
            f"""
            SELECT DISTINCT {column} FROM read_csv('{systems / pattern}', all_varchar = true, union_by_name = true)
            WHERE {column} NOT IN (SELECT record_id FROM record WHERE system = '{system}' AND "table" = '{table}')
            """
        ).fetchall()
        assert strays == [], system


def test_each_record_in_a_database_has_its_truth(westmarsh: Systems, truth: duckdb.DuckDBPyConnection) -> None:
    import sqlite3

    for system, path, column in (
        ("council_tax", "council_tax/academy.sqlite", "person_ref"),
        ("housing", "housing/northgate.sqlite", "person_ref"),
        ("childrens", "childrens/liquidlogic.sqlite", "person_id"),
    ):
        with sqlite3.connect(westmarsh.systems / path) as db:
            ids = {row[0] for row in db.execute(f"SELECT {column} FROM person")}
        known = truth.execute("SELECT record_id FROM record WHERE system = ? AND \"table\" = 'person'", [system])
        assert ids == {row[0] for row in known.fetchall()}


def test_references_in_databases_lead_somewhere(westmarsh: Systems) -> None:
    import sqlite3

    for path, child, column, parent, key in (
        ("council_tax/academy.sqlite", "liability", "person_ref", "person", "person_ref"),
        ("council_tax/academy.sqlite", "liability", "account_ref", "account", "account_ref"),
        ("housing/northgate.sqlite", "tenancy_person", "person_ref", "person", "person_ref"),
        ("housing/northgate.sqlite", "tenancy", "property_ref", "property", "property_ref"),
        ("childrens/liquidlogic.sqlite", "relationship", "related_person_id", "person", "person_id"),
        ("childrens/liquidlogic.sqlite", "cin_episode", "person_id", "person", "person_id"),
        ("childrens/liquidlogic.sqlite", "assessment_factor", "assessment_id", "cin_assessment", "assessment_id"),
    ):
        with sqlite3.connect(westmarsh.systems / path) as db:
            query = f"SELECT count(*) FROM {child} WHERE {column} NOT IN (SELECT {key} FROM {parent})"
            assert db.execute(query).fetchone() == (0,), (child, column)


def test_people_have_several_records_and_some_two_in_one_system(truth: duckdb.DuckDBPyConnection) -> None:
    row = truth.execute(
        """
        SELECT count(*) FILTER (systems > 1), count(*) FILTER (most > 1) FROM (
            SELECT person_id, count(DISTINCT system) AS systems, max(n) AS most
            FROM (SELECT person_id, system, "table", count(*) AS n FROM record GROUP BY ALL) GROUP BY person_id)
        """
    ).fetchone()
    assert row is not None
    assert row[0] > 300
    assert row[1] > 20
