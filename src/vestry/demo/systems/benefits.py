"""Benefits: two CSVs at each quarter's end, all claims in payment: ``benefits/claims_YYYY-MM.csv`` (claimant and
partner side by side) and ``benefits/dependants_YYYY-MM.csv`` (a row for each child)."""

from __future__ import annotations

from pathlib import Path

import duckdb

from vestry.demo.faults import Hold, hold_people
from vestry.demo.script import run_script
from vestry.demo.systems.export import months, to_csv

CLAIMS = """
SELECT f.claim_ref AS "Claim Ref", f.scheme AS "Scheme", c.title AS "Claimant Title", c.surname AS "Claimant Surname",
    concat_ws(' ', c.forename, c.middle_names) AS "Claimant Forenames", c.dob AS "Claimant DOB",
        c.sex AS "Claimant Sex", c.nino AS "Claimant NINO",
    p.surname AS "Partner Surname", p.forename AS "Partner Forenames", p.dob AS "Partner DOB",
        p.nino AS "Partner NINO",
    concat_ws(', ', c.saon, c.house_street) AS "Address 1", c.locality AS "Address 2", c.postcode AS "Postcode",
        c.uprn AS "UPRN",
    CASE f.tenure WHEN 'council' THEN 'LA' WHEN 'association' THEN 'RSL' WHEN 'private' THEN 'PRIV' WHEN 'owner'
        THEN 'OWN' ELSE 'HOSTEL' END AS "Tenure",
    f.claimed_on AS "Claim Start", (SELECT count(*) FROM bn_child k
        WHERE k.claim_ref = f.claim_ref AND k.dob <= {end}) AS "Dependants",
    -- Of families that were helped, two in three find work.
    CASE WHEN f.out_of_work AND NOT f.pensioner
        AND (b.hh IS NULL OR b.since > {end} OR u('bn/work', f.hh) >= 0.67) THEN 'Y' ELSE 'N' END AS "Out of Work",
    (40 + pick('bn/award', f.hh, 14000) / 100.0)::DECIMAL(8, 2) AS "Weekly Award",
    CASE WHEN f.debt THEN (pick('bn/debt', f.hh, 350000) / 100.0)::DECIMAL(8, 2) ELSE 0 END AS "Overpayment Debt",
    CASE WHEN f.debt AND (f.p > 0.4 OR b.since <= {end}) THEN 'Y' ELSE 'N' END AS "Debt Plan",
    c.telephone AS "Telephone"
FROM bn_file f JOIN bn_claimant c ON c.record_id = f.claim_ref
    LEFT JOIN bn_partner p ON p.record_id = f.claim_ref || '/P'
    LEFT JOIN better b ON b.hh = f.hh
WHERE f.claimed_on <= {end} AND coalesce(f.ended_on, DATE '2999-01-01') > {end}
ORDER BY f.claim_ref
"""

DEPENDANTS = """
SELECT k.claim_ref AS "Claim Ref", h.record_id AS "Dependant Ref", h.surname AS "Surname",
    h.forename AS "Forename", h.dob AS "DOB", h.sex AS "Sex"
FROM bn_child k JOIN held h ON h.record_id = k.claim_ref || '/' || k.n
WHERE k.claimed_on <= {end} AND coalesce(k.ended_on, DATE '2999-01-01') > {end} AND k.dob <= {end}
  AND k.dob > ({end} - INTERVAL 19 YEAR)
ORDER BY h.record_id
"""

HOLDS = {
    "claimant": """SELECT claim_ref AS record_id, pid, claimed_on AS entered,
        least(coalesce(ended_on, getvariable('today')), getvariable('today')) AS refreshed, pno FROM bn_file""",
    "partner": """SELECT claim_ref || '/P' AS record_id, partner_pid AS pid, claimed_on AS entered,
        least(coalesce(ended_on, getvariable('today')), getvariable('today')) AS refreshed, pno
        FROM bn_file WHERE partner_pid IS NOT NULL""",
    "dependant": """SELECT claim_ref || '/' || n AS record_id, pid, greatest(claimed_on, dob) AS entered,
        greatest(claimed_on, dob) + 30 AS refreshed, pno FROM bn_child""",
}


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write the quarters' files below ``benefits/``; return their rows together."""
    run_script(con, "benefits.sql", "systems")
    for table, query in HOLDS.items():
        hold_people(con, Hold("benefits", table, query))
        if table != "dependant":
            con.execute(f"CREATE OR REPLACE TEMP TABLE bn_{table} AS SELECT * FROM held")
    con.execute(
        """INSERT INTO truth_address SELECT 'benefits', 'claim', record_id, a.uprn
           FROM bn_claimant c JOIN address a USING (pno)"""
    )
    rows = {"benefits.claims": 0, "benefits.dependants": 0}
    for _, _, month in months(con):
        if month[-2:] not in ("03", "06", "09", "12"):
            continue
        end = f"least(last_day(DATE '{month}-01'), getvariable('today'))"
        for table, query in (("claims", CLAIMS), ("dependants", DEPENDANTS)):
            path = folder / "benefits" / f"{table}_{month}.csv"
            rows[f"benefits.{table}"] += to_csv(con, path, query.format(end=end), date_format="%d/%m/%Y")
    con.execute(
        "DROP TABLE bn_claim; DROP TABLE bn_file; DROP TABLE bn_child; DROP TABLE bn_claimant; DROP TABLE bn_partner;"
        "DROP TABLE bn_end"
    )
    return rows
