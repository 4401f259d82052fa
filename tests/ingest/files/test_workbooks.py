"""Workbooks: sheets, headers, merged cells, totals, several tables, and files that only claim to be one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from vestry.ingest.files import UnreadableFile, sheets

Read = Callable[..., Any]


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    """`book({"Sheet": rows, …}, merge={"Sheet": ["A1:B1"]})` writes a workbook."""

    def _book(content: dict[str, list[list[Any]]], merge: dict[str, list[str]] | None = None) -> Path:
        made = openpyxl.Workbook()
        made.remove(made.worksheets[0])
        for name, rows in content.items():
            sheet = made.create_sheet(name)
            for row in rows:
                sheet.append(row)
            for area in (merge or {}).get(name, []):
                sheet.merge_cells(area)
        path = tmp_path / "book.xlsx"
        made.save(path)
        return path

    return _book


def test_cells_are_text_as_a_person_would_write_it(read: Read, book: Callable[..., Path]) -> None:
    rows = [
        ["id", "paid on", "seen at", "amount", "uprn", "open", "code"],
        [1, dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 8, 30), 0.1, 100023336956, True, "007"],
        [2, dt.datetime(2024, 3, 1), dt.time(9, 15), -12.5, 5, False, None],
    ]
    got = read(book({"Data": rows}))
    assert got.rows == [
        ("1", "2024-02-29", "2024-02-29 08:30:00", "0.1", "100023336956", "true", "007"),
        ("2", "2024-03-01", "09:15:00", "-12.5", "5", "false", None),
    ]
    assert got.numbers == [2, 3]


def test_sheet_with_the_table_is_chosen_and_said(read: Read, book: Callable[..., Path]) -> None:
    content = {
        "Read me": [["This workbook holds the repairs."], ["Ask Ann."]],
        "Repairs": [["Repairs in April"], [], ["ref", "done"], *[[f"R{n}", n] for n in range(20)]],
        "Codes": [["code", "means"], ["A", "roof"]],
    }
    got = read(book(content))
    assert got.account.columns == ("ref", "done") and len(got.rows) == 20 and got.numbers[0] == 4
    assert got.account.notes == ("sheet `Repairs`", "header on row 3")
    assert got.account.skipped["preamble"] == 1


def test_sheet_can_be_given_by_name_or_place(read: Read, book: Callable[..., Path]) -> None:
    path = book({"A": [["x", "y"], [1, 2], [3, 4]], "B": [["z", "w"], [5, 6]]})
    assert read(path, sheet=" b ").account.columns == ("z", "w")
    assert read(path, sheet=2).account.columns == ("z", "w")
    with pytest.raises(UnreadableFile, match="no sheet") as error:
        read(path, sheet="C")
    assert error.value.mend == "it has: A, B"


def test_merged_and_two_row_headers_are_joined(read: Read, book: Callable[..., Path]) -> None:
    rows = [
        ["Repairs by ward", None, None, None, None],
        ["Ward", "Repairs", None, "Voids", None],
        [None, "Done", "Open", "Done", "Open"],
        ["North", 1, 2, 3, 4],
        ["South", 5, 6, 7, 8],
    ]
    got = read(book({"S": rows}, {"S": ["A1:E1", "A2:A3", "B2:C2", "D2:E2"]}))
    assert got.account.columns == ("ward", "repairs_done", "repairs_open", "voids_done", "voids_open")
    assert got.rows == [("North", "1", "2", "3", "4"), ("South", "5", "6", "7", "8")]


def test_column_beside_a_merged_group_keeps_its_own_name(read: Read, book: Callable[..., Path]) -> None:
    rows = [
        ["", "2023", None, None],
        ["Ward", "Paid", "Owed", "Note"],
        ["North", 1, 2, "x"],
        ["South", 3, 4, "y"],
    ]
    got = read(book({"S": rows}, {"S": ["B1:C1"]}))
    assert got.account.columns == ("ward", "x2023_paid", "x2023_owed", "note")


def test_totals_blank_rows_and_repeated_headers(read: Read, book: Callable[..., Path]) -> None:
    rows = [
        ["ref", "who", "paid"],
        ["a", "x", 1],
        [],
        ["ref", "who", "paid"],
        ["b", "y", 2],
        ["Total", None, 3],
    ]
    got = read(book({"S": rows}))
    assert got.rows == [("a", "x", "1"), ("b", "y", "2")] and got.numbers == [2, 5]
    assert got.rejected == [(6, "Total\t\t3", "a total, not a row")]
    assert got.account.skipped == {"preamble": 0, "header": 1, "repeated_header": 1, "blank": 1}


def test_second_table_below_is_rejected_and_said(read: Read, book: Callable[..., Path]) -> None:
    table = [["ref", "who", "paid"], *[[f"R{n}", "x", n] for n in range(9)]]
    got = read(book({"S": [*table, [], ["Codes"], ["code", "number"], ["A", 1], ["B", 2]]}))
    assert len(got.rows) == 9
    assert got.reasons == [(n, "belongs to another table, which begins on row 12") for n in (12, 13, 14, 15)]
    assert "the sheet holds another table below, which was not read" in got.account.notes


def test_table_that_does_not_begin_in_the_corner(read: Read, tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    sheet = made.worksheets[0]
    rows: list[list[Any]] = [["ref", "paid"], ["a", 1], ["b", 2]]
    for r, row in enumerate(rows, 4):
        for c, cell in enumerate(row, 3):
            sheet.cell(r, c, cell)
    made.save(tmp_path / "b.xlsx")
    got = read(tmp_path / "b.xlsx")
    assert got.account.columns == ("ref", "paid") and got.numbers == [5, 6]


def test_csv_called_xlsx_is_read_as_csv(read: Read) -> None:
    got = read("id,name\n1,Ann\n", name="pay.xlsx")
    assert got.rows == [("1", "Ann")]
    assert "called a workbook, but is delimited text: read as what it is" in got.account.notes


def test_web_page_called_xls_is_read_as_its_table(read: Read) -> None:
    page = (
        "<html><body><table><tr><td>menu</td></tr></table>"
        "<table><tr><th>Ref</th><th>Net &pound;</th></tr>"
        "<tr><td>a</td><td>1.50</td></tr><tr><td>b</td><td>2<br>3</td></tr></table></body></html>"
    )
    got = read(page, name="pay.xls")
    assert got.account.columns == ("ref", "net") and got.rows == [("a", "1.50"), ("b", "2\n3")]


def test_page_without_a_table_is_an_error(read: Read) -> None:
    with pytest.raises(UnreadableFile, match="web page"):
        read("<!DOCTYPE html><html><body>Please log in</body></html>", name="pay.csv")


def test_workbook_called_csv_is_read_as_a_workbook(read: Read, book: Callable[..., Path], tmp_path: Path) -> None:
    path = book({"S": [["a", "b"], [1, "x"]]}).rename(tmp_path / "pay.csv")
    assert read(path).rows == [("1", "x")]


def test_empty_workbook_is_an_error(read: Read, book: Callable[..., Path]) -> None:
    with pytest.raises(UnreadableFile, match="empty"):
        read(book({"S": []}))


def test_sheets_are_listed_with_their_size(book: Callable[..., Path]) -> None:
    path = book({"Note": [["hello"]], "Data": [["title"], [], ["a", "b"], [1, 2]]})
    found = sheets(path)
    assert [(s.name, s.rows, s.columns, s.visible) for s in found] == [
        ("Note", 1, 1, True),
        ("Data", 3, 2, True),
    ]
    assert found[1].header_row == 3
