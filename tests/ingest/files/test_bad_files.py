"""Bad input: nothing is lost, every line that is no row has its reason, errors are for people."""

from __future__ import annotations

import resource
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from vestry.ingest.files import EmptyFile, FileOptions, UnreadableFile, read_file

pytestmark = pytest.mark.slow

Read = Callable[..., Any]


def test_empty_file_is_an_error_that_says_so(read: Read) -> None:
    with pytest.raises(EmptyFile, match="empty"):
        read(b"")


def test_file_of_blank_lines_is_an_error(read: Read) -> None:
    with pytest.raises(UnreadableFile, match="no line with data"):
        read(b"\n\n,,,\n\n")


@pytest.mark.parametrize("content", ["id,name,paid", "id,name,paid\n", "id,name,paid\r\n\r\n"])
def test_header_only_gives_columns_and_no_rows(read: Read, content: str) -> None:
    got = read(content)
    assert got.account.columns == ("id", "name", "paid")
    assert (got.rows, got.rejected) == ([], [])


def test_ragged_rows_are_rejected_with_the_number_of_fields(read: Read) -> None:
    got = read("a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12,,\n13,14,15\n")
    assert got.rows == [("1", "2", "3"), ("10", "11", "12"), ("13", "14", "15")]
    assert got.numbers == [2, 5, 6]
    assert got.rejected == [
        (3, "4,5", "2 fields where the header has 3"),
        (4, "6,7,8,9", "4 fields where the header has 3"),
    ]


def test_rows_that_leave_out_empty_cells_as_a_habit_are_filled_up(read: Read) -> None:
    body = "".join(f"{n},a,b\n" if n % 4 == 0 else f"{n},a,b,c\n" for n in range(40))
    got = read("id,x,y,note\n" + body + "40,a\n")
    assert len(got.rows) == 40 and got.rows[0] == ("0", "a", "b", None)
    assert got.reasons == [(42, "2 fields where the header has 4")]
    assert any("leave out empty cells" in note for note in got.account.notes)


def test_quote_that_never_closes_rejects_its_own_line_only(read: Read) -> None:
    got = read('a,b,c\n1,"x,2\n3,y,4\n5,z,6\n')
    assert got.rows == [("3", "y", "4"), ("5", "z", "6")]
    assert got.rejected == [(2, '1,"x,2', "unbalanced quotes")]


def test_two_lost_quotes_do_not_swallow_the_rows_between(read: Read) -> None:
    got = read('a,b,c\n1,"x,2\n3,y,4\n5,z,6\n7,w",8\n9,v,10\n')
    assert got.rows == [("3", "y", "4"), ("5", "z", "6"), ("7", 'w"', "8"), ("9", "v", "10")]
    assert got.reasons == [(2, "unbalanced quotes")]


def test_text_after_a_closing_quote_is_rejected(read: Read) -> None:
    got = read('a,b\n1,"x"y\n2,z\n')
    assert got.rows == [("2", "z")]
    assert got.reasons == [(2, "unbalanced quotes")]


def test_bare_quote_inside_a_field_is_a_character(read: Read) -> None:
    got = read('a,b,c\n1,5" pipe,x\n2,"6"" pipe",y\n')
    assert got.rows == [("1", '5" pipe', "x"), ("2", '6" pipe', "y")]


def test_spaces_around_quotes_do_not_count(read: Read) -> None:
    for patient in (False, True):
        got = read('a, b ,c\n1, "x, y" ,z\n2, w,v\n', patient=patient)
        assert got.rows == [("1", "x, y", "z"), ("2", " w", "v")]


def test_cell_of_several_lines_is_one_record_at_its_first_line(read: Read) -> None:
    got = read('a,b,c\r\n1,"two\r\nlines, and\r\n\r\nmore",x\r\n2,y,z\r\n')
    assert got.rows == [("1", "two\r\nlines, and\r\n\r\nmore", "x"), ("2", "y", "z")]
    assert got.numbers == [2, 6]


def test_nul_byte_rejects_its_line(read: Read) -> None:
    got = read(b"a,b\n1,x\n2,y\0\n3,z\n")
    assert got.rows == [("1", "x"), ("3", "z")]
    assert got.reasons == [(3, "a NUL byte in the line")]
    assert got.rejected[0][1] == "2,y\0"


