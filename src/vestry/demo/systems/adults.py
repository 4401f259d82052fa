"""Adult social care: every contact of two years in one CSV, ``adults/contacts.csv``.

``Person No`` is the adult system's own; a contact that was logged before a search has a new one.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from vestry.demo.faults import Hold, hold_people
from vestry.demo.systems.export import to_csv

CONTACT = """
CREATE TEMP TABLE as_contact AS
WITH likely AS (
    SELECT a.pid, a.from_day, a.to_day, n.p, (getvariable('today') - a.dob) / 365.25 AS age,
        CASE WHEN a.dob > getvariable('today') - INTERVAL 18 YEAR THEN 0
             WHEN a.dob > getvariable('today') - INTERVAL 65 YEAR THEN 0.012
                 + CASE WHEN n.mental_health THEN 0.05 ELSE 0 END
             WHEN a.dob > getvariable('today') - INTERVAL 80 YEAR THEN 0.16 ELSE 0.46 END AS share
    FROM at_home a JOIN need n USING (hh)
),
numbered AS (
    SELECT *, unnest(range(1 + pick('as/n', pid, 4))) AS i FROM likely WHERE u('as/known', pid) < share
),
dated AS (
    SELECT *, pid * 8 + i AS k, getvariable('start')
        + pick('as/day', pid * 8 + i, getvariable('span') + 1)::INT AS on_day FROM numbered
)
SELECT k, pid, on_day, CASE WHEN i = 0 AND u('duplicate/adults', pid) < f.rate THEN 1 ELSE 0 END AS copy
FROM dated, (SELECT rate FROM fault WHERE system = 'adults' AND fault = 'duplicate') f
WHERE on_day >= from_day AND on_day < to_day AND on_day <= getvariable('today')
"""

ROWS = """
SELECT 'AC' || lpad((c.k * 7919 % 999999937)::VARCHAR, 9, '0') AS "Contact ID", h.record_id AS "Person No",
    c.on_day AS "Contact Date",
    ['Telephone', 'Telephone', 'Web form', 'Hospital', 'GP letter', 'Visit'][1 + pick('as/how', c.k, 6)] AS "Method",
    ['Help at home', 'Equipment', 'Falls', 'Carer support', 'Safeguarding', 'Occupational therapy',
        'Blue badge'][1 + pick('as/why', c.k, 7)] AS "Reason",
    h.title AS "Title", h.forename AS "First Name", h.surname AS "Last Name", h.dob AS "Date of Birth",
        h.sex AS "Gender",
    h.nhs_number AS "NHS Number", concat_ws(', ', h.saon, h.house_street, h.locality) AS "Address",
        h.postcode AS "Postcode", h.uprn AS "UPRN", h.telephone AS "Telephone",
    ['Advice given', 'Referred on', 'Assessment', 'Short term support',
        'No further action'][1 + pick('as/outcome', c.k, 5)] AS "Outcome"
FROM as_contact c JOIN held h ON h.record_id = ref_no(c.pid, c.copy, 35317)::VARCHAR ORDER BY c.on_day, c.k
"""


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write ``adults/contacts.csv``; return its rows."""
    con.execute(CONTACT)
    hold_people(
        con,
        Hold(
            "adults",
            "person",
            """SELECT ref_no(pid, copy, 35317)::VARCHAR AS record_id, pid,
               min(on_day) AS entered, max(on_day) AS refreshed,
               NULL::BIGINT AS pno FROM as_contact GROUP BY pid, copy""",
        ),
    )
    rows = to_csv(con, folder / "adults" / "contacts.csv", ROWS, date_format="%d/%m/%Y")
    con.execute("DROP TABLE as_contact")
    return {"adults.contacts": rows}
