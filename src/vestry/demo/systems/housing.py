"""Housing (``housing/northgate.sqlite``): council homes, tenancies, and the people in them."""

from __future__ import annotations

from pathlib import Path

import duckdb

from vestry.demo.faults import Hold, hold_people
from vestry.demo.script import run_script
from vestry.demo.systems.export import to_sqlite

DDL = """
CREATE TABLE property (
    property_ref TEXT PRIMARY KEY, uprn TEXT, flat TEXT, building TEXT, street TEXT, locality TEXT, town TEXT,
    postcode TEXT, property_type TEXT, bedrooms INTEGER, sheltered TEXT NOT NULL, status TEXT NOT NULL,
    updated_at TEXT NOT NULL);
CREATE TABLE tenancy (
    tenancy_ref TEXT PRIMARY KEY, property_ref TEXT NOT NULL, tenancy_type TEXT NOT NULL, start_date TEXT NOT NULL,
    end_date TEXT, end_reason TEXT, weekly_rent NUMERIC, balance NUMERIC, notice_served TEXT,
        updated_at TEXT NOT NULL);
CREATE TABLE person (
    person_ref TEXT PRIMARY KEY, title TEXT, forename TEXT, middle_names TEXT, surname TEXT, date_of_birth TEXT,
    gender TEXT, ni_number TEXT, telephone TEXT, email TEXT, address_protected TEXT NOT NULL,
    created_on TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE tenancy_person (
    tenancy_ref TEXT NOT NULL, person_ref TEXT NOT NULL, role TEXT NOT NULL, relationship TEXT,
    from_date TEXT NOT NULL, to_date TEXT);
CREATE TABLE homeless_application (
    application_ref TEXT PRIMARY KEY, person_ref TEXT NOT NULL, applied_on TEXT NOT NULL, reason TEXT, duty TEXT,
    temporary_from TEXT, temporary_to TEXT, closed_on TEXT, outcome TEXT);
"""

PROPERTY = """
SELECT 'WM' || lpad(p.pno::VARCHAR, 7, '0'),
    CASE WHEN u('uprn/housing', p.pno) < r.uprn_missing THEN NULL
         WHEN u('uprn/housing/2', p.pno) < r.uprn_wrong THEN coalesce(w.uprn, p.uprn) ELSE p.uprn END,
    p.saon, p.paon, p.street, p.locality, p.town, p.postcode,
    CASE WHEN p.sheltered THEN 'SHEL' WHEN p.in_block THEN 'FLAT' WHEN p.kind = 'terrace' THEN 'HOUT' ELSE 'HOUS' END,
    p.beds, CASE WHEN p.sheltered THEN 'Y' ELSE 'N' END,
    CASE WHEN EXISTS (SELECT 1 FROM hs_tenancy t WHERE t.pno = p.pno AND t.to_day IS NULL) THEN 'OCC' ELSE 'VOID' END,
    getvariable('start')::VARCHAR || ' 00:00:00'
FROM property p LEFT JOIN address w ON w.pno = p.pno + 1, rates r
WHERE p.tenure = 'council' AND NOT p.communal ORDER BY 1
"""

TENANCY = """
SELECT tenancy_ref, 'WM' || lpad(pno::VARCHAR, 7, '0'),
    CASE WHEN from_day > getvariable('today') - INTERVAL 1 YEAR THEN 'INTRO' WHEN u('tenancy', hh) < 0.1
        THEN 'FLEX' ELSE 'SECURE' END,
    from_day::VARCHAR, to_day::VARCHAR,
    CASE WHEN to_day IS NOT NULL THEN ['TRANSFER', 'DECEASED', 'ENDED', 'ENDED'][1 + pick('tenancy/end', hh, 4)] END,
    (78 + pick('rent', pno, 5200) / 100.0)::DECIMAL(8, 2),
    CASE WHEN n.debt OR n.housing_at_risk THEN (pick('rent/arrears', hh, 240000) / 100.0)::DECIMAL(9, 2) ELSE 0 END,
    CASE WHEN n.housing_at_risk AND to_day IS NULL
        THEN (getvariable('today') - pick('notice', hh, 200)::INT)::VARCHAR END,
    coalesce(to_day, from_day)::VARCHAR || ' 00:00:00'
FROM hs_tenancy JOIN need n USING (hh) ORDER BY tenancy_ref
"""

PERSON = """
SELECT record_id, title, forename, middle_names, surname, dob::VARCHAR, sex, nino, telephone, email,
    CASE WHEN pid IN (SELECT pid FROM hs_hidden) THEN 'Y' ELSE 'N' END,
    entered::VARCHAR, refreshed::VARCHAR || ' 00:00:00'
FROM held ORDER BY record_id
"""

TENANCY_PERSON = """
SELECT tenancy_ref, 'P' || ref_no(pid, copy, 69621), role, relationship, from_day::VARCHAR,
    CASE WHEN doubled AND tenancies = 1 AND copy = 0 THEN (from_day + 30)::VARCHAR ELSE to_day::VARCHAR END
FROM hs_copy ORDER BY ALL
"""

HOMELESS = """
SELECT application_ref, 'P' || ref_no(pid, 0, 69621), on_day::VARCHAR,
    CASE WHEN alone THEN 'Family no longer willing to accommodate'
         ELSE ['End of private tenancy', 'Rent arrears', 'Domestic abuse', 'Overcrowding',
             'Relationship ended'][1 + pick('hs/homeless/why', hh, 5)] END,
    CASE WHEN temporary THEN 'Relief' ELSE 'Prevention' END,
    CASE WHEN temporary THEN (on_day + 3)::VARCHAR END,
    CASE WHEN temporary AND on_day + length <= getvariable('today') THEN (on_day + length)::VARCHAR END,
    CASE WHEN on_day + length <= getvariable('today') THEN (on_day + length)::VARCHAR END,
    CASE WHEN on_day + length <= getvariable('today')
        THEN ['Secured accommodation', 'Secured accommodation', 'Homelessness prevented',
            'Contact lost'][1 + pick('hs/homeless/end', hh, 4)] END
FROM hs_homeless ORDER BY 1
"""


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write ``housing/northgate.sqlite``; return rows by table."""
    run_script(con, "housing.sql", "systems")
    hold_people(con, Hold("housing", "person", "SELECT record_id, pid, entered, refreshed, pno FROM hs_record"))
    con.execute(
        """INSERT INTO truth_address SELECT 'housing', 'property', 'WM' || lpad(pno::VARCHAR, 7, '0'), uprn
           FROM property WHERE tenure = 'council' AND NOT communal"""
    )
    con.execute(
        """INSERT INTO sealed_record SELECT 'housing', record_id, pid FROM held
           WHERE pid IN (SELECT pid FROM hs_hidden)"""
    )
    rows = to_sqlite(
        con,
        folder / "housing" / "northgate.sqlite",
        DDL,
        {
            "property": PROPERTY,
            "tenancy": TENANCY,
            "person": PERSON,
            "tenancy_person": TENANCY_PERSON,
            "homeless_application": HOMELESS,
        },
    )
    con.execute(
        "DROP TABLE hs_tenancy; DROP TABLE hs_occupant; DROP TABLE hs_copy; DROP TABLE hs_record;"
        "DROP TABLE hs_homeless; DROP TABLE hs_hidden"
    )
    return {f"housing.{table}": n for table, n in rows.items()}