def test_line_of_50_mb_is_rejected_in_little_memory(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,x\n2,")
        for _ in range(50):
            file.write(b"y" * 1_000_000)
        file.write(b"\n3,z\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = read_file(path, FileOptions(), con, tmp_path / "work", patient=True)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert con.execute(rows.select).fetchall() == [("1", "x", 2), ("3", "z", 4)]
    (reject,) = rows.rejected.to_pylist()
    assert reject["line"] == 3 and len(reject["raw"]) == 1_000_000
    assert reject["reason"] == "a line of 50,000,002 bytes, more than a row can have"
    assert grown < 60, "a line of 50 MB must not be held"


def test_line_of_50_mb_sends_the_fast_way_to_the_patient_one(read: Read) -> None:
    many = "".join(f"{n},some text to fill the sample\n" for n in range(20_000))
    got = read("a,b\n" + many + "x," + "y" * 5_000_000 + "\n" + many)
    assert len(got.rows) == 40_000 and [line for line, _ in got.reasons] == [20_002]


def test_nothing_but_one_long_line_is_an_error(read: Read) -> None:
    with pytest.raises(UnreadableFile, match="5,000,000 bytes"):
        read(b"x" * 5_000_000)


def test_binary_file_is_an_error(read: Read) -> None:
    with pytest.raises(UnreadableFile, match="binary"):
        read(bytes(range(256)) * 40)


@pytest.mark.parametrize(("head", "says"), [(b"\x1f\x8b\x08", "gzip"), (b"%PDF-1.7", "PDF")])
def test_other_kinds_of_file_are_called_by_their_name(read: Read, head: bytes, says: str) -> None:
    with pytest.raises(UnreadableFile, match=says):
        read(head + b"x" * 100)


def test_encrypted_workbook_asks_for_one_without_a_password(read: Read) -> None:
    with pytest.raises(UnreadableFile, match="encrypted") as error:
        read(_ole("EncryptedPackage", "EncryptionInfo"), name="pay.xlsx")
    assert "without a password" in error.value.mend


def test_damaged_workbook_is_an_error(read: Read) -> None:
    with pytest.raises(UnreadableFile, match="damaged"):
        read(b"PK\x03\x04 no more than a beginning", name="pay.xlsx")


def test_missing_column_is_null_and_a_new_one_is_there(read: Read) -> None:
    known = {"id": ["Ref"], "amount": ["Net Amount", "NetAmount"], "supplier": ["Supplier name"]}
    got = read("ref,net_amount,Colour\n1,2.50,red\n", columns=known)
    assert got.account.columns == ("id", "amount", "colour", "supplier")
    assert got.account.headers == ("ref", "net_amount", "Colour", "")
    assert got.account.missing == ("supplier",)
    assert got.rows == [("1", "2.50", "red", None)]


def test_errors_hold_no_values_of_cells(read: Read) -> None:
    with pytest.raises(UnreadableFile) as error:
        read("secret,words\nmore,secrets\n", header_row=7)
    assert "secret" not in str(error.value)


def test_file_that_is_gone_is_an_error(read: Read, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no such file"):
        read(tmp_path / "gone.csv")


def _ole(*streams: str) -> bytes:
    """The least of an OLE file: a header, one sector of the allocation table, one of the directory."""
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    header += b"\0" * 6 + struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<I", 0) + b"\xff" * 4 * 108
    fat = struct.pack("<II", 0xFFFFFFFD, 0xFFFFFFFE) + b"\xff" * (512 - 8)
    entries = b""
    for place, name in enumerate(("Root Entry", *streams)):
        text = name.encode("utf-16-le")
        entry = text.ljust(64, b"\0") + struct.pack("<HBB", len(text) + 2, 2 if place else 5, 1)
        entry += struct.pack("<III", 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF if place else 1)
        entries += entry.ljust(116, b"\0") + struct.pack("<IQ", 0xFFFFFFFE, 0)
    return header.ljust(512, b"\0") + fat + entries.ljust(512, b"\0")
