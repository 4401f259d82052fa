"""One pass over the bytes: fingerprint and counts."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from vestry.ingest.files import fingerprint, scan


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_scan_agrees_with_the_plain_way(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f"
        path.write_bytes(content)
        facts = scan(path)
        assert facts.sha256 == fingerprint(path) == hashlib.sha256(content).hexdigest()
        assert facts.lines == len(content.split(b"\n")) - (content.endswith(b"\n") or not content)
        assert (facts.nul, facts.quotes) == (b"\0" in content, b'"' in content)
        try:
            content.decode()
            assert facts.utf8
        except UnicodeDecodeError:
            assert not facts.utf8


def test_character_across_two_chunks_is_valid_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * ((1 << 22) - 1) + "é\n\n \n".encode())
    facts = scan(path)
    assert facts.utf8 and not facts.ascii and facts.trailing_blank == 2 and facts.content_lines == 1
