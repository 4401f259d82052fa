"""Repairs of council homes, as three contractors report them, each in a way of its own.

- Fixwell: a CSV a month, ``dd/mm/yyyy`` and ``£1,234.50``; from the fourteenth month other headers.
- BrightSpark: an XLSX workbook a quarter with a title above a two-row header and a total below.
- Mendit: a CSV a month with semicolons in Windows-1252, ``14-Jan-25``; other headers from the twelfth month.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter

from vestry.demo.faults import set_rates
from vestry.demo.script import run_script
from vestry.demo.systems.export import months, to_csv

# A job exported twice is in the month it was done and in the next.
IN_MONTH = "(month_no = {month} OR (twice AND month_no = {month} - 1))"

FIXWELL_CODES = "MAP {'plumbing': 'PLUMB', 'carpentry': 'CARP', 'roofing': 'ROOF', 'damp': 'DAMP', 'glazing': 'GLAZ'}"
FIXWELL_COLUMNS = f"""
    job_ref, raised_on, completed_said, address, postcode, uprn, {FIXWELL_CODES}[trade] AS trade, description,
    ['Emergency', 'Urgent', 'Routine'][priority] AS priority,
    CASE WHEN completed_on IS NULL THEN 'WIP' ELSE 'Completed' END AS status,
    '£' || format('{{:,.2f}}', amount::DOUBLE) AS value
"""
FIXWELL_HEADERS = (
    "Job No|Order Date|Completed|Property Address|Postcode|UPRN|Trade|Description|Priority|Status|Invoice Value",
    "Job Number|Date Raised|Date Completed|Address|Post Code|UPRN|Trade Code|Work Description|Priority|Job Status"
    "|Value (GBP)",
)
MENDIT_CODES = "MAP {'plumbing': 'PL', 'carpentry': 'CA', 'roofing': 'RF', 'damp': 'DM', 'glazing': 'GL'}"
MENDIT_COLUMNS = f"""
    job_ref, lpad(uprn, 12, '0') AS uprn, concat_ws(', ', address, 'Westmarsh', postcode) AS address,
    raised_on, completed_said, {MENDIT_CODES}[trade] AS code
"""
MENDIT_VALUES = (
    "amount::DECIMAL(9, 2) AS net, description",
    "(amount / 1.2)::DECIMAL(9, 2) AS net, (amount - (amount / 1.2)::DECIMAL(9, 2))::DECIMAL(9, 2) AS vat, description",
)
MENDIT_HEADERS = (
    "Ref|Prop Ref|Address|Reported|Date Comp.|Job Type|Cost £|Notes",
    "Job Ref|UPRN|Address|Date Reported|Date Comp.|SOR Code|Net £|VAT £|Notes",
)
BRIGHTSPARK = """
SELECT job_ref, ['', 'E', 'H'][1 + list_position(['electrical', 'heating'], trade)] || priority AS code,
    description, address,
       postcode, uprn::BIGINT, raised_on, completed_said, CASE WHEN amount IS NOT NULL THEN labour END,
       CASE WHEN amount IS NOT NULL THEN materials END
FROM rp_row WHERE contractor = 'brightspark' AND month_no >= {first} AND month_no < {first} + 3
ORDER BY coalesce(completed_on, raised_on), job_ref
"""


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write the contractors' files below ``repairs/``; return the rows of each contractor."""
    set_rates(con, "repairs")
    run_script(con, "repairs.sql", "systems")
    rows = {"repairs.fixwell": 0, "repairs.mendit": 0, "repairs.brightspark": 0}
    for i, _, month in months(con):
        for contractor, columns, headers, drift in (
            ("fixwell", (FIXWELL_COLUMNS,) * 2, FIXWELL_HEADERS, 13),
            ("mendit", tuple(f"{MENDIT_COLUMNS}, {v}" for v in MENDIT_VALUES), MENDIT_HEADERS, 11),
        ):
            era = int(i >= drift)
            names = ", ".join(f'"{name}"' for name in headers[era].split("|"))
            where = f"contractor = '{contractor}' AND {IN_MONTH.format(month=i)}"
            query = f"""SELECT * FROM (SELECT {columns[era]} FROM rp_row WHERE {where}
                        ORDER BY coalesce(completed_on, raised_on), job_ref) t ({names})"""
            path = folder / "repairs" / contractor / f"{contractor}_{month}.csv"
            if contractor == "fixwell":
                rows["repairs.fixwell"] += to_csv(con, path, query, date_format="%d/%m/%Y", line_end="\r\n")
            else:
                rows["repairs.mendit"] += to_csv(
                    con, path, query, delimiter=";", date_format="%d-%b-%y", encoding="cp1252", line_end="\r\n"
                )
        if i % 3 == 0:
            jobs = con.execute(BRIGHTSPARK.format(first=i)).fetchall()
            _write_workbook(folder / "repairs" / "brightspark", month, i // 3, jobs)
            rows["repairs.brightspark"] += len(jobs)
    con.execute("DROP TABLE rp_home; DROP TABLE rp_row")
    return rows


def _write_workbook(folder: Path, first_month: str, quarter: int, jobs: list[tuple[Any, ...]]) -> None:
    """A quarter's workbook: title, blank line, two header rows with merged groups, jobs, a total, and a note below."""
    folder.mkdir(parents=True, exist_ok=True)
    book = xlsxwriter.Workbook(folder / f"BrightSpark works {first_month}.xlsx", {"constant_memory": True})
    # The date of the file's making would make each file differ.
    book.set_properties({"created": datetime(2024, 1, 1, tzinfo=UTC)})
    later = quarter >= 5
    sheet = book.add_worksheet("Works" if later else "Jobs")
    bold = book.add_format({"bold": True})
    group = book.add_format({"bold": True, "align": "center", "bottom": 1})
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    money = book.add_format({"num_format": "£#,##0.00"})
    sheet.set_column(2, 3, 38)
    sheet.write(0, 0, "BrightSpark Electrical & Heating Ltd", bold)
    sheet.write(1, 0, f"Westmarsh City Council: works in the quarter from {first_month}")
    groups = [("Job", 0, 2), ("Property", 3, 5), ("Dates", 6, 7), ("Cost", 8, 9)]
    for name, first, last in groups:
        sheet.merge_range(3, first, 3, last, name, group)
    headers = ["Ref", "Code", "Details", "Address", "Postcode", "UPRN", "Raised", "Completed", "Labour", "Materials"]
    if later:
        headers.append("Follow-on?")
    for column, name in enumerate(headers):
        sheet.write(4, column, name, bold)
    row = 5
    for job in jobs:
        for column, value in enumerate(job):
            if isinstance(value, date):
                sheet.write_datetime(row, column, value, day)
            elif column >= 8 and value is not None:
                sheet.write_number(row, column, float(value), money)
            elif value is not None:
                sheet.write(row, column, value)
        if later:
            sheet.write(row, 10, "Y" if str(job[0]).endswith("7") else "N")
        row += 1
    sheet.write(row, 0, "Total", bold)
    for column in (8, 9):
        sheet.write_number(row, column, float(sum(job[column] or 0 for job in jobs)), money)
    sheet.write(row + 2, 0, "Prices exclude VAT. Queries: accounts@example.org")
    if later:
        summary = book.add_worksheet("Summary")
        summary.write(0, 0, "Jobs")
        summary.write_number(0, 1, len(jobs))
    book.close()
