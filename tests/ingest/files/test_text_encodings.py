"""Encodings: what is called UTF-8 and is not, UTF-16, mixtures, byte order marks, old line ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vestry.ingest.files import UnreadableFile

Read = Callable[..., Any]
TEXT = "id,name\r\n1,Zoë £5\r\n2,Ann – B\r\n"
ROWS = [("1", "Zoë £5"), ("2", "Ann – B")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("patient", [False, True])
def test_encoding_is_found(read: Read, encoding: str, patient: bool) -> None:
    got = read(TEXT.encode(encoding), patient=patient)
    assert got.account.columns == ("id", "name")
    assert got.rows == ROWS and got.numbers == [2, 3]


def test_windows_1252_called_utf_8_is_read_and_noted(read: Read) -> None:
    got = read(TEXT.encode("cp1252"), encoding="utf-8")
    assert got.rows == ROWS
    assert got.account.notes == ("encoding windows-1252, though the source says utf-8",)


def test_mixture_is_read_line_by_line(read: Read) -> None:
    got = read(b"id,name\n" + "1,Zoë\n".encode() + "2,Zoë\n".encode("cp1252"))
    assert got.rows == [("1", "Zoë"), ("2", "Zoë")]
    assert "with 1 lines in windows-1252" in got.account.notes[0]


def test_bytes_that_windows_1252_leaves_open_are_kept(read: Read) -> None:
    got = read(b"id,name\n1,\x81\xe9\n")
    assert got.rows == [("1", "\x81é")]


def test_encoding_can_be_given(read: Read) -> None:
    assert read("id,name\n1,Łódź\n".encode("cp1250"), encoding="cp1250").rows == [("1", "Łódź")]
    with pytest.raises(UnreadableFile, match="no encoding"):
        read(TEXT.encode(), encoding="utf-9")


def test_lines_that_end_with_cr_alone(read: Read) -> None:
    got = read("id,name\r1,Ann\r2,Bob\r")
    assert got.rows == [("1", "Ann"), ("2", "Bob")] and got.numbers == [2, 3]


def test_cr_inside_a_line_is_a_character_and_mixed_line_ends_are_fine(read: Read) -> None:
    got = read(b"id,name\r\n1,An\rn\r\n2,Bob\n3,Cid\r\n")
    assert got.rows == [("1", "An\rn"), ("2", "Bob"), ("3", "Cid")]
    assert got.numbers == [2, 3, 4]


@pytest.mark.slow
def test_long_accented_file_keeps_its_line_numbers(read: Read) -> None:
    text = "id,name\n" + "".join(f"{n},Zoë\n" for n in range(200_000))
    got = read(text.encode("cp1252"))
    assert len(got.rows) == 200_000 and got.numbers[-1] == 200_001 and got.rows[-1] == ("199999", "Zoë")


def test_cr_twice_does_not_shift_the_numbers_of_lines(read: Read) -> None:
    got = read(b"id,name\r\n1,Ann\r\r\n2,Bob\r\n")
    assert got.numbers == [2, 3] and [row[0] for row in got.rows] == ["1", "2"]
