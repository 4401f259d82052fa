"""The lines of a UTF-8 file in blocks, in bounded memory, numbered from 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vestry.ingest.files.model import RAW_LIMIT

BLOCK = 1 << 20
#: A line of more bytes than this is not read as data.
LONGEST = 1 << 22


@dataclass(frozen=True)
class Block:
    """Consecutive whole lines. They keep a CR before the line break, not the break itself."""

    first: int
    lines: list[str]
    text: str


@dataclass(frozen=True)
class TooLong:
    """A line beyond LONGEST: its beginning, and how long it is."""

    line: int
    start: str
    size: int

    @property
    def reason(self) -> str:
        return f"a line of {self.size:,} bytes, more than a row can have"


def read_blocks(path: Path, block: int = BLOCK, longest: int = LONGEST) -> Iterator[Block | TooLong]:
    """All lines of the file in order. Memory: about `longest` plus some blocks, whatever the file."""
    number = 1
    carry = bytearray()
    dropped = 0  # bytes of the current line beyond what is kept, once it is too long
    long_start: bytes | None = None
    with path.open("rb") as file:
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        while chunk := file.read(block):
            if long_start is not None:
                end = chunk.find(b"\n")
                if end < 0:
                    dropped += len(chunk)
                    continue
                yield _too_long(number, long_start, dropped + end)
                number, long_start = number + 1, None
                chunk = chunk[end + 1 :]
            cut = chunk.rfind(b"\n")
            if cut < 0:
                carry += chunk
            else:
                carry += chunk[:cut]
                if len(carry) > longest:
                    for piece in _apart(bytes(carry), number, longest):
                        yield piece
                        number += len(piece.lines) if isinstance(piece, Block) else 1
                else:
                    made = _block(bytes(carry), number)
                    number += len(made.lines)
                    yield made
                carry = bytearray(chunk[cut + 1 :])
            if len(carry) > longest:
                long_start, dropped = bytes(carry[: RAW_LIMIT * 4]), len(carry)
                carry = bytearray()
    if long_start is not None:
        yield _too_long(number, long_start, dropped)
    elif carry:
        yield _block(bytes(carry), number)


def _apart(data: bytes, number: int, longest: int) -> Iterator[Block | TooLong]:
    """Whole lines of which the first may be too long (the others fit in one read)."""
    first, found, rest = data.partition(b"\n")
    if len(first) <= longest:
        yield _block(data, number)
        return
    yield _too_long(number, first[: RAW_LIMIT * 4], len(first))
    if found:
        yield _block(rest, number + 1)


def _block(data: bytes, number: int) -> Block:
    text = data.decode("utf-8", "replace")
    return Block(number, text.split("\n"), text)


def _too_long(number: int, start: bytes, size: int) -> TooLong:
    return TooLong(number, start.decode("utf-8", "replace")[:RAW_LIMIT], size)
