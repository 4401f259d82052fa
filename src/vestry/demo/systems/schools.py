"""Schools: a CSV for each term that has ended, ``schools/attendance_YYYY_T.csv`` (school year, 1 to 3).

From the second school year on, headers are those of the schools' new software.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from vestry.demo.faults import Hold, hold_people
from vestry.demo.script import run_script
from vestry.demo.systems.export import to_csv

HEADERS = (
    "Pupil ID|UPN|Surname|Forename|Middle Names|DOB|Gender|NC Year|School No|School|Address|Post Code|Tel"
    "|Parent 1|Parent 1 Relationship|Parent 2|Parent 2 Relationship|Sessions Possible|Sessions Attended"
    "|Authorised Absence|Unauthorised Absence|Suspensions|Permanently Excluded|SEN|FSM",
    "Pupil ID|UPN|Legal Surname|Legal Forename|Middle Names|Date of Birth|Sex|Year Group|DfE No|School Name|Address"
    "|Postcode|Telephone|Contact 1 Name|Contact 1 Relationship|Contact 2 Name|Contact 2 Relationship"
    "|Possible Sessions|Present|Authorised Absences|Unauthorised Absences|Suspensions|Perm Exclusion|SEN Status|FSM",
)

TERM = """
SELECT * FROM (
    SELECT f.pupil_id, h.upn, h.surname, h.forename, h.middle_names, h.dob, h.sex, 'Y' || a.year_group, s.dfe,
        s.school_name,
        concat_ws(', ', h.saon, h.house_street, h.locality, 'Westmarsh'), h.postcode, h.telephone,
        p1.full_name, p1.tie, p2.full_name, p2.tie,
        a.possible_sessions, a.possible_sessions - a.absent, floor(a.absent * a.authorised_share)::INT,
            a.absent - floor(a.absent * a.authorised_share)::INT,
        a.suspensions, CASE WHEN a.excluded THEN 'Y' ELSE 'N' END, a.sen, CASE WHEN a.fsm THEN 'Y' ELSE 'N' END
    FROM sc_absence a JOIN sc_file f USING (pid, school_no) JOIN sc_held h ON h.record_id = f.pupil_id
    JOIN school s USING (school_no)
    LEFT JOIN sc_carer p1 ON p1.pupil_id = f.pupil_id AND p1.n = 1
        LEFT JOIN sc_carer p2 ON p2.pupil_id = f.pupil_id AND p2.n = 2
    WHERE a.school_year = {year} AND a.term = {term}
    -- A file opened twice is in use for one year only.
      AND (f.copy = 0 OR a.school_year % 2 = 0)
    ORDER BY s.dfe, a.year_group, f.pupil_id
) t ({names})
"""


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write the terms' files below ``schools/``; return their rows together."""
    run_script(con, "schools.sql", "systems")
    hold_people(
        con,
        Hold(
            "schools",
            "pupil",
            "SELECT pupil_id AS record_id, pid, entered, refreshed, NULL::BIGINT AS pno FROM sc_file",
        ),
    )
    con.execute("CREATE OR REPLACE TEMP TABLE sc_held AS SELECT * FROM held")
    hold_people(
        con,
        Hold(
            "schools",
            "parent",
            "SELECT pupil_id || '/' || n AS record_id, pid, entered, refreshed, NULL::BIGINT AS pno FROM sc_parent",
        ),
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE sc_carer AS
           SELECT p.pupil_id, p.n, concat_ws(' ', h.title, h.forename, h.surname) AS full_name,
               CASE p.tie WHEN 'mother' THEN 'Mother' ELSE 'Father' END AS tie
           FROM sc_parent p JOIN held h ON h.record_id = p.pupil_id || '/' || p.n"""
    )
    rows = 0
    terms = con.execute("SELECT school_year, term FROM sc_term ORDER BY ALL").fetchall()
    for year, term in terms:
        names = ", ".join(f'"{name}"' for name in HEADERS[int(year > terms[0][0])].split("|"))
        rows += to_csv(
            con,
            folder / "schools" / f"attendance_{year}_{term}.csv",
            TERM.format(year=year, term=term, names=names),
            date_format="%d/%m/%Y",
        )
    con.execute(
        """DROP TABLE sc_roll; DROP TABLE sc_file; DROP TABLE sc_parent; DROP TABLE sc_absence; DROP TABLE sc_held;
           DROP TABLE sc_carer"""
    )
    return {"schools.attendance": rows}
