"""Which files are quoted so plainly that the quick reader may be trusted with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from vestry.ingest.files import quoting
from vestry.ingest.files.quoting import plainly_quoted


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a,b\n1,2\n", True),
        ('"a","b"\n"1, 2","3"\n', True),
        ('a,""\n"",b', True),
        ('a,"x\r\n"y",b\r\n', True),  # unbalanced, but each at an end: the count of rows tells
        ('a,"6"" pipe"\n', False),
        ('a,6" pipe\n', False),
        ('a,"x"y\n', False),
        ('a,"x";b\n', False),
        ('""a,b\n', False),
        ('a,""""\n', False),
    ],
)
def test_quotes_inside_fields_are_told_from_those_around_them(tmp_path: Path, text: str, plain: bool) -> None:
    file = tmp_path / "f.csv"
    file.write_text(text, newline="")
    assert plainly_quoted(file, ",") is plain


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_chunks_do_not_matter(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quoting, "CHUNK", size)
    file = tmp_path / "f.csv"
    for text, plain in [('"a","b, c"\n"d",""\n', True), ('"a","b"c"\n', False), ('x"y', False), ('"x"', True)]:
        file.write_text(text)
        assert plainly_quoted(file, ",") is plain, text
