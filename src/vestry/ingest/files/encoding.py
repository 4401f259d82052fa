"""Which encoding a text is in; what is not UTF-8 is written anew as UTF-8, line for line."""

from __future__ import annotations

import codecs
import uuid
from dataclasses import dataclass
from pathlib import Path

from vestry.ingest.files.model import UnreadableFile
from vestry.ingest.files.scan import Scan, scan

CHUNK = 1 << 20
#: A line is cut off from its neighbours here at the latest, however long it is.
_LONGEST = 1 << 22
_UTF8_NAMES = {"utf-8", "utf-8-sig", "ascii"}
_1252 = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(128, 256)}
_LATIN = bytes(range(256)).decode("latin-1")
_TABLE = str.maketrans({_LATIN[byte]: char for byte, char in _1252.items()})


@dataclass(frozen=True)
class Utf8Text:
    """A text as UTF-8 on disk: the file itself, or a copy of it in the work folder."""

    path: Path
    scan: Scan
    notes: tuple[str, ...]


def as_utf8(path: Path, facts: Scan, encoding: str | None, workdir: Path) -> Utf8Text:
    """The same lines in UTF-8. `encoding` is what the source says; None finds it.

    Found are UTF-8, UTF-16 and UTF-32 (by their mark, UTF-16 also by its pattern), else each line
    that is not UTF-8 is taken for Windows-1252, the bytes it leaves open as Latin-1: so nothing is lost
    where two encodings are mixed. Line breaks of old Macs (CR alone) become LF.
    """
    with path.open("rb") as file:
        head = file.read(1 << 16)
    named = _named(encoding, path)
    if named is None or named in _UTF8_NAMES:
        wide = _wide(head)
        if wide:
            return _transcode(path, wide, facts, workdir, (f"encoding {wide}",))
        only_returns = facts.newlines == 0 and facts.carriage_returns
        if facts.utf8 and not only_returns:
            return Utf8Text(path, facts, ())
        return _line_by_line(path, facts, named, workdir)
    return _transcode(path, named, facts, workdir, (f"encoding {named}, as the source says",))


def looks_like_utf16(head: bytes) -> bool:
    return _wide(head) is not None


def _named(encoding: str | None, path: Path) -> str | None:
    if encoding is None:
        return None
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise UnreadableFile(
            f"`{encoding}` is no encoding", str(path), "say utf-8, windows-1252 or utf-16, or leave it out"
        ) from None


def _wide(head: bytes) -> str | None:
    """UTF-16 or UTF-32 by the byte order mark, or by every other byte being NUL."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = head[0::2], head[1::2]
    if len(odd) < 8:
        return None
    nul_even, nul_odd = even.count(0) / len(even), odd.count(0) / len(odd)
    if nul_odd > 0.5 and nul_even < 0.05:
        return "utf-16-le"
    if nul_even > 0.5 and nul_odd < 0.05:
        return "utf-16-be"
    return None


def _transcode(path: Path, encoding: str, facts: Scan, workdir: Path, notes: tuple[str, ...]) -> Utf8Text:
    """Through the codec, streaming; a byte it does not know stays visible as `\\x81`."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="backslashreplace")
    target = _target(workdir)
    with path.open("rb") as source, target.open("wb") as out:
        while chunk := source.read(CHUNK):
            out.write(decoder.decode(chunk).encode("utf-8", "backslashreplace"))
        out.write(decoder.decode(b"", final=True).encode("utf-8", "backslashreplace"))
    return Utf8Text(target, scan(target, digest=False), notes)


def _line_by_line(path: Path, facts: Scan, named: str | None, workdir: Path) -> Utf8Text:
    returns = facts.newlines == 0 and facts.carriage_returns
    as_is = other = 0
    target = _target(workdir)
    with path.open("rb") as source, target.open("wb") as out:
        carry = b""
        while chunk := source.read(CHUNK):
            if returns:
                chunk = chunk.replace(b"\r", b"\n")
            carry += chunk
            cut = carry.rfind(b"\n") + 1
            if cut == 0 and len(carry) < _LONGEST:
                continue
            cut = cut or len(carry)
            block, carry = carry[:cut], carry[cut:]
            text, good, bad = _decoded(block)
            as_is, other = as_is + good, other + bad
            out.write(text)
        text, good, bad = _decoded(carry)
        as_is, other = as_is + good, other + bad
        out.write(text)
    notes = []
    if other and as_is:
        notes.append(f"encoding utf-8, with {other} lines in windows-1252")
    elif other:
        notes.append("encoding windows-1252" + (", though the source says utf-8" if named else ""))
    if returns:
        notes.append("lines end with CR alone")
    return Utf8Text(target, scan(target, digest=False), tuple(notes))


def _decoded(block: bytes) -> tuple[bytes, int, int]:
    """A block of whole lines as UTF-8, and how many lines had accents in UTF-8, how many were not it."""
    try:
        block.decode()
    except UnicodeDecodeError:
        pass
    else:
        return block, 0 if block.isascii() else 1, 0
    good = bad = 0
    lines = block.split(b"\n")
    for number, line in enumerate(lines):
        if line.isascii():
            continue
        try:
            line.decode()
            good += 1
        except UnicodeDecodeError:
            lines[number] = line.decode("latin-1").translate(_TABLE).encode()
            bad += 1
    return b"\n".join(lines), good, bad


def _target(workdir: Path) -> Path:
    workdir.mkdir(parents=True, exist_ok=True)
    return workdir / f"text-{uuid.uuid4().hex}.csv"
