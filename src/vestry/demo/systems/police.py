"""The police share a CSV a month, ``police/incidents_YYYY-MM.csv``: a row for each person in each incident.

``Nominal Ref`` is the police's own number of a person; the same person may have two.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from vestry.demo.faults import Hold, hold_people
from vestry.demo.script import run_script
from vestry.demo.systems.export import months, to_csv

ROWS = """
CREATE TEMP TABLE po_row AS
SELECT strftime(i.on_day, '%Y-%m') AS month, i.at_time,
    i.incident_ref AS "Incident Ref", strftime(i.at_time, '%d/%m/%Y %H:%M') AS "Occurred", i.offence AS "Offence",
    CASE WHEN i.role_key = 'DA' THEN 'Y' ELSE 'N' END AS "DA Flag",
    CASE WHEN i.offence IN ('Anti-social behaviour', 'Drunk and disorderly') THEN 'Y' ELSE 'N' END AS "ASB Flag",
    CASE i.role_key WHEN 'CRIME' THEN p.street || ', Westmarsh' ELSE a.line || ', Westmarsh, '
        || a.postcode END AS "Location",
    p.ward_name AS "Ward", h.record_id AS "Nominal Ref", v.role AS "Role", h.forename AS "Forename",
        h.surname AS "Surname",
    h.dob AS "DOB", h.sex AS "Sex", concat_ws(', ', h.saon, h.house_street, 'Westmarsh') AS "Home Address",
        h.postcode AS "Postcode",
    h.telephone AS "Phone",
    CASE WHEN v.role <> 'SUSPECT' THEN NULL
         ELSE ['Charged', 'Caution', 'No further action', 'Community resolution',
             'Under investigation'][1 + pick('po/outcome', i.k, 5)] END AS "Outcome"
FROM po_incident i JOIN po_nominal v USING (k) JOIN held h ON h.record_id = 'N' || ref_no(v.pid, v.copy, 16807)
JOIN property p ON p.pno = i.pno JOIN address a ON a.pno = i.pno
"""

MONTH = """
SELECT * EXCLUDE (month, at_time) FROM po_row WHERE month = '{month}'
ORDER BY at_time, "Incident Ref", "Role" DESC, "Nominal Ref"
"""


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write the months' files below ``police/``; return their rows together."""
    run_script(con, "police.sql", "systems")
    hold_people(
        con,
        Hold(
            "police",
            "nominal",
            """SELECT 'N' || ref_no(pid, copy, 16807) AS record_id, pid,
               min(on_day) AS entered, max(on_day) AS refreshed,
               NULL::BIGINT AS pno FROM po_nominal GROUP BY pid, copy""",
        ),
    )
    con.execute(ROWS)
    rows = sum(
        to_csv(con, folder / "police" / f"incidents_{month}.csv", MONTH.format(month=month), date_format="%d/%m/%Y")
        for _, _, month in months(con)
    )
    con.execute("DROP TABLE po_incident; DROP TABLE po_involved; DROP TABLE po_nominal; DROP TABLE po_row")
    return {"police.incidents": rows}
