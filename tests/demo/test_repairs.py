"""Three contractors, three ways of writing a repair."""

from __future__ import annotations

import openpyxl
import pytest

from vestry.demo import Systems

pytestmark = pytest.mark.slow


def first_lines(westmarsh: Systems, contractor: str, encoding: str) -> list[str]:
    folder = westmarsh.systems / "repairs" / contractor
    return [path.read_text(encoding=encoding).splitlines()[0] for path in sorted(folder.iterdir())]


def test_fixwell_changes_its_headers_once(westmarsh: Systems) -> None:
    headers = first_lines(westmarsh, "fixwell", "utf-8")
    assert len(headers) == 26
    assert headers[0].startswith("Job No,Order Date,Completed")
    assert headers[-1].startswith("Job Number,Date Raised,Date Completed")
    assert len(set(headers)) == 2


def test_mendit_is_windows_1252_with_semicolons(westmarsh: Systems) -> None:
    headers = first_lines(westmarsh, "mendit", "cp1252")
    assert headers[0] == "Ref;Prop Ref;Address;Reported;Date Comp.;Job Type;Cost £;Notes"
    assert headers[-1] == "Job Ref;UPRN;Address;Date Reported;Date Comp.;SOR Code;Net £;VAT £;Notes"


def test_brightspark_has_a_title_two_header_rows_and_a_total(westmarsh: Systems) -> None:
    path = sorted((westmarsh.systems / "repairs" / "brightspark").iterdir())[0]
    sheet = openpyxl.load_workbook(path).worksheets[0]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][0] == "BrightSpark Electrical & Heating Ltd"
    assert rows[3][0] == "Job"
    assert rows[4][:3] == ("Ref", "Code", "Details")
    assert {str(merged) for merged in sheet.merged_cells.ranges} == {"A4:C4", "D4:F4", "G4:H4", "I4:J4"}
    total = next(row for row in rows if row[0] == "Total")
    labour = sum(row[8] or 0 for row in rows[5 : rows.index(total)])
    assert round(float(total[8]), 2) == round(float(labour), 2)
