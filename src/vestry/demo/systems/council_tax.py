"""Council tax (``council_tax/academy.sqlite``): accounts, the people liable for them, and their discounts.

Capital letters throughout, as the old terminals had it; dates of birth and sex mostly unknown.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from vestry.demo.faults import Hold, hold_people
from vestry.demo.script import run_script
from vestry.demo.systems.export import to_sqlite

DDL = """
CREATE TABLE account (
    account_ref TEXT PRIMARY KEY, uprn TEXT, address_1 TEXT, address_2 TEXT, address_3 TEXT, address_4 TEXT,
    postcode TEXT, band TEXT, opened_on TEXT NOT NULL, closed_on TEXT, payment_method TEXT,
    balance NUMERIC, updated_at TEXT NOT NULL);
CREATE TABLE person (
    person_ref TEXT PRIMARY KEY, title TEXT, forenames TEXT, surname TEXT, date_of_birth TEXT, ni_number TEXT,
    telephone TEXT, email TEXT, created_on TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE liability (
    account_ref TEXT NOT NULL, person_ref TEXT NOT NULL, role TEXT NOT NULL, from_date TEXT NOT NULL, to_date TEXT);
CREATE TABLE discount (
    account_ref TEXT NOT NULL, code TEXT NOT NULL, percent INTEGER NOT NULL, from_date TEXT NOT NULL, to_date TEXT);
"""

ACCOUNT = """
SELECT a.account_ref,
    -- Academy pads the number to twelve figures.
    lpad(CASE WHEN u('uprn', hash(account_ref)) < r.uprn_missing THEN NULL
              WHEN u('uprn/2', hash(account_ref)) < r.uprn_wrong THEN coalesce(w.uprn, d.uprn)
              ELSE d.uprn END, 12, '0'),
    upper(coalesce(d.saon, d.house_street)), upper(CASE WHEN d.saon IS NOT NULL THEN d.house_street
        ELSE d.locality END),
    upper(CASE WHEN d.saon IS NOT NULL THEN d.locality END), 'WESTMARSH',
    CASE WHEN u('postcode', hash(account_ref)) < r.postcode_missing THEN NULL
         WHEN u('postcode/2', hash(account_ref)) < 0.2 THEN replace(d.postcode, ' ', '') ELSE d.postcode END,
    substr('AAABBBCCCDDEFG', 1 + pick('band', a.pno, 14)::INT, 1),
    a.from_day::VARCHAR, a.to_day::VARCHAR, ['DD', 'DD', 'DD', 'CASH', 'CARD', 'SO'][1 + pick('pay', a.hh, 6)],
    CASE WHEN n.debt THEN (80 + pick('arrears', a.hh, 200000) / 100.0)::DECIMAL(9, 2) ELSE 0 END,
    coalesce(a.to_day, a.from_day)::VARCHAR || ' 03:10:00'
FROM ct_account a JOIN address d USING (pno) LEFT JOIN address w ON w.pno = a.pno + 1 JOIN need n USING (hh), rates r
ORDER BY account_ref
"""

PERSON = """
SELECT record_id, upper(title), upper(concat_ws(' ', forename, left(middle_names, 1))), upper(surname),
    dob::VARCHAR, nino,
    telephone, email, entered::VARCHAR, refreshed::VARCHAR || ' 03:10:00'
FROM held ORDER BY record_id
"""

LIABILITY = """
SELECT account_ref, lpad(ref_no(pid, copy, 48271)::VARCHAR, 8, '0'), role, from_day::VARCHAR,
    CASE WHEN doubled AND accounts = 1 AND copy = 0 THEN (from_day + 14)::VARCHAR ELSE to_day::VARCHAR END
FROM ct_copy ORDER BY ALL
"""

DISCOUNT = """
SELECT * FROM (
    -- One adult only: a quarter off. A few forget to say that somebody has moved in.
    SELECT a.account_ref, 'SPD', 25, a.from_day::VARCHAR, a.to_day::VARCHAR
    FROM ct_account a JOIN (
        SELECT hh, pno, count(*) FILTER (WHERE dob <= from_day - INTERVAL 18 YEAR) AS adults
            FROM at_home GROUP BY hh, pno) m
      ON m.hh = a.hh AND m.pno = a.pno
    WHERE (adults = 1 AND u('spd', a.hh) < 0.94) OR (adults > 1 AND u('spd', a.hh) < 0.02)
    UNION ALL
    SELECT a.account_ref, 'CTR', 100 - 20 * pick('ctr', a.hh, 3), a.from_day::VARCHAR, a.to_day::VARCHAR
    FROM ct_account a JOIN need n USING (hh) WHERE n.out_of_work AND u('ctr/claims', a.hh) < 0.7
    UNION ALL
    SELECT a.account_ref, 'EXN', 100, a.from_day::VARCHAR, a.to_day::VARCHAR
    FROM ct_account a JOIN hh_life l USING (hh) WHERE l.kind = 'sharers'
) ORDER BY ALL
"""


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write ``council_tax/academy.sqlite``; return rows by table."""
    run_script(con, "council_tax.sql", "systems")
    hold_people(con, Hold("council_tax", "person", "SELECT record_id, pid, entered, refreshed, pno FROM ct_record"))
    con.execute(
        """INSERT INTO truth_address SELECT 'council_tax', 'account', account_ref, uprn
           FROM ct_account JOIN address USING (pno)"""
    )
    rows = to_sqlite(
        con,
        folder / "council_tax" / "academy.sqlite",
        DDL,
        {"account": ACCOUNT, "person": PERSON, "liability": LIABILITY, "discount": DISCOUNT},
    )
    con.execute("DROP TABLE ct_account; DROP TABLE ct_liable; DROP TABLE ct_copy; DROP TABLE ct_record")
    return {f"council_tax.{table}": n for table, n in rows.items()}
