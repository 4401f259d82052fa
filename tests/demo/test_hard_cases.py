"""Westmarsh holds the people who are hardest to tell apart or to know again, and the truth tells who they are."""

from __future__ import annotations

import sqlite3

import duckdb
import pytest

from vestry.demo import Systems

pytestmark = pytest.mark.slow


def liquidlogic(westmarsh: Systems, sql: str) -> list[tuple[str, ...]]:
    with sqlite3.connect(westmarsh.systems / "childrens" / "liquidlogic.sqlite") as db:
        return db.execute(sql).fetchall()


def test_adopted_child_is_two_persons_who_look_alike(truth: duckdb.DuckDBPyConnection) -> None:
    pairs = truth.execute(
        """
        SELECT a.dob = b.dob, a.sex = b.sex, a.surname <> b.surname, a.nhs_number IS DISTINCT FROM b.nhs_number,
            a.upn IS DISTINCT FROM b.upn OR a.upn IS NULL, a.current_uprn IS NULL, b.current_uprn IS NOT NULL
        FROM protected p JOIN person a USING (person_id) JOIN person b ON b.person_id = p.other_person_id
        WHERE p.why = 'was adopted'
        """
    ).fetchall()
    assert len(pairs) >= 2
    assert all(all(pair) for pair in pairs), pairs


def test_the_two_lives_of_an_adopted_child_meet_on_one_day(truth: duckdb.DuckDBPyConnection) -> None:
    gaps = truth.execute(
        """
        SELECT min(b.from_date) - max(a.to_date) FROM protected p
        JOIN stay a ON a.person_id = p.person_id JOIN stay b ON b.person_id = p.other_person_id
        WHERE p.why = 'was adopted' GROUP BY p.person_id
        """
    ).fetchall()
    assert gaps
    assert set(gaps) == {(0,)}


def test_every_adoption_is_a_change_of_identity_and_some_flags_were_forgotten(
    westmarsh: Systems, truth: duckdb.DuckDBPyConnection
) -> None:
    changes = liquidlogic(westmarsh, "SELECT person_id_before, person_id_after FROM identity_change")
    whose = dict(
        truth.execute(
            "SELECT record_id, person_id FROM record WHERE system = 'childrens' AND \"table\" = 'person'"
        ).fetchall()
    )
    told = {(whose[before], whose[after]) for before, after in changes}
    pairs = truth.execute("SELECT person_id, other_person_id FROM protected WHERE why = 'was adopted'").fetchall()
    assert told == set(pairs)
    flags = liquidlogic(
        westmarsh,
        "SELECT DISTINCT restricted FROM person WHERE person_id IN (SELECT person_id_after FROM identity_change) "
        "OR person_id IN (SELECT person_id_before FROM identity_change)",
    )
    assert ("N",) in flags


def test_flags_of_protection_are_in_the_truth_and_nobody_elses_are(
    westmarsh: Systems, truth: duckdb.DuckDBPyConnection
) -> None:
    flagged = {
        ("childrens", r) for (r,) in liquidlogic(westmarsh, "SELECT person_id FROM person WHERE restricted = 'Y'")
    }
    with sqlite3.connect(westmarsh.systems / "housing" / "northgate.sqlite") as db:
        hidden = {r for (r,) in db.execute("SELECT person_ref FROM person WHERE address_protected = 'Y'")}
    assert flagged
    assert hidden
    assert len(hidden) < 20
    flagged |= {("housing", r) for r in hidden}
    persons = {
        person
        for system, record, person in truth.execute(
            "SELECT system, record_id, person_id FROM record WHERE \"table\" = 'person'"
        ).fetchall()
        if (system, record) in flagged
    }
    told = {
        p for (p,) in truth.execute("SELECT DISTINCT person_id FROM protected WHERE why NOT LIKE '%adopted'").fetchall()
    }
    adopted = {p for (p,) in truth.execute("SELECT person_id FROM protected WHERE why LIKE '%adopted'").fetchall()}
    assert persons - adopted == told - adopted


@pytest.mark.parametrize(
    "circumstance", ["twin", "father and son of one name", "in a care home or hostel", "adopted", "none"]
)
def test_each_hard_case_has_records(truth: duckdb.DuckDBPyConnection, circumstance: str) -> None:
    row = truth.execute("SELECT count(*) FROM people WHERE circumstance = ?", [circumstance]).fetchone()
    assert row is not None
    assert row[0] >= 2


def test_father_and_son_of_one_name_live_at_one_address(truth: duckdb.DuckDBPyConnection) -> None:
    rows = truth.execute(
        """
        SELECT f.forename = s.forename FROM person s JOIN family_tie t ON t.other_person_id = s.person_id
        JOIN person f ON f.person_id = t.person_id
        WHERE s.namesake AND t.tie = 'father' AND f.current_uprn = s.current_uprn
        """
    ).fetchall()
    assert rows
    assert set(rows) == {(True,)}


def test_some_change_name_home_and_telephone_in_one_day(truth: duckdb.DuckDBPyConnection) -> None:
    rows = truth.execute(
        """
        SELECT n.surname <> p.surname_at_first, s.from_date IS NOT NULL
        FROM person p JOIN person_name n USING (person_id)
        LEFT JOIN stay s ON s.person_id = p.person_id AND s.from_date = n.from_date
        WHERE p.circumstance = 'new name, home and telephone at once' AND n.from_date > DATE '2024-08-01'
        """
    ).fetchall()
    assert (True, True) in rows


def test_a_care_home_has_many_residents_at_one_address(truth: duckdb.DuckDBPyConnection) -> None:
    row = truth.execute(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM stay WHERE to_date IS NULL GROUP BY uprn)"
    ).fetchone()
    assert row is not None
    assert row[0] >= 10


def test_a_placeholder_is_shared_by_many(westmarsh: Systems) -> None:
    with sqlite3.connect(westmarsh.systems / "council_tax" / "academy.sqlite") as db:
        row = db.execute("SELECT count(*) FROM person WHERE telephone = '01632 960000'").fetchone()
    assert row[0] >= 3


def test_truth_of_people_has_one_line_for_each_record(truth: duckdb.DuckDBPyConnection) -> None:
    row = truth.execute(
        "SELECT count(*), count(DISTINCT (source, record_id)), count(naming_tradition), count(age_band), count(sex) FROM people"
    ).fetchone()
    assert row is not None
    assert len(set(row)) == 1
