"""Westmarsh is the same for the same seed, is plausible, and holds nobody real."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from datetime import date
from pathlib import Path

import duckdb
import pytest

from vestry.demo import Systems, make_systems

from .conftest import PEOPLE, texts

pytestmark = pytest.mark.slow


def fingerprint(folder: Path) -> dict[str, str]:
    """Each file's digest; of a database the digest of its rows, since free pages may differ."""
    prints = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".sqlite":
            with sqlite3.connect(path) as db:
                content = "\n".join(db.iterdump()).encode()
        elif path.is_file():
            content = path.read_bytes()
        else:
            continue
        prints[str(path.relative_to(folder))] = hashlib.sha256(content).hexdigest()
    return prints


def test_same_seed_gives_same_bytes_whatever_the_threads(westmarsh: Systems, tmp_path: Path) -> None:
    again = make_systems(tmp_path, people=PEOPLE, seed=7, threads=1)
    assert fingerprint(again.systems) == fingerprint(westmarsh.systems)
    assert fingerprint(again.truth) == fingerprint(westmarsh.truth)


def test_a_child_adopted_by_a_family_that_is_known_is_held_once(tmp_path: Path) -> None:
    made = make_systems(tmp_path, people=500, seed=9)
    with sqlite3.connect(made.systems / "childrens" / "liquidlogic.sqlite") as db:
        adopted, held = db.execute(
            "SELECT count(*), count(DISTINCT p.person_id) FROM identity_change c "
            "JOIN person p ON p.person_id = c.person_id_after"
        ).fetchone()
    assert adopted >= held > 0


def test_another_seed_gives_other_people(westmarsh: Systems, tmp_path: Path) -> None:
    other = make_systems(tmp_path, people=PEOPLE, seed=8)
    name = "adults/contacts.csv"
    assert (other.systems / name).read_bytes() != (westmarsh.systems / name).read_bytes()


def test_size_must_be_sensible(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="people must be between"):
        make_systems(tmp_path, people=3)


def test_about_as_many_people_as_asked_for_live_there(truth: duckdb.DuckDBPyConnection) -> None:
    (living,) = truth.execute("SELECT count(DISTINCT person_id) FROM stay WHERE to_date IS NULL").fetchone() or (0,)
    assert living == pytest.approx(PEOPLE, rel=0.12)


def test_households_are_plausible(truth: duckdb.DuckDBPyConnection) -> None:
    row = truth.execute(
        """
        WITH now AS (SELECT household_id, uprn, count(*) AS size FROM stay WHERE to_date IS NULL GROUP BY ALL)
        SELECT avg(size), max(size), avg((size = 1)::INT) FROM now
        """
    ).fetchone()
    assert row is not None
    mean, largest, alone = row
    assert 1.9 < mean < 3.0
    assert largest <= 12
    assert 0.2 < alone < 0.45


def test_nobody_is_in_two_homes_at_once(truth: duckdb.DuckDBPyConnection) -> None:
    assert (
        truth.execute(
            """
        SELECT * FROM stay a JOIN stay b ON a.person_id = b.person_id
            AND (a.uprn, a.from_date) < (b.uprn, b.from_date)
        WHERE a.from_date < coalesce(b.to_date, DATE '2999-01-01')
            AND b.from_date < coalesce(a.to_date, DATE '2999-01-01')
        """
        ).fetchall()
        == []
    )


