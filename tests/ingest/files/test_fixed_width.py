"""Lines cut by place: nothing shifted, nothing lost."""

from __future__ import annotations

import pytest

from vestry.ingest.files import UnreadableFile

FIELDS = {"kind": (1, 1), "ref": (2, 6), "name": (8, 10), "pence": (18, 8)}


def line(kind: str, ref: str, name: str, pence: int) -> str:
    return f"{kind}{ref:<6}{name:<10}{pence:>8}"


def test_fields_are_cut_and_their_padding_goes(read):
    text = "\n".join([line("1", "A1", "Björk", 1050), line("1", "000002", "", 7)]) + "\n"
    got = read(text, format="fixed", fields=FIELDS)
    assert got.account.columns == ("kind", "ref", "name", "pence")
    assert got.rows == [("1", "A1", "Björk", "1050"), ("1", "000002", None, "7")]
    assert got.numbers == [1, 2]


def test_of_lines_of_one_length_a_shorter_or_longer_one_is_rejected(read):
    good = [line("1", f"A{n}", "Smith", n) for n in range(9)]
    lost = line("1", "B1", "Smith", 5).replace("Smith", "Smth", 1)
    won = line("1", "B2", "Smith", 5).replace("Smith", "Smitth", 1)
    trailing = line("1", "B3", "Smith", 5) + "   "
    got = read("\r\n".join([*good, lost, "", won, trailing, "\x1a"]), format="fixed", fields=FIELDS)
    assert len(got.rows) == 10
    assert got.reasons == [
        (10, "24 characters, where a line has 25"),
        (12, "26 characters, where a line has 25"),
    ]
    assert got.account.skipped["blank"] == 2


def test_of_lines_without_their_spaces_at_the_end_none_is_lost(read):
    fields = {"ref": (1, 4), "note": (5, 40)}
    got = read("A1  short\nA2  a much longer note\nA3\nA4  x\n", format="fixed", fields=fields)
    assert got.rows == [("A1", "short"), ("A2", "a much longer note"), ("A3", None), ("A4", "x")]
    assert got.reasons == []


def test_lines_of_other_records_are_counted_and_left(read):
    lines = ["0HEADER 2024-01-31", line("1", "A1", "Smith", 1), line("1", "A2", "Jones", 2), "9TRAILER 000002"]
    got = read("\n".join(lines), format="fixed", fields=FIELDS, lines="^1")
    assert [row[1] for row in got.rows] == ["A1", "A2"]
    assert got.account.skipped["other"] == 2


def test_a_nul_byte_is_rejected_with_its_line(read):
    text = "\n".join([line("1", "A1", "Smith", 1)] * 3 + [line("1", "A2", "Sm\0th", 2)])
    got = read(text, format="fixed", fields=FIELDS)
    assert got.reasons == [(4, "a NUL byte in the line")]


def test_fields_of_another_file_are_an_error(read):
    with pytest.raises(UnreadableFile, match="`name` begins at character 8, and no line is longer than 5"):
        read("A1  x\nA2  y\n", format="fixed", fields=FIELDS)


def test_fixed_width_needs_fields(read):
    with pytest.raises(UnreadableFile, match="without `fields`"):
        read("A1\n", format="fixed")


def test_windows_text_keeps_its_places(read):
    text = "\n".join([line("1", "A1", "Zoë", 1), line("1", "A2", "Smith", 2)])
    got = read(text.encode("cp1252"), format="fixed", fields=FIELDS)
    assert got.rows[0] == ("1", "A1", "Zoë", "1")
