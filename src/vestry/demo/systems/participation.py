"""The register of children out of education, known by pupil number: one CSV, ``participation/register.csv``."""

from __future__ import annotations

from pathlib import Path

import duckdb

from vestry.demo.script import run_script
from vestry.demo.systems.export import to_csv

REGISTER = """
SELECT 'PR' || lpad(ref_no(pid, 0, 28411)::VARCHAR, 8, '0') || '-' || left(status, 1) AS "Entry", upn AS "UPN",
    status AS "Status", from_day AS "From",
    CASE WHEN to_day <= getvariable('today') THEN to_day END AS "To",
    CASE status WHEN 'NEET' THEN ['Seeking work', 'Not yet ready', 'Illness', 'Not known'][1 + pick('pa/why', pid, 4)]
        WHEN 'Missing education' THEN ['Moved, no school yet', 'Withdrawn', 'Not known'][1 + pick('pa/why', pid, 3)]
        ELSE ['Behaviour', 'Health', 'Return after exclusion'][1 + pick('pa/why', pid, 3)] END AS "Reason"
FROM pa_entry ORDER BY 1
"""


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write ``participation/register.csv``; return its rows."""
    run_script(con, "participation.sql", "systems")
    rows = to_csv(con, folder / "participation" / "register.csv", REGISTER, date_format="%d/%m/%Y")
    con.execute("DROP TABLE pa_entry")
    return {"participation.register": rows}