def test_a_person_stays_in_a_home_with_a_household_once(truth: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT person_id FROM stay GROUP BY person_id, uprn, household_id HAVING count(*) > 1"
    assert truth.execute(query).fetchall() == []


def test_mothers_are_older_than_their_children(truth: duckdb.DuckDBPyConnection) -> None:
    (youngest,) = truth.execute(
        """
        SELECT min(date_diff('day', m.dob, c.dob)) / 365.25 FROM family_tie t JOIN person m USING (person_id)
        JOIN person c ON c.person_id = t.other_person_id WHERE tie = 'mother'
        """
    ).fetchone() or (0,)
    assert youngest > 14


def test_link_workers_list_follows_its_definition(westmarsh: Systems, truth: duckdb.DuckDBPyConnection) -> None:
    rows = truth.execute(
        """
        SELECT p.dob, (SELECT count(*) FROM stay s WHERE s.uprn = l.uprn AND s.to_date IS NULL), l.last_repair
        FROM link_work l JOIN person p USING (person_id)
        """
    ).fetchall()
    assert 3 <= len(rows) <= 25
    assert all(dob <= date(1956, 9, 30) and residents == 1 for dob, residents, _ in rows)
    assert all(last is None or last <= date(2024, 9, 30) for _, _, last in rows)


def test_numbers_have_valid_check_digits(truth: duckdb.DuckDBPyConnection) -> None:
    people = truth.execute("SELECT nhs_number, nino, upn FROM person").fetchall()
    numbers = [nhs for nhs, _, _ in people if nhs]
    assert len(numbers) == len(set(numbers)) > 1000
    for nhs in numbers:
        assert re.fullmatch(r"999\d{7}", nhs)
        check = 11 - sum(int(digit) * (10 - i) for i, digit in enumerate(nhs[:9])) % 11
        assert int(nhs[9]) == (0 if check == 11 else check)
    nino_form = re.compile(
        r"(?!BG|GB|KN|NK|NT|TN|ZZ|OO|CR|FY|MW|NC|PP|PY|PZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]"
    )
    ninos = [nino for _, nino, _ in people if nino]
    assert len(ninos) == len(set(ninos))
    assert all(nino_form.fullmatch(nino) for nino in ninos)
    upns = [upn for _, _, upn in people if upn]
    assert len(upns) == len(set(upns)) > 200
    for upn in upns:
        total = sum(int(digit) * (i + 2) for i, digit in enumerate(upn[1:]))
        assert upn[0] == "ABCDEFGHJKLMNPQRTUVWXYZ"[total % 23]


def test_nothing_is_real(westmarsh: Systems) -> None:
    drama = re.compile(
        r"(07700 900|0113 496 0|0114 496 0|0115 496 0|0116 496 0|0117 496 0|0118 496 0"
        r"|0121 496 0|0131 496 0|0141 496 0|0151 496 0|0161 496 0"
        r"|020 7946 0|01632 960|03069 990)\d{3}"
    )
    phone = re.compile(r"(?<![\d.-])0\d{2,4} \d{3,4} ?\d{3,4}(?![\d.-])")
    email = re.compile(r"[\w.]+@[\w.]+")
    for path, text in texts(westmarsh.systems):
        if path.suffix in (".xlsx", ".geojson"):
            continue
        for found in phone.findall(text):
            assert drama.fullmatch(found), (path.name, found)
        assert all(found.endswith("@example.org") for found in email.findall(text)), path.name


def test_the_town_lies_in_the_sea_and_codes_are_well_formed(westmarsh: Systems, db: duckdb.DuckDBPyConnection) -> None:
    row = db.execute(
        """
        SELECT min(latitude), max(latitude), min(longitude), max(longitude), count(DISTINCT ward_code),
            bool_and(regexp_matches(ward_code, '^E05\\d{6}$')), bool_and(regexp_matches(lsoa_code, '^E01\\d{6}$')),
            bool_and(regexp_matches(uprn, '^\\d{8,12}$')), bool_and(regexp_matches(usrn, '^\\d{8}$')),
            bool_and(postcode IS NULL OR regexp_matches(postcode, '^WX\\d{1,2} \\d[A-Z]{2}$'))
        FROM read_csv(?, all_varchar = true)
        """,
        [str(westmarsh.systems / "gazetteer" / "addresses.csv")],
    ).fetchone()
    assert row is not None
    assert 53.3 < float(row[0]) < float(row[1]) < 53.6
    assert 1.5 < float(row[2]) < float(row[3]) < 2.0
    assert row[4] == 12
    assert all(row[5:])


def test_each_property_has_one_approved_entry(westmarsh: Systems, db: duckdb.DuckDBPyConnection) -> None:
    path = str(westmarsh.systems / "gazetteer" / "addresses.csv")
    rows = db.execute(
        "SELECT uprn FROM read_csv(?, all_varchar = true) WHERE logical_status = '1' GROUP BY uprn HAVING count(*) > 1",
        [path],
    ).fetchall()
    assert rows == []
    statuses = db.execute("SELECT DISTINCT logical_status FROM read_csv(?, all_varchar = true) ORDER BY 1", [path])
    assert [status for (status,) in statuses.fetchall()] == ["1", "3", "6", "8"]
