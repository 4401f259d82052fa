"""Headers, preambles, totals, blank lines and delimiters of delimited text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vestry.ingest.files import UnreadableFile

pytestmark = pytest.mark.slow

Read = Callable[..., Any]


def test_preamble_above_the_header_is_skipped_and_counted(read: Read) -> None:
    got = read("Payments over £500\nPublished by,Finance\n\nid,name,paid,ward\n1,Ann,2.50,North\n2,Bob,3.75,South\n")
    assert got.account.columns == ("id", "name", "paid", "ward")
    assert got.numbers == [5, 6]
    assert got.account.skipped == {"preamble": 2, "header": 1, "repeated_header": 0, "blank": 1}
    assert "header on line 4" in got.account.notes


def test_preamble_padded_with_commas_is_skipped(read: Read) -> None:
    got = read("Spend report,,,\nApril 2024,,,\n,,,\nid,name,paid,ward\n1,Ann,2.50,North\n")
    assert got.rows == [("1", "Ann", "2.50", "North")]
    assert got.account.skipped["preamble"] == 2


def test_header_row_can_be_given(read: Read) -> None:
    got = read("x,y\nid,name\n1,Ann\n", header_row=2)
    assert got.account.columns == ("id", "name") and got.rows == [("1", "Ann")]


def test_header_row_that_is_not_there_is_an_error(read: Read) -> None:
    with pytest.raises(UnreadableFile, match="line 9"):
        read("id,name\n1,Ann\n", header_row=9)


def test_header_is_known_by_the_names_the_source_lists(read: Read) -> None:
    known = {"year": ["2023"], "next": ["2024"], "ward": []}
    got = read("a,b,c\nward,2023,2024\nNorth,1,2\n", columns=known)
    assert got.account.columns == ("ward", "year", "next") and got.rows == [("North", "1", "2")]


def test_file_without_a_header_has_numbered_columns_and_all_its_rows(read: Read) -> None:
    got = read("1,01/02/2024,Ann\n2,02/02/2024,Bob\n3,03/02/2024,Cid\n")
    assert got.account.columns == ("column_1", "column_2", "column_3")
    assert len(got.rows) == 3 and got.numbers == [1, 2, 3]
    assert any("no header" in note for note in got.account.notes)


def test_blank_lines_with_and_without_commas_are_counted(read: Read) -> None:
    got = read("id,name\n1,Ann\n\n,\n ,\t\n2,Bob\n,\n\n")
    assert got.rows == [("1", "Ann"), ("2", "Bob")] and got.numbers == [2, 6]
    assert got.account.skipped["blank"] == 5


def test_repeated_header_is_skipped_wherever_it_stands(read: Read) -> None:
    body = "".join(f"{n},name {n}\n" for n in range(30_000))
    got = read("Id,Name\n" + body + " ID ,name\n" + body)
    assert len(got.rows) == 60_000 and got.account.skipped["repeated_header"] == 1
    assert got.numbers[30_000] == 30_003


def test_empty_columns_at_the_end_are_left_out(read: Read) -> None:
    got = read("id,name,,,\n1,Ann,,,\n2,Bob,,,,,\n")
    assert got.account.columns == ("id", "name") and got.rows == [("1", "Ann"), ("2", "Bob")]
    assert "3 empty columns without a header left out" in got.account.notes


def test_column_without_a_header_that_holds_data_is_kept_by_its_place(read: Read) -> None:
    got = read("id,,name\n1,x,Ann\n2,,Bob\n")
    assert got.account.columns == ("id", "column_2", "name")


def test_value_far_down_in_a_column_without_a_header_is_rejected(read: Read) -> None:
    body = "".join(f"{n},Ann,\n" for n in range(60_000))
    got = read("id,name,\n" + body + "7,Bob,lost\n" + body)
    assert len(got.rows) == 120_000
    assert got.rejected == [(60_002, "7,Bob,lost", "3 fields where the header has 2")]


def test_same_header_twice_gets_a_number(read: Read) -> None:
    got = read("name,Name,NAME ,name_2\na,b,c,d\n")
    assert got.account.columns == ("name", "name_2", "name_3", "name_2_2")


@pytest.mark.parametrize("last", ["Total,,15.00", ",,15.00", "Grand total,,15.00", ",Total:,15.00"])
def test_total_under_the_data_is_rejected_as_one(read: Read, last: str) -> None:
    rows = "".join(f"{n},Ann {n},{n}.00\n" for n in range(6))
    got = read("ref,name,paid\n" + rows + last + "\n")
    assert len(got.rows) == 6
    assert got.rejected == [(8, last, "a total, not a row")]


def test_totals_and_a_note_under_a_gap_are_rejected(read: Read) -> None:
    rows = "".join(f"R{n},Ann {n},{n}.00\n" for n in range(9))
    got = read("ref,name,paid\n" + rows + "Subtotal,,30\nTotal,,36\n,,\nSource: the ledger,,\n")
    assert got.reasons == [
        (11, "a total, not a row"),
        (12, "a total, not a row"),
        (14, "a note under the table, not a row"),
    ]


def test_supplier_called_total_is_a_row(read: Read) -> None:
    got = read("date,supplier,paid\n01/02/2024,Ann,1.00\n02/02/2024,Total,2.00\n03/02/2024,TOTAL GAS LTD,3.00\n")
    assert len(got.rows) == 3 and not got.rejected


def test_header_of_two_rows_groups_above_names(read: Read) -> None:
    got = read(",2023,,2024,\nWard,Paid,Owed,Paid,Owed\nNorth,1,2,3,4\nSouth,5,6,7,8\n")
    assert got.account.columns == ("ward", "x2023_paid", "x2023_owed", "x2024_paid", "x2024_owed")
    assert got.rows[0] == ("North", "1", "2", "3", "4") and got.account.skipped["header"] == 2


def test_header_of_two_rows_names_above_parts(read: Read) -> None:
    got = read("Area,Repairs,,Notes\n,Done,Open,\nNorth,1,2,x\nSouth,3,4,y\n")
    assert got.account.columns == ("area", "repairs_done", "repairs_open", "notes")
    assert got.numbers == [3, 4]


def test_header_of_two_rows_can_be_given(read: Read) -> None:
    got = read("Group,Group\nName,Town\nAnn,Leeds\n", header_row=1, header_rows=2)
    assert got.account.columns == ("group_name", "group_town") and got.rows == [("Ann", "Leeds")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(read: Read, delimiter: str) -> None:
    rows = [["id", "name", "paid"], ["1", "Ann", "2.50"], ["2", "Bob", "1.25"]]
    got = read("\n".join(delimiter.join(row) for row in rows), name="data.txt")
    assert got.account.columns == ("id", "name", "paid")
    assert got.rows == [("1", "Ann", "2.50"), ("2", "Bob", "1.25")]


def test_comma_as_decimal_point_does_not_hide_the_semicolon(read: Read) -> None:
    got = read("id;paid\n1;2,50\n2;3,75\n")
    assert got.rows == [("1", "2,50"), ("2", "3,75")]


def test_line_that_names_the_separator_is_believed(read: Read) -> None:
    got = read("sep=;\r\nid;name, full\r\n1;Ann, B\r\n")
    assert got.account.columns == ("id", "name_full") and got.rows == [("1", "Ann, B")]


def test_delimiter_can_be_given(read: Read) -> None:
    got = read("id^name\n1^Ann\n", delimiter="^")
    assert got.rows == [("1", "Ann")]
    with pytest.raises(UnreadableFile, match="one character"):
        read("id^name\n1^Ann\n", delimiter="^^")


def test_one_column_is_a_table(read: Read) -> None:
    for patient in (False, True):
        got = read("uprn\n100\n200\n\n300\n", patient=patient)
        assert got.rows == [("100",), ("200",), ("300",)] and got.numbers == [2, 3, 5]


def test_nothing_is_trimmed_and_empty_is_null(read: Read) -> None:
    for patient in (False, True):
        got = read('a,b,c\n x ,"",\n" 2,525.18 ",  ,y\n', patient=patient)
        assert got.rows == [(" x ", None, None), (" 2,525.18 ", "  ", "y")]


def test_file_name_with_glob_characters_is_one_file(read: Read, tmp_path: Path) -> None:
    (tmp_path / "d1.csv").write_text("a,b\n9,9\n")
    got = read("a,b\n1,x\n", name="d[1]*.csv")
    assert got.rows == [("1", "x")]


def test_clean_file_takes_the_fast_way(read: Read) -> None:
    got = read("a,b,c\r\n" + "".join(f'{n},"x, {n}",\r\n' for n in range(5000)) + "\r\n\r\n")
    assert not got.account.patient
    assert got.numbers == list(range(2, 5002)) and got.account.skipped["blank"] == 2


def test_clean_file_with_quotes_takes_the_fast_way_and_its_one_bad_quote_does_not(read: Read) -> None:
    body = "".join(f'"{n}","x, {n}",y\n' for n in range(30_000))
    assert not read("a,b,c\n" + body).account.patient
    got = read("a,b,c\n" + body + '7,"5" pipe",y\n' + body)
    assert len(got.rows) == 60_000 and got.reasons == [(30_002, "unbalanced quotes")]


def test_clean_file_without_quotes_takes_the_fast_way(read: Read) -> None:
    got = read("a;b\r\n" + "".join(f"{n};\r\n" for n in range(5000)), columns={"key": ["A"], "gone": []})
    assert not got.account.patient and got.account.columns == ("key", "b", "gone")
    assert got.rows[-1] == ("4999", None, None) and got.numbers[-1] == 5001
