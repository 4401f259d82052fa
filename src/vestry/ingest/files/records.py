"""Lines into records: quotes, records over several lines, and lines whose quotes do not close.

What is meant by a quote is what DuckDB's strict reader means by it, so that both ways of reading
agree: a quote opens a field only at its start (one space before it does not count), inside it is doubled,
after the closing one only spaces may come before the delimiter. Anywhere else it is a character.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from vestry.ingest.files.grid import extent

#: An open quote is looked for this far.
MOST_LINES = 10_000
MOST_CHARACTERS = 1 << 22

UNBALANCED = "unbalanced quotes"
NUL_BYTE = "a NUL byte in the line"


@dataclass(slots=True)
class Record:
    """One record: its first line, its text, and either its fields or why it has none."""

    line: int
    raw: str
    fields: list[str]
    problem: str | None = None


@dataclass(slots=True)
class Plain:
    """Records of one line each, in columns of lists: the common case, kept lean."""

    first: int
    lines: list[str]
    rows: list[list[str]]


class _Open(Exception):
    """The text ends inside quotes."""


class _Bad(Exception):
    """The quotes cannot be read."""


@dataclass
class Splitter:
    """Splits blocks of lines into records; lines of a record that is still open wait for the next."""

    delimiter: str
    least: int = 0
    """Fields a row must have, where the header is known (0 where not yet): it tells a cell of several
    lines from a lost quote."""
    most: int = 0
    """Fields a row may have; those beyond must be empty."""
    _waiting: list[str] = field(default_factory=list)
    _first: int = 1

    def __post_init__(self) -> None:
        csv.field_size_limit(1 << 27)
        d = re.escape(self.delimiter)
        self._spaced = re.compile(rf'(?:^|{d}) "|" +(?:{d}|\r?$)', re.M)
        self._field = re.compile(rf' ?"([^"]*(?:""[^"]*)*)" *(?={d}|\Z)|(?! ?")[^{d}]*')
        self._opening = re.compile(r' ?"[^"]*(?:""[^"]*)*\Z')

    def split(self, first: int, lines: list[str], text: str) -> Plain | list[Record]:
        """The records of a block that are complete."""
        if self._waiting:
            first, lines = self._first, self._waiting + lines
            self._waiting = []
            return list(self._slow(first, lines, final=False))
        if "\0" not in text:
            rows = self._plain(lines, text)
            if rows is not None:
                return Plain(first, lines, rows)
        return list(self._slow(first, lines, final=False))

    def finish(self) -> list[Record]:
        """The records left when there are no more lines."""
        lines, self._waiting = self._waiting, []
        return list(self._slow(self._first, lines, final=True))

    def _plain(self, lines: list[str], text: str) -> list[list[str]] | None:
        """One record for every line by the csv module at its full speed, or None."""
        try:
            if '"' not in text:
                rows = list(csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE))
            elif self._spaced.search(text) or any(line.count('"') & 1 for line in lines):
                return None
            else:
                rows = list(csv.reader(lines, delimiter=self.delimiter, strict=True))
        except csv.Error:
            return None
        return rows if len(rows) == len(lines) else None

    def _slow(self, first: int, lines: list[str], final: bool) -> Iterator[Record]:
        at = 0
        while at < len(lines):
            line = lines[at]
            if "\0" in line:
                yield Record(first + at, line, [], NUL_BYTE)
                at += 1
                continue
            try:
                yield Record(first + at, line, self._fields(line))
                at += 1
                continue
            except _Bad:
                yield Record(first + at, line, [], UNBALANCED)
                at += 1
                continue
            except _Open:
                end = self._closing(lines, at)
            if end is None and not final and self._may_wait(lines, at):
                self._first, self._waiting = first + at, lines[at:]
                return
            fields = None if end is None else self._joined(lines, at, end)
            if end is None or fields is None:
                yield Record(first + at, line, [], UNBALANCED)
                at += 1
            else:
                yield Record(first + at, "\n".join(lines[at : end + 1]), fields)
                at = end + 1

    def _closing(self, lines: list[str], at: int) -> int | None:
        """The next line with an odd number of quotes: where an open quote can close."""
        characters = 0
        for place in range(at + 1, min(len(lines), at + MOST_LINES)):
            characters += len(lines[place])
            if characters > MOST_CHARACTERS:
                return None
            if lines[place].count('"') & 1:
                return place
        return None

    def _may_wait(self, lines: list[str], at: int) -> bool:
        if len(lines) - at >= MOST_LINES:
            return False
        return sum(map(len, lines[at:])) < MOST_CHARACTERS

    def _joined(self, lines: list[str], at: int, end: int) -> list[str] | None:
        """The fields of a record over several lines, or None where that cannot be what was meant."""
        inner = lines[at + 1 : end]
        if any("\0" in line for line in lines[at : end + 1]):
            return None
        if self.least > 2 and inner and all(self._is_row(line) for line in inner):
            return None  # the lines between are rows of their own: a quote was lost
        try:
            fields = self._fields("\n".join(lines[at : end + 1]))
        except (_Open, _Bad):
            return None
        fits = not self.least or (len(fields) >= self.least and extent(fields) <= self.most)
        return fields if fits else None

    def _is_row(self, line: str) -> bool:
        try:
            return len(self._fields(line)) >= self.least
        except (_Open, _Bad):
            return False

    def _fields(self, text: str) -> list[str]:
        text = text.removesuffix("\r")
        if '"' not in text:
            return text.split(self.delimiter) if text else []
        fields: list[str] = []
        at = 0
        while True:
            found = self._field.match(text, at)
            if found is None:
                raise _Open if self._opening.match(text, at) else _Bad
            quoted = found.group(1)
            fields.append(found.group() if quoted is None else quoted.replace('""', '"'))
            at = found.end()
            if at >= len(text):
                return fields
            at += 1
            if at == len(text):  # the delimiter was the last character: an empty field follows
                return [*fields, ""]


def as_records(parts: Plain | list[Record]) -> list[Record]:
    """Plain rows as records, where each is looked at by itself."""
    if isinstance(parts, list):
        return parts
    return [
        Record(parts.first + n, line, row) for n, (line, row) in enumerate(zip(parts.lines, parts.rows, strict=True))
    ]
