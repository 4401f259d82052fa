"""Supporting Families: the rules are data, every need leads to records, and a claim can be audited."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from council import Council

from .conftest import Demo, existing

pytestmark = pytest.mark.slow

PRODUCT = "childrens.supporting_families"
FOLDER = Path(__file__).parents[2] / "src/vestry/demo/project/domains/childrens/supporting_families"
SHIPPED = FOLDER / "framework" / "sf_2022"
LOCAL = {
    "framework": """
        framework,title,from_date,to_date,min_needs,count_by,sustained_months,reference,checked
        LOCAL-2026,Family Help,2026-04-01,,2,headlines,3,Cabinet paper 12,yes
    """,
    "headline": """
        framework,headline,version,label,reference,checked
        LOCAL-2026,1,1,School,Cabinet paper 12,yes
        LOCAL-2026,2,1,Purse,Cabinet paper 12,yes
        LOCAL-2026,2,2,Money,Cabinet paper 14,yes
    """,
    "need": """
        framework,headline,need,label,reference,checked
        LOCAL-2026,1,school,Away a fifth of the time,Cabinet paper 12,yes
        LOCAL-2026,2,work,Out of work,Cabinet paper 12,yes
        LOCAL-2026,2,debt,In debt,Cabinet paper 12,yes
    """,
    "rule": """
        framework,rule,need,finds,fact,value,at_least,below,times,months,of,age_from,age_to,says,reference,checked
        LOCAL-2026,s1,school,need,attendance over two terms,,,80,1,24,person,,,away a fifth of two terms,Cabinet paper 12,yes
        LOCAL-2026,w1,work,need,out of work,,,,1,0,family,,,out of work,Cabinet paper 12,yes
        LOCAL-2026,d1,debt,need,council tax arrears,,500,,1,0,family,,,owes council tax of £500,Cabinet paper 12,yes
        LOCAL-2026,d2,debt,need,rent arrears,,500,,1,0,family,,,owes rent of £500,Cabinet paper 12,yes
    """,
}


@dataclass
class Two:
    """A Westmarsh with a second framework, and what SF-2022 gave before that."""

    council: Council
    before: list[tuple[object, ...]]


def families(council: Council, framework: str) -> list[tuple[object, ...]]:
    return council.rows(f"SELECT * FROM {PRODUCT}.family WHERE framework = '{framework}' ORDER BY ALL")


@pytest.fixture(scope="module")
def two(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    root = tmp_path_factory.mktemp("two") / "westmarsh"
    shutil.copytree(demo.root, root)
    council = existing(root)
    before = families(council, "SF-2022")
    for name, text in LOCAL.items():
        lines = "\n".join(line.strip() for line in text.strip().splitlines())
        council.write(f"domains/childrens/supporting_families/framework/local/{name}.csv", lines + "\n")
    council.good("bronze.supporting_families", PRODUCT)
    yield Two(council, before)
    shutil.rmtree(root)


def shipped(name: str) -> list[dict[str, str]]:
    with (SHIPPED / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_ten_headlines_and_each_need_has_a_rule_that_finds_it_and_one_that_shows_it_met() -> None:
    assert {row["headline"] for row in shipped("headline")} == {str(n) for n in range(1, 11)}
    needs = {row["need"] for row in shipped("need")}
    assert {row["headline"] for row in shipped("need")} == {str(n) for n in range(1, 11)}
    found = {row["need"] for row in shipped("rule") if row["finds"] == "need"}
    met = {row["need"] for row in shipped("rule") if row["finds"] in ("outcome", "quiet")}
    assert found == needs
    assert met == needs


def test_each_line_of_the_framework_has_a_reference_and_says_that_it_is_to_be_checked() -> None:
    for name in ("framework", "headline", "need", "rule"):
        for row in shipped(name):
            assert row["reference"], row
            assert row["checked"].startswith("no"), row


def test_every_kind_of_fact_is_gathered_from_where_it_is_said_to_be(demo: Demo) -> None:
    kinds = set(demo.council.rows(f"SELECT fact, system, source FROM {PRODUCT}.fact_kind"))
    found = set(demo.council.rows(f"SELECT DISTINCT fact, system, source FROM {PRODUCT}.fact"))
    assert found <= kinds
    # In so small a town not everything has happened.
    assert len(found) >= 0.7 * len(kinds)


def test_rules_have_numbers_of_their_own() -> None:
    numbers = [row["rule"] for row in shipped("rule")]
    assert len(numbers) == len(set(numbers))


def test_a_title_that_changed_is_kept_in_both_versions(demo: Demo) -> None:
    rows = demo.council.rows(
        f"SELECT headline, label, shown FROM {PRODUCT}.headline WHERE headline IN (4, 7) ORDER BY ALL"
    )
    assert [(h, shown) for h, _, shown in rows] == [(4, True), (4, False), (7, False), (7, True)]
    assert "Families diverted from crime" in {label for _, label, _ in rows}


def test_eligible_families_have_the_needs_that_the_framework_asks_for(demo: Demo) -> None:
    rows = families(demo.council, "SF-2022")
    assert rows
    counted = demo.council.rows(
        f"""SELECT family_id, count(DISTINCT need), count(DISTINCT headline) FROM {PRODUCT}.need
            WHERE occasion = 'now' GROUP BY 1"""
    )
    needs = {family: (n, h) for family, n, h in counted}
    told = demo.council.rows(
        f"SELECT family_id, needs, headlines, eligible, children_under_18, eligible_since FROM {PRODUCT}.family"
    )
    assert any(row[3] for row in told)
    for family, n, h, eligible, children, since in told:
        assert needs[family] == (n, h)
        assert eligible == (n >= 3 and children > 0)
        assert eligible == (since is not None)


def test_every_need_leads_to_a_record_that_is_there(demo: Demo) -> None:
    """The key of each piece of evidence begins with the key of a row of the table that it names."""
    keys = {
        "education.schools.pupil_term": "pupil_id",
        "education.participation.entry": "entry_ref",
        "childrens.social_care.assessment_factor": "assessment_id",
        "childrens.social_care.plan_need": "family_ref",
        "childrens.social_care.plan": "plan_id",
        "childrens.social_care.episode": "episode_id",
        "childrens.social_care.missing_episode": "missing_id",
        "childrens.social_care.early_years_review": "review_id",
        "childrens.social_care.person": "person_id",
        "community_safety.incidents.involvement": "incident_ref",
        "housing.tenancies.tenancy": "tenancy_ref",
        "housing.tenancies.homeless_application": "application_ref",
        "revenues.council_tax.account": "account_ref",
        "revenues.benefits.claim_quarter": "claim_ref",
    }
    sources = {s for (s,) in demo.council.rows(f"SELECT DISTINCT source FROM {PRODUCT}.need_evidence")}
    assert sources <= set(keys)
    assert len(sources) >= 5
    for source in sources:
        lost = f"""
            SELECT count(*) FROM {PRODUCT}.need_evidence WHERE source = '{source}'
            AND regexp_extract(record_id, '^[^,]+') NOT IN (SELECT {keys[source]} FROM {source})"""
        assert demo.council.one(lost) == 0, source
    assert demo.council.one(f"SELECT count(*) FROM {PRODUCT}.need_evidence WHERE started_on IS NULL") == 0


def test_every_need_has_evidence_and_all_evidence_has_a_need(demo: Demo) -> None:
    lonely = f"""
        SELECT count(*) FROM (SELECT framework, family_id, occasion, need, records FROM {PRODUCT}.need) n
        FULL JOIN (SELECT framework, family_id, occasion, need, count(*) AS records FROM {PRODUCT}.need_evidence GROUP BY ALL) e
        USING (framework, family_id, occasion, need) WHERE n.records IS DISTINCT FROM e.records"""
    assert demo.council.one(lonely) == 0


def test_attendance_is_worked_out_as_a_practitioner_would(demo: Demo) -> None:
    """Need 1.1 of today, by hand from the terms: less than nine tenths of two terms that follow each other."""
    by_hand = demo.council.rows(
        """
        WITH t AS (SELECT r.person_id, 3 * school_year + term AS nth, sum(sessions_attended) AS came,
                sum(sessions_possible) AS could, min(term_from) AS began, max(term_to) AS ended
            FROM education.schools.pupil_term JOIN people.index.person_record r
                ON r.source = 'education.schools.pupil' AND r.record_id = pupil_id GROUP BY ALL)
        SELECT DISTINCT a.person_id
        FROM t a JOIN t b ON b.person_id = a.person_id AND b.nth = a.nth + 1
        JOIN people.families.family_member m ON m.person_id = a.person_id
        JOIN people.families.family f ON f.family_id = m.family_id AND f.children_under_18 > 0
        JOIN people.index.person p ON p.person_id = a.person_id
        CROSS JOIN people.households.day d
        WHERE 10 * (a.came + b.came) < 9 * (a.could + b.could) AND b.ended >= d.as_of - INTERVAL 12 MONTH
          AND coalesce(date_sub('year', p.date_of_birth, a.began) <= 17, true)
        """
    )
    found = demo.council.rows(
        f"""SELECT DISTINCT person_id FROM {PRODUCT}.need_evidence
            WHERE occasion = 'now' AND need = '1.1' AND source = 'education.schools.pupil_term'"""
    )
    assert found
    assert set(found) == set(by_hand)


def test_what_can_be_claimed_has_everything_that_a_claim_needs(demo: Demo) -> None:
    rows = demo.council.rows(
        f"""SELECT claim_id, needs, needs_met, whole_family_assessment_on, plan_on, lead_practitioner, ended_on,
                sustained_until, lacks FROM {PRODUCT}.claim WHERE status = 'can be claimed'"""
    )
    assert rows
    (day,) = demo.council.rows("SELECT as_of FROM people.households.day")[0]
    for _, needs, met, assessed, planned, lead, ended, lasts, lacks in rows:
        assert needs >= 3
        assert met == needs
        assert None not in (assessed, planned, lead, ended)
        assert lasts <= day
        assert lacks == ""


def test_what_cannot_be_claimed_says_what_it_lacks(demo: Demo) -> None:
    rows = demo.council.rows(f"SELECT lacks FROM {PRODUCT}.claim WHERE status = 'cannot be claimed'")
    assert rows
    assert all(lacks for (lacks,) in rows)


def test_a_family_has_one_claim_at_a_time(demo: Demo) -> None:
    overlaps = f"""
        SELECT count(*) FROM {PRODUCT}.support a JOIN {PRODUCT}.support b
            ON a.family_id = b.family_id AND a.started_on < b.started_on
        WHERE a.ended_on IS NULL OR a.ended_on + 183 >= b.started_on"""
    assert demo.council.one(overlaps) == 0


def test_audit_pack_of_a_claim_is_whole(demo: Demo) -> None:
    claim = demo.council.one(f"SELECT min(claim_id) FROM {PRODUCT}.claim WHERE status = 'can be claimed'")
    pack = demo.council.rows(
        f"""SELECT line, section, need, name, says, system, source, record_id, from_date, rule, reference, headline
            FROM {PRODUCT}.claim_evidence WHERE claim_id = '{claim}' ORDER BY line"""
    )
    assert [row[0] for row in pack] == list(range(1, len(pack) + 1))
    sections = [row[1] for row in pack]
    assert sections == sorted(sections, key=["family", "support", "need", "plan", "outcome"].index)
    needs = {row[2] for row in pack if row[1] == "need"}
    assert needs
    assert needs == {row[2] for row in pack if row[1] == "plan"} == {row[2] for row in pack if row[1] == "outcome"}
    for _, section, _, name, says, system, source, record, on, rule, reference, headline in pack:
        assert says
        assert system
        assert source
        if section in ("need", "plan"):
            assert name
            assert record
            assert headline
        if section in ("need", "plan", "outcome"):
            assert on
            assert rule
            assert reference
            assert record or re.search(r"no record of it from \d", says)


def test_an_outcome_that_came_back_is_none(demo: Demo) -> None:
    rows = demo.council.rows(f"SELECT DISTINCT outcome, again_on IS NOT NULL FROM {PRODUCT}.outcome")
    assert {again for outcome, again in rows if outcome == "came back"} <= {True}
    assert {again for outcome, again in rows if outcome == "met and lasted"} == {False}


def test_chronology_is_of_several_systems(demo: Demo) -> None:
    most = f"""
        SELECT max(n) FROM (SELECT family_id, count(DISTINCT system) AS n FROM {PRODUCT}.chronology GROUP BY 1)"""
    assert demo.council.one(most) >= 4


def test_a_second_framework_is_worked_out_from_its_own_tables(two: Two) -> None:
    rows = two.council.rows(
        f"""SELECT family_id, needs, headlines, counted, min_needs, eligible, eligible_since::VARCHAR, needs_in_words
            FROM {PRODUCT}.family WHERE framework = 'LOCAL-2026'"""
    )
    assert {eligible for *_, eligible, _, _ in rows} == {True, False}
    for _, needs, headlines, counted, least, eligible, since, words in rows:
        assert counted == headlines <= needs
        assert least == 2
        assert eligible == (headlines >= 2)
        # Not before it was in force.
        assert since is None or since >= "2026-04-01"
        assert set(re.findall(r"(?:^|; )(\w+) ", words)) <= {"school", "work", "debt"}
    # Two needs under one headline count once.
    assert any(needs == 2 and headlines == 1 and not eligible for _, needs, headlines, _, _, eligible, _, _ in rows)
    shown = two.council.rows(
        f"SELECT label FROM {PRODUCT}.headline WHERE framework = 'LOCAL-2026' AND shown ORDER BY 1"
    )
    assert shown == [("Money",), ("School",)]


def test_the_first_framework_does_not_notice_the_second(two: Two) -> None:
    assert families(two.council, "SF-2022") == two.before


def test_a_rule_is_changed_by_a_line(two: Two) -> None:
    needing = (
        f"SELECT count(*) FROM {PRODUCT}.need WHERE framework = 'LOCAL-2026' AND need = 'school' AND occasion = 'now'"
    )
    before = two.council.one(needing)
    file = two.council.root / "domains/childrens/supporting_families/framework/local/rule.csv"
    text = file.read_text()
    file.write_text(text.replace(",,,80,", ",,,95,"))
    two.council.good("bronze.supporting_families", PRODUCT)
    after = two.council.one(needing)
    file.write_text(text)
    two.council.good("bronze.supporting_families", PRODUCT)
    assert after > before > 0
    assert two.council.one(needing) == before


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("w1,work", "w1,wrok", "a rule asks for a need that its framework has"),
        (",out of work,", ",out of wrok,", "a rule asks for a fact that is gathered"),
        ("w1,work,need", "w1,work,nede", "a rule finds something in a way that is known"),
    ],
)
def test_a_slip_in_a_rule_stops_the_build(two: Two, right: str, wrong: str, said: str) -> None:
    file = two.council.root / "domains/childrens/supporting_families/framework/local/rule.csv"
    text = file.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong))
    done = two.council.run("bronze.supporting_families", f"{PRODUCT}.rule")
    file.write_text(text)
    outcome = done[f"{PRODUCT}.rule"]
    assert said in str(outcome.error)
    two.council.good("bronze.supporting_families", PRODUCT)
