"""The layout of a delimited text, found from its beginning: header, columns kept, shape of a row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from vestry.ingest.files.dialect import find_delimiter, is_sep_line
from vestry.ingest.files.grid import Shape, extent, filled, find_header, header_at, same_cells, shape_of
from vestry.ingest.files.lines import TooLong, read_blocks
from vestry.ingest.files.model import FileOptions, UnreadableFile, is_blank
from vestry.ingest.files.names import Columns, name_columns
from vestry.ingest.files.records import Record, Splitter, as_records

SAMPLE = 1 << 18
#: Share of the sample's rows that must fill a column at the end without a header before it is one.
NAMELESS = 0.1
#: Rows that must be short, in number and in share, before short rows are taken for a habit of the writer.
SHORT_ROWS, SHORT_SHARE = 5, 0.05


@dataclass(frozen=True)
class Layout:
    """All that must be known to read the rows below the header."""

    delimiter: str
    header_end: int
    """The last line of the header; 0 where there is none."""
    header_rows: tuple[tuple[str, ...], ...]
    width: int
    """Fields of the header, those without a name included."""
    required: int
    """Fields up to the last kept column that has a name: what a row must have."""
    columns: Columns
    shape: Shape
    pads: bool
    """Whether the writer leaves out empty cells at the end of a row."""
    clean: bool
    """Whether the sample holds nothing but full rows of one line each."""
    skipped: dict[str, int]
    notes: tuple[str, ...]

    @property
    def kept(self) -> tuple[int, ...]:
        return tuple(place for _, place in self.columns.present)

    @property
    def dropped(self) -> tuple[int, ...]:
        """Places of the header that are no column: no name, and nothing below it in the sample."""
        return tuple(sorted(set(range(self.width)) - set(self.kept)))


def find_layout(path: Path, options: FileOptions) -> Layout:
    """The layout of a UTF-8 text. Raises UnreadableFile where there is no table in it."""
    lines, overlong = _sample(path)
    delimiter = find_delimiter([line.removesuffix("\r") for _, line in lines], path, options)
    records = _records(lines, delimiter)
    rows = [record for record in records if record.problem is None and filled(record.fields)]
    before_sep = [r for r in rows if not (r.line == 1 and is_sep_line(r.raw))]
    if not before_sep:
        if overlong:
            raise UnreadableFile(
                f"one line of {overlong[0].size:,} bytes and no table",
                str(path),
                "ask for it again as CSV with one row on each line",
            )
        raise UnreadableFile("no line with data in it", str(path), "ask for it again: not even a header is in it")
    return _layout(path, options, delimiter, records, before_sep)


def _layout(path: Path, options: FileOptions, delimiter: str, records: list[Record], rows: list[Record]) -> Layout:
    grid = [tuple(record.fields) for record in rows]
    if options.header_row is not None:
        at = next((n for n, record in enumerate(rows) if record.line == options.header_row), None)
        if at is None:
            raise UnreadableFile(
                f"line {options.header_row} is no header: it is blank, not there, or too far down",
                str(path),
                "set header_row to the line that names the columns, or leave it out",
            )
        header = header_at(grid, at, options.header_rows or 1)
    else:
        header = find_header(grid, options.columns, options.header_rows)
    data = grid[header.last + 1 :]
    body = [row for row in data if not any(same_cells(row, g) for g in grid[header.first : header.last + 1])]
    if header.exists:
        width = max(len(grid[n]) for n in range(header.first, header.last + 1))
        cells = tuple(header.cells[:width]) + ("",) * (width - len(header.cells))
    else:
        width = Counter(len(row) for row in body).most_common(1)[0][0]
        cells = ("",) * width
    kept = _kept(cells, body, header.exists)
    columns = name_columns(cells, kept, options.columns)
    required = _required(cells, kept, header.exists)
    short = [row for row in body if len(row) < required]
    pads = len(short) >= SHORT_ROWS and len(short) >= SHORT_SHARE * len(body)
    header_lines = rows[header.first : header.last + 1]
    end = header_lines[-1].line + header_lines[-1].raw.count("\n") if header_lines else 0
    above = [r for r in records if r.line <= end]
    blank = sum(1 for r in above if r.problem is None and not filled(r.fields))
    below = [record for record in records if record.line > end]
    return Layout(
        delimiter=delimiter,
        header_end=end,
        header_rows=tuple(tuple(record.fields) for record in header_lines),
        width=width,
        required=required,
        columns=columns,
        shape=shape_of(body),
        pads=pads,
        clean=not short and len(header_lines) == 1 and _is_clean(below, header_lines, required, width),
        skipped={
            "preamble": len(above) - blank - len(header_lines),
            "header": len(header_lines),
            "repeated_header": 0,
            "blank": blank,
        },
        notes=tuple(_notes(delimiter, header_lines, width, columns, pads)),
    )


def _kept(cells: tuple[str, ...], body: list[tuple[str, ...]], named: bool) -> list[int]:
    """Places that are columns: with a name, or with data in the sample (at the end: in a tenth of it)."""
    if not named:
        return list(range(len(cells)))
    last = extent(cells)
    kept = []
    for place, cell in enumerate(cells):
        if not is_blank(cell):
            kept.append(place)
            continue
        count = sum(1 for row in body if place < len(row) and not is_blank(row[place]))
        if count and (place < last or count >= NAMELESS * len(body)):
            kept.append(place)
    return kept


def _required(cells: tuple[str, ...], kept: list[int], named: bool) -> int:
    return extent(cells) if named else len(kept)


def _is_clean(below: list[Record], header: list[Record], required: int, width: int) -> bool:
    while below and below[-1].problem is None and not filled(below[-1].fields):
        below = below[:-1]  # blank lines at the end are counted by the scan
    for record in below:
        fields = record.fields
        if record.problem or "\n" in record.raw or len(fields) != width:
            return False
        if not filled(fields) or same_cells(fields, header[0].fields):
            return False
    return not (header and "\n" in header[0].raw)


def _notes(delimiter: str, header: list[Record], width: int, columns: Columns, pads: bool) -> list[str]:
    notes = []
    if delimiter != ",":
        notes.append("fields parted by " + {"\t": "tab", " ": "space"}.get(delimiter, delimiter))
    if not header:
        notes.append("no header line found: columns go by number")
    elif header[-1].line > 1 or len(header) > 1:
        numbers = " and ".join(str(record.line) for record in header)
        notes.append(f"header on line{'s' if len(header) > 1 else ''} {numbers}")
    if empty := width - len(columns.present):
        notes.append(f"{empty} empty column{'s' if empty > 1 else ''} without a header left out")
    if columns.missing:
        notes.append("no header for " + ", ".join(columns.missing))
    if pads:
        notes.append("rows leave out empty cells at their end: filled up")
    return notes


def _sample(path: Path) -> tuple[list[tuple[int, str]], list[TooLong]]:
    """The first lines with their numbers, without those that are too long."""
    lines: list[tuple[int, str]] = []
    overlong: list[TooLong] = []
    size = 0
    for part in read_blocks(path, block=SAMPLE):
        if isinstance(part, TooLong):
            overlong.append(part)
            if len(overlong) > 3:
                break
            continue
        lines.extend(enumerate(part.lines, part.first))
        size += len(part.text)
        if size >= SAMPLE // 2:
            break
    return lines, overlong


def _records(lines: list[tuple[int, str]], delimiter: str) -> list[Record]:
    """The sample's records; one still open at its end is left out unless nothing else is there."""
    splitter = Splitter(delimiter)
    records: list[Record] = []
    at = 0
    while at < len(lines):
        end = at + 1
        while end < len(lines) and lines[end][0] == lines[end - 1][0] + 1:
            end += 1
        texts = [line for _, line in lines[at:end]]
        records += as_records(splitter.split(lines[at][0], texts, "\n".join(texts)))
        at = end
    return records + splitter.finish()
