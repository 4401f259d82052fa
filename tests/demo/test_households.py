"""Households and families of Westmarsh, held against who lived with whom and who is whose parent."""

from __future__ import annotations

import duckdb
import pytest

from .conftest import Demo

pytestmark = pytest.mark.slow

NOW = "(m.to_date IS NULL OR m.to_date > d.as_of)"


def of_truth(demo: Demo, sql: str) -> set[tuple[int, ...]]:
    with duckdb.connect() as con:
        for name, file in (("stay", "household/stay"), ("tie", "family_tie"), ("protected", "protected")):
            con.execute(f"CREATE VIEW {name} AS SELECT * FROM '{demo.root}/truth/{file}.parquet'")
        return set(con.execute(sql).fetchall())


def test_who_is_said_to_live_together_does(demo: Demo) -> None:
    found = demo.whose(
        f"""
        SELECT m.person_id AS person_id_a, n.person_id AS person_id_b
        FROM people.households.member m JOIN people.households.member n USING (household_id)
        JOIN people.households.household h USING (household_id) CROSS JOIN people.households.day d
        WHERE m.person_id < n.person_id AND NOT h.communal AND {NOW} AND {NOW.replace("m.", "n.")}
        """
    )
    pairs = {(min(a, b), max(a, b)) for a, b in found if a != b}
    true = of_truth(
        demo,
        """SELECT a.person_id, b.person_id FROM stay a JOIN stay b USING (household_id, uprn)
           WHERE a.person_id < b.person_id AND a.to_date IS NULL AND b.to_date IS NULL""",
    )
    known = {p for (p,) in demo.whose("SELECT DISTINCT person_id FROM people.households.stay")}
    seen = {pair for pair in true if set(pair) <= known}
    assert len(pairs) > 500
    assert len(pairs & true) >= 0.96 * len(pairs)
    assert len(pairs & true) >= 0.94 * len(seen)


def test_who_lives_alone_now_is_found(demo: Demo) -> None:
    alone = {
        p
        for (p,) in demo.whose(
            """SELECT person_id FROM people.households.alone CROSS JOIN people.households.day
               WHERE alone_to IS NULL OR alone_to > as_of"""
        )
    }
    true = {
        p
        for (p,) in of_truth(
            demo,
            """SELECT any_value(person_id) FROM stay WHERE to_date IS NULL
               GROUP BY uprn, household_id HAVING count(*) = 1""",
        )
    }
    assert len(alone & true) >= 0.9 * len(true)
    # Whom no system knows, such as a lodger or a baby, makes somebody seem alone who is not.
    assert len(alone & true) >= 0.75 * len(alone)


def test_nobody_is_in_two_homes_at_once(demo: Demo) -> None:
    overlaps = """
        SELECT count(*) FROM people.households.stay a JOIN people.households.stay b
            ON a.person_id = b.person_id AND (a.uprn, a.from_date) < (b.uprn, b.from_date)
        WHERE a.from_date < coalesce(b.to_date, DATE '2999-01-01')
            AND b.from_date < coalesce(a.to_date, DATE '2999-01-01')"""
    assert demo.council.one(overlaps) == 0


def test_a_stay_names_records_that_are_the_persons(demo: Demo) -> None:
    strays = """
        WITH named AS (SELECT person_id, unnest(string_split(evidence, '; ')) AS record FROM people.households.stay)
        SELECT count(*) FROM named WHERE (person_id, record) NOT IN (
            SELECT (person_id, source || ' ' || record_id) FROM people.index.person_record)"""
    assert demo.council.one(strays) == 0


def test_when_everybody_has_gone_the_next_are_another_household(demo: Demo) -> None:
    broken = """
        SELECT count(*) FROM people.households.household a JOIN people.households.household b
            ON a.uprn = b.uprn AND a.from_date < b.from_date
        WHERE a.to_date IS NULL OR a.to_date > b.from_date"""
    assert demo.council.one(broken) == 0


def test_care_homes_are_communal_and_nobody_there_is_alone(demo: Demo) -> None:
    assert demo.council.one("SELECT count(*) FROM people.households.household WHERE communal") >= 1
    alone = """
        SELECT count(*) FROM people.households.alone a JOIN people.households.household h USING (household_id)
        WHERE h.communal"""
    assert demo.council.one(alone) == 0


def test_parents_and_carers_are_the_true_ones(demo: Demo) -> None:
    ties = set(
        demo.whose(
            """SELECT DISTINCT person_id AS person_id_a, other_person_id AS person_id_b
               FROM people.families.tie WHERE tie IN ('parent', 'carer')"""
        )
    )
    true = of_truth(demo, "SELECT person_id, other_person_id FROM tie WHERE tie IN ('mother', 'father')")
    assert len(ties) > 300
    assert len(ties & true) >= 0.985 * len(ties)


def test_a_tie_leads_to_records_of_both(demo: Demo) -> None:
    lost = """
        SELECT count(*) FROM people.families.tie t WHERE NOT EXISTS (
            SELECT 1 FROM people.index.person_record r
            WHERE r.source = t.source AND r.record_id = t.record_id AND r.person_id = t.person_id)
        OR NOT EXISTS (
            SELECT 1 FROM people.index.person_record r WHERE r.source = t.other_source
            AND r.record_id = t.other_record_id AND r.person_id = t.other_person_id)"""
    assert demo.council.one(lost) == 0


def test_a_child_is_in_one_family_with_somebody_who_is_older(demo: Demo) -> None:
    twice = """
        SELECT count(*) FROM (SELECT person_id FROM people.families.family_member WHERE role = 'child'
        GROUP BY person_id HAVING count(*) > 1)"""
    assert demo.council.one(twice) == 0
    assert demo.council.one("SELECT min(adults) FROM people.families.family") >= 1
    childless = "SELECT count(*) FROM people.families.family WHERE children = 0"
    assert demo.council.one(childless) == 0


def test_families_reach_across_households(demo: Demo) -> None:
    assert demo.council.one("SELECT count(*) FROM people.families.family WHERE homes > 1") >= 5


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("people.households.stay", "person_id"),
        ("people.households.member", "person_id"),
        ("people.families.tie", "person_id"),
        ("people.families.tie", "other_person_id"),
        ("people.families.family_member", "person_id"),
        ("childrens.supporting_families.need_evidence", "person_id"),
        ("childrens.supporting_families.chronology", "person_id"),
        ("adults.link_work.resident", "person_id"),
    ],
)
def test_protected_people_are_on_no_list(demo: Demo, table: str, column: str) -> None:
    protected = {p for (p,) in of_truth(demo, "SELECT person_id FROM protected")}
    listed = {p for (p,) in demo.whose(f"SELECT DISTINCT {column} AS person_id FROM {table}")}
    assert protected
    assert listed
    assert protected & listed == set()
