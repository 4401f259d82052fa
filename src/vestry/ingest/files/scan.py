"""One pass over a file's bytes: its fingerprint, and what the fast way must know beforehand."""

from __future__ import annotations

import codecs
import hashlib
import re
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 22
SEGMENT = 1 << 18
TAIL = 1 << 16
_LONE_RETURN = re.compile(rb"\r[^\n]")


@dataclass(frozen=True)
class Scan:
    """Facts about a file's bytes. For a file that is not text only `sha256` and `size` mean anything."""

    sha256: str
    size: int
    newlines: int
    ends_with_newline: bool
    trailing_blank: int
    """Blank lines at the very end."""
    long_lines: bool
    """Whether 256 KB somewhere hold no line break."""
    nul: bool
    quotes: bool
    carriage_returns: bool
    lone_returns: bool
    """CR somewhere without LF after it."""
    utf8: bool
    ascii: bool

    @property
    def lines(self) -> int:
        """Physical lines, blank ones included."""
        return self.newlines + (0 if self.ends_with_newline or self.size == 0 else 1)

    @property
    def content_lines(self) -> int:
        """Lines up to the last one that is not blank."""
        return self.lines - self.trailing_blank


def scan(path: Path, *, digest: bool = True) -> Scan:
    """Hash and measure a file in one pass, about 1 GB/s on two cores, 12 MB of memory.

    Hashing runs in a thread of its own (it lets go of the interpreter's lock); everything else
    is a search for one byte, which `bytes` does at memory speed. Without `digest` the fingerprint stays
    empty, where it is known already.
    """
    hashing = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    size = newlines = 0
    nul = quotes = returns = lone = long_lines = False
    utf8 = all_ascii = True
    last = tail = b""
    with path.open("rb", buffering=0) as file, ThreadPoolExecutor(1) as hasher:
        hashed: Future[None] | None = None
        while chunk := file.read(CHUNK):
            if hashed:
                hashed.result()
            hashed = hasher.submit(hashing.update, chunk) if digest else None
            size += len(chunk)
            counts = [chunk.count(b"\n", at, at + SEGMENT) for at in range(0, len(chunk), SEGMENT)]
            newlines += sum(counts)
            long_lines = long_lines or 0 in counts[: len(chunk) // SEGMENT]
            nul = nul or b"\0" in chunk
            quotes = quotes or b'"' in chunk
            if b"\r" in chunk:
                returns = True
                lone = lone or _LONE_RETURN.search(chunk) is not None
            lone = lone or (last.endswith(b"\r") and not chunk.startswith(b"\n"))
            if utf8 and not (all_ascii and chunk.isascii()):
                all_ascii = False
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    utf8 = False
            tail = (last + chunk)[-TAIL:] if len(chunk) < TAIL else chunk[-TAIL:]
            last = tail
        if hashed:
            hashed.result()
    if utf8 and not all_ascii:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            utf8 = False
    ended = tail.endswith(b"\n")
    return Scan(
        sha256=hashing.hexdigest() if digest else "",
        size=size,
        newlines=newlines,
        ends_with_newline=ended,
        trailing_blank=_trailing_blank(tail, size <= len(tail)),
        long_lines=long_lines,
        nul=nul,
        quotes=quotes,
        carriage_returns=returns,
        lone_returns=lone or tail.endswith(b"\r"),
        utf8=utf8,
        ascii=all_ascii,
    )


def fingerprint(path: Path) -> str:
    """SHA-256 of the file's content, in hex: by this a file is known, whatever its name."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _trailing_blank(tail: bytes, whole: bool) -> int:
    """Blank lines at the end of the tail (all that a 64 KB tail shows of them)."""
    lines = tail.split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()
    if not whole:
        lines = lines[1:]
    count = 0
    while lines and not lines[-1].strip(b" \t\r"):
        lines.pop()
        count += 1
    return count
