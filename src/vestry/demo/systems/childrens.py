"""Children's social care and early help (``childrens/liquidlogic.sqlite``).

Tables and columns carry the terms of Data to Insight's Standard Safeguarding Dataset (person, contact, early help
episode, child in need episode, assessment and its factors, plan, missing episode); factor codes are the census's.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from vestry.demo.faults import Hold, hold_people
from vestry.demo.script import run_script
from vestry.demo.systems.export import to_sqlite

DDL = """
CREATE TABLE person (
    person_id TEXT PRIMARY KEY, forename TEXT, middle_names TEXT, surname TEXT, dob TEXT, sex TEXT, nhs_number TEXT,
    upn TEXT, ni_number TEXT, telephone TEXT, is_child TEXT NOT NULL, disability TEXT, restricted TEXT NOT NULL,
    death_date TEXT,
    created_on TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE address (
    address_id TEXT PRIMARY KEY, person_id TEXT NOT NULL, address TEXT, postcode TEXT, uprn TEXT,
        from_date TEXT, to_date TEXT);
CREATE TABLE relationship (
    person_id TEXT NOT NULL, related_person_id TEXT NOT NULL, relationship TEXT NOT NULL, from_date TEXT);
CREATE TABLE contact (
    contact_id TEXT PRIMARY KEY, person_id TEXT NOT NULL, contact_date TEXT NOT NULL, source_code TEXT,
        source TEXT, outcome TEXT);
CREATE TABLE early_help_episode (
    episode_id TEXT PRIMARY KEY, person_id TEXT NOT NULL, family_ref TEXT NOT NULL, start_date TEXT NOT NULL,
        end_date TEXT,
    reason TEXT, end_reason TEXT, organisation TEXT, worker_id TEXT, whole_family_assessment_date TEXT,
        plan_date TEXT,
    lead_practitioner TEXT);
CREATE TABLE plan_need (
    family_ref TEXT NOT NULL, need TEXT NOT NULL, identified_on TEXT NOT NULL, outcome TEXT, outcome_date TEXT);
CREATE TABLE cin_episode (
    referral_id TEXT PRIMARY KEY, person_id TEXT NOT NULL, referral_date TEXT NOT NULL, primary_need_code TEXT,
    referral_source_code TEXT, close_date TEXT, close_reason TEXT, team TEXT, worker_id TEXT);
CREATE TABLE cin_assessment (
    assessment_id TEXT PRIMARY KEY, referral_id TEXT NOT NULL, person_id TEXT NOT NULL, start_date TEXT NOT NULL,
    auth_date TEXT, child_seen TEXT, outcome TEXT);
CREATE TABLE assessment_factor (assessment_id TEXT NOT NULL, factor_code TEXT NOT NULL);
CREATE TABLE cin_plan (cin_plan_id TEXT PRIMARY KEY, referral_id TEXT NOT NULL, person_id TEXT NOT NULL,
    start_date TEXT, end_date TEXT);
CREATE TABLE cp_plan (
    cp_plan_id TEXT PRIMARY KEY, referral_id TEXT NOT NULL, person_id TEXT NOT NULL, start_date TEXT, end_date TEXT,
    initial_category TEXT, latest_category TEXT);
CREATE TABLE missing_episode (
    missing_id TEXT PRIMARY KEY, person_id TEXT NOT NULL, start_at TEXT NOT NULL, end_at TEXT, episode_type TEXT,
    return_interview_offered TEXT);
CREATE TABLE early_years_review (
    review_id TEXT PRIMARY KEY, person_id TEXT NOT NULL, review_date TEXT NOT NULL, outcome TEXT);
CREATE TABLE identity_change (
    person_id_before TEXT NOT NULL, person_id_after TEXT NOT NULL, changed_on TEXT NOT NULL, reason TEXT NOT NULL);
"""

REF = "ref_no({pid}, {copy}, 75643)::VARCHAR"
CHILD = REF.format(pid="c.pid", copy=0)

QUERIES = {
    "person": """
        SELECT record_id, h.forename, h.middle_names, h.surname, h.dob::VARCHAR, h.sex, h.nhs_number, h.upn,
            h.nino, h.telephone,
            CASE WHEN r.adult THEN 'N' ELSE 'Y' END,
                CASE WHEN u('cs/disability', h.pid) < 0.07 AND NOT r.adult THEN 'Y' ELSE 'N' END,
            -- Hidden from somebody who must not find them; or adopted, where the flag was not forgotten.
            CASE WHEN EXISTS (SELECT 1 FROM sealed_record z WHERE z.system = 'childrens'
                AND z.record_id = h.record_id) THEN 'Y' ELSE 'N' END, p.died_on::VARCHAR,
                entered::VARCHAR, h.refreshed::VARCHAR || ' 00:00:00'
        FROM held h JOIN cs_keyed r USING (record_id) JOIN person p ON p.pid = h.pid ORDER BY record_id""",
    "address": """
        SELECT 'AD' || record_id, record_id, concat_ws(', ', saon, house_street, locality, town), postcode,
            uprn, entered::VARCHAR, NULL
        FROM held ORDER BY 1""",
    "relationship": f"""
        SELECT * FROM (
            SELECT {REF.format(pid="t.pid", copy=0)}, {REF.format(pid="t.other_pid", copy=0)},
                CASE t.tie WHEN 'mother' THEN 'Mother' WHEN 'father' THEN 'Father' ELSE 'Sibling' END,
                    s.referred_on::VARCHAR
            FROM tie t JOIN cs_seen s ON s.pid = t.other_pid JOIN cs_seen q ON q.pid = t.pid
            WHERE t.tie IN ('mother', 'father', 'sibling') AND u('cs/tie', pair(t.pid, t.other_pid)) < 0.94
        ) ORDER BY ALL""",
    "contact": f"""
        SELECT 'C' || ref_no(c.pid, 0, 52223), {CHILD}, (c.referred_on - 2)::VARCHAR,
            ['1A', '2A', '3A', '5A', '6', '7'][1 + pick('cs/source', c.hh, 6)],
            ['Family member', 'School', 'GP', 'Police', 'Housing', 'Other council'][1 + pick('cs/source', c.hh, 6)],
            CASE WHEN p.cin THEN 'Referral to social care' WHEN p.early_help THEN 'Early help'
                ELSE 'Information and advice' END
        FROM cs_child c JOIN cs_path p USING (hh) ORDER BY 1""",
    "early_help_episode": f"""
        SELECT 'E' || ref_no(c.pid, 0, 90533), {CHILD}, 'F' || ref_no(p.family_no, 0, 40503), p.referred_on::VARCHAR,
            CASE WHEN p.referred_on + p.length <= getvariable('today') THEN (p.referred_on + p.length)::VARCHAR END,
            ['Parenting', 'School attendance', 'Family breakdown', 'Mental health',
                'Housing'][1 + pick('cs/reason', c.hh, 5)],
            CASE WHEN p.referred_on + p.length <= getvariable('today')
                 THEN CASE WHEN p.achieved THEN 'Outcomes achieved'
                     WHEN u('cs/achieved', c.hh) < 0.8 THEN 'Disengaged' ELSE 'Stepped up' END END,
            'Westmarsh Family Hub', 'W' || (100 + pick('cs/worker', c.hh, 60)),
            CASE WHEN u('cs/wfa', c.hh) < 0.9 THEN (p.referred_on + 21)::VARCHAR END,
            CASE WHEN u('cs/wfp', c.hh) < 0.86 THEN (p.referred_on + 35)::VARCHAR END,
            CASE WHEN u('cs/lead', c.hh) < 0.93 THEN 'W' || (100 + pick('cs/worker', c.hh, 60)) END
        FROM cs_child c JOIN cs_path p USING (hh) WHERE p.early_help ORDER BY 1""",
    "plan_need": """
        SELECT 'F' || ref_no(p.family_no, 0, 40503), n.need, (p.referred_on + 35)::VARCHAR,
            CASE WHEN p.referred_on + p.length > getvariable('today') THEN NULL
                 WHEN p.achieved OR u('cs/met', pair(n.hh, n.need)) < 0.4 THEN 'Met' ELSE 'Not met' END,
            CASE WHEN p.referred_on + p.length <= getvariable('today') THEN (p.referred_on + p.length)::VARCHAR END
        FROM cs_need n JOIN cs_path p USING (hh) WHERE p.early_help ORDER BY ALL""",
    "cin_episode": f"""
        SELECT 'R' || ref_no(c.pid, 0, 60013), {CHILD}, p.cin_from::VARCHAR,
            CASE WHEN p.neglect OR p.domestic_abuse THEN 'N1' WHEN p.mental_health THEN 'N3'
                WHEN p.parental_conflict THEN 'N5' ELSE 'N4' END,
            ['1A', '2A', '3A', '5A', '6', '7'][1 + pick('cs/source', c.hh, 6)],
            CASE WHEN p.cin_from + p.length <= getvariable('today') THEN (p.cin_from + p.length)::VARCHAR END,
            CASE WHEN p.cin_from + p.length <= getvariable('today')
                THEN ['RC8', 'RC9', 'RC7', 'RC8'][1 + pick('cs/close', c.hh, 4)] END,
            'Team ' || (1 + pick('cs/team', c.hh, 6)), 'W' || (200 + pick('cs/worker/2', c.hh, 80))
        FROM cs_child c JOIN cs_path p USING (hh) WHERE p.cin AND p.cin_from <= getvariable('today') ORDER BY 1""",
    "cin_assessment": f"""
        SELECT 'S' || ref_no(c.pid, 0, 60013), 'R' || ref_no(c.pid, 0, 60013), {CHILD}, (p.cin_from + 3)::VARCHAR,
            CASE WHEN p.cin_from + 45 <= getvariable('today')
                THEN (p.cin_from + 12 + pick('cs/auth', c.hh, 33)::INT)::VARCHAR END,
            CASE WHEN u('cs/childseen', c.pid) < 0.95 THEN 'Y' ELSE 'N' END,
            CASE WHEN p.serious THEN 'Child protection' ELSE 'Child in need plan' END
        FROM cs_child c JOIN cs_path p USING (hh) WHERE p.cin AND p.cin_from + 3 <= getvariable('today') ORDER BY 1""",
    "assessment_factor": """
        SELECT 'S' || ref_no(c.pid, 0, 60013), f.factor_code
        FROM cs_child c JOIN cs_path p USING (hh) JOIN cs_finding f USING (hh)
        WHERE p.cin AND p.cin_from + 3 <= getvariable('today')
          -- What is the child's own is not every child's in the family.
          AND (f.factor_code NOT IN ('2A', '4A', '5A', '6A', '7A', '10A', '11A', '13A', '14A', '15A', '18B', '24A',
              '25A')
              OR u('cs/own', pair(c.pid, f.factor_code)) < 0.6)
        ORDER BY ALL""",
    "cin_plan": f"""
        SELECT 'I' || ref_no(c.pid, 0, 60013), 'R' || ref_no(c.pid, 0, 60013), {CHILD}, (p.cin_from + 40)::VARCHAR,
            CASE WHEN p.cin_from + p.length <= getvariable('today') THEN (p.cin_from + p.length)::VARCHAR END
        FROM cs_child c JOIN cs_path p USING (hh)
        WHERE p.cin AND NOT (p.serious AND p.p > 0.6) AND p.cin_from + 40 <= getvariable('today') ORDER BY 1""",
    "cp_plan": f"""
        SELECT 'P' || ref_no(c.pid, 0, 60013), 'R' || ref_no(c.pid, 0, 60013), {CHILD}, (p.cin_from + 30)::VARCHAR,
            CASE WHEN p.cin_from + p.length <= getvariable('today') THEN (p.cin_from + p.length)::VARCHAR END,
            CASE WHEN p.neglect THEN 'NEG' ELSE 'EMO' END,
                CASE WHEN p.neglect THEN 'NEG' WHEN p.domestic_abuse THEN 'EMO' ELSE 'MUL' END
        FROM cs_child c JOIN cs_path p USING (hh)
        WHERE p.cin AND p.serious AND p.p > 0.6 AND p.cin_from + 30 <= getvariable('today') ORDER BY 1""",
    "missing_episode": f"""
        SELECT 'M' || ref_no(c.pid, 0, 60013) || '-' || i, {CHILD}, (c.referred_on + i * 31)::VARCHAR || ' 21:30:00',
            (c.referred_on + i * 31 + 1 + pick('cs/missing/n', pair(c.pid, i), 4)::INT)::VARCHAR || ' 08:15:00',
            CASE WHEN u('cs/missing/type', c.pid) < 0.7 THEN 'Missing' ELSE 'Away without authorisation' END,
            CASE WHEN u('cs/rhi', pair(c.pid, i)) < 0.8 THEN 'Y' ELSE 'N' END
        FROM cs_child c JOIN cs_path p USING (hh), (SELECT unnest([0, 1, 2]) AS i) r
        WHERE p.exploitation AND c.dob < c.referred_on - INTERVAL 11 YEAR AND i <= pick('cs/missing', c.pid, 3)
          AND c.referred_on + i * 31 + 5 <= getvariable('today') ORDER BY 1""",
    "early_years_review": f"""
        SELECT 'Y' || ref_no(c.pid, 0, 77801), {CHILD}, on_day::VARCHAR, outcome FROM cs_review c ORDER BY 1""",
    # Both records of whoever has two: none of the one child is any of the other.
    "identity_change": """
        SELECT o.record_id, n.record_id, a.on_day::VARCHAR, 'Adoption'
        FROM adoption a JOIN cs_keyed o ON o.pid = a.old_pid JOIN cs_keyed n ON n.pid = a.pid ORDER BY ALL""",
}


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write ``childrens/liquidlogic.sqlite``; return rows by table."""
    run_script(con, "childrens.sql", "systems")
    con.execute(
        f"CREATE TEMP TABLE cs_keyed AS SELECT *, {REF.format(pid='pid', copy='copy')} AS record_id FROM cs_record"
    )
    hold_people(
        con,
        Hold(
            "childrens",
            "person",
            """SELECT record_id, pid, referred_on AS entered,
               least(getvariable('today'), referred_on + 150 * (1 - copy)) AS refreshed,
               NULL::BIGINT AS pno FROM cs_keyed""",
        ),
    )
    con.execute(
        """INSERT INTO truth_address SELECT 'childrens', 'address', 'AD' || record_id, a.uprn
           FROM held h JOIN address a USING (pno)"""
    )
    con.execute(
        """INSERT INTO sealed_record SELECT 'childrens', record_id, pid FROM cs_keyed
           WHERE hh IN (SELECT hh FROM cs_sealed)
              OR (pid IN (SELECT pid FROM adoption) AND u('cs/adopted/flag', pid) < 0.6)"""
    )
    rows = to_sqlite(con, folder / "childrens" / "liquidlogic.sqlite", DDL, QUERIES)
    con.execute(
        """DROP TABLE cs_keyed; DROP TABLE cs_record; DROP TABLE cs_seen; DROP TABLE cs_adult; DROP TABLE cs_child;
           DROP TABLE cs_path; DROP TABLE cs_finding; DROP TABLE cs_need; DROP TABLE cs_family; DROP TABLE cs_sealed;
           DROP TABLE cs_review"""
    )
    return {f"childrens.{table}": n for table, n in rows.items()}
