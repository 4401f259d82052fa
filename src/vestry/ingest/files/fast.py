"""The fast way through a delimited text: a reader in C++, told everything, held to a count.

Where each quote plainly opens or closes a field that is Arrow's: it reads blocks in order, so that a row's
line is known without a window over the file, which would keep DuckDB to one core; DuckDB does the rest on all
of them. Where quotes stand inside fields it is DuckDB's strict reader: Arrow takes text after a closing quote
for part of the field, and so would hide a quote that was not doubled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from vestry.ingest.files.grid import filled, not_a_row
from vestry.ingest.files.layout import Layout
from vestry.ingest.files.model import BLANK, FileRows, no_rejects, plain_path
from vestry.ingest.files.quoting import plainly_quoted
from vestry.ingest.files.records import Splitter, as_records
from vestry.ingest.files.scan import Scan
from vestry.project.names import literal, quote

if TYPE_CHECKING:
    import duckdb

TAIL = 1 << 15
#: Bytes parsed at a time: large enough to be quick, small enough that memory stays flat.
BLOCK = 1 << 22

#: Nothing is left to DuckDB's guessing; what is not exactly so is an error, and the patient way's work.
READ_CSV = """\
read_csv({path}, delim = {delimiter}, quote = '"', escape = '"', header = false, skip = {skip},
  columns = {{{columns}}}, auto_detect = false, strict_mode = true, null_padding = false,
  ignore_errors = false, nullstr = '', comment = '', compression = 'none', parallel = true)"""


@dataclass(frozen=True)
class CsvStream:
    """A clean file, plainly quoted or not at all, as a stream of Arrow batches: columns c0, c1, … of text, and `_row`.

    DuckDB scans it as often as it likes: each scan reads the file anew.
    """

    path: Path
    layout: Layout
    quoted: bool

    @property
    def names(self) -> list[str]:
        return [f"c{place}" for place in range(self.layout.width)]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([*((name, pa.string()) for name in self.names), ("_row", pa.int64())])

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        reader = pa.RecordBatchReader.from_batches(self.schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        # Nothing is left to guessing; what is not exactly so is an error, and the patient way's work.
        read = csv.ReadOptions(block_size=BLOCK, column_names=self.names, skip_rows=self.layout.header_end)
        parse = csv.ParseOptions(
            delimiter=self.layout.delimiter, quote_char='"' if self.quoted else False, ignore_empty_lines=False
        )
        convert = csv.ConvertOptions(
            column_types=dict.fromkeys(self.names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            check_utf8=False,  # the scan has done so
        )
        line = self.layout.header_end + 1
        places = pa.array(range(0), pa.int64())
        with csv.open_csv(self.path, read, parse, convert) as reader:
            for batch in reader:
                if len(places) < batch.num_rows:
                    places = pa.array(range(batch.num_rows), pa.int64())
                rows = pc.add(places.slice(0, batch.num_rows), line)
                line += batch.num_rows
                yield pa.RecordBatch.from_arrays([*batch.columns, rows], schema=self.schema)


def read_fast(
    path: Path, facts: Scan, layout: Layout, con: duckdb.DuckDBPyConnection, workdir: Path
) -> FileRows | None:
    """The rows by a reader in C++, or None where the file is plainly not clean.

    What the beginning, the end and the scan do not show makes the count differ, and then the file
    is read patiently: the select leaves out rows that are blank, repeat the header or hold data
    where there is no column, and a quoted line break makes fewer rows than lines.
    """
    if not layout.clean or layout.header_end == 0 or not facts.utf8:
        return None
    if facts.nul or facts.long_lines or facts.lone_returns:
        return None
    if not _ends_cleanly(path, layout):
        return None
    if not facts.quotes or plainly_quoted(path, layout.delimiter):
        source = _with_arrow(path, layout, con, facts.quotes)
        conditions = _conditions(layout, facts.quotes)
    else:
        source, conditions = _with_duckdb(path, layout, workdir), _conditions(layout, False)
    columns = layout.columns
    rows = max(0, facts.content_lines - layout.header_end)
    trailing = facts.trailing_blank if rows or facts.content_lines >= layout.header_end else 0
    return FileRows(
        select=_select(source, layout, conditions),
        columns=columns.names,
        headers=columns.headers,
        rows=rows,
        rejected=no_rejects(),
        skipped={**layout.skipped, "blank": layout.skipped["blank"] + trailing},
        notes=layout.notes,
        missing=columns.missing,
    )


def _with_arrow(path: Path, layout: Layout, con: duckdb.DuckDBPyConnection, quoted: bool) -> str:
    stream = f"csv_{abs(hash(path)):x}"
    con.register(stream, CsvStream(path, layout, quoted))
    return stream


def _with_duckdb(path: Path, layout: Layout, workdir: Path) -> str:
    read = READ_CSV.format(
        path=literal(str(plain_path(path, workdir))),
        delimiter=literal(layout.delimiter),
        skip=layout.header_end,
        columns=", ".join(f"c{place}: 'VARCHAR'" for place in range(layout.width)),
    )
    return f"(SELECT *, row_number() OVER () + {layout.header_end} AS _row FROM {read})"


def _select(source: str, layout: Layout, conditions: list[str]) -> str:
    names = dict(layout.columns.present)
    columns = [
        f"c{names[name]} AS {quote(name)}" if name in names else f"NULL::VARCHAR AS {quote(name)}"
        for name in layout.columns.names
    ]
    return f"SELECT {', '.join([*columns, '_row'])} FROM {source} WHERE {' AND '.join(conditions)}"


def _conditions(layout: Layout, quoted: bool) -> list[str]:
    """What every row of a clean file fulfils; for most, a comparison of its first column's first byte tells.

    In one that is plainly quoted a quote in a cell is one that had no fellow.
    """
    blank = f"'{BLANK}'"
    first = f"c{layout.kept[0]}"
    filled = [f"{first} >= '!' AND {first} < chr(127)", *(f"trim(c{place}, {blank}) <> ''" for place in layout.kept)]
    conditions = [f"({' OR '.join(filled)})"]
    conditions += [f"coalesce(trim(c{place}, {blank}), '') = ''" for place in layout.dropped]
    if quoted:
        conditions += [f"NOT coalesce(contains(c{place}, '\"'), false)" for place in range(layout.width)]
    header = layout.header_rows[0]
    heads = [place for place in layout.kept if place < len(header) and header[place].strip(BLANK)][:2]
    differs = [
        f"trim(lower(coalesce(c{place}, '')), {blank}) <> {literal(header[place].strip(BLANK).lower())}"
        for place in heads
    ]
    if not differs:
        return conditions
    return [*conditions, f"({' OR '.join([*_begins_otherwise(heads[0], header[heads[0]].strip(BLANK)), *differs])})"]


def _begins_otherwise(place: int, head: str) -> list[str]:
    """Conditions that hold where a cell cannot be this header, because it begins with another ASCII character."""
    if not head[0].isascii() or not head[0].isalpha():
        return []
    small, capital = head[0].lower(), head[0].upper()
    ranges = [("!", capital), (chr(ord(capital) + 1), small), (chr(ord(small) + 1), "\x7f")]
    return [f"c{place} >= {literal(low)} AND c{place} < {literal(high)}" for low, high in ranges]


def _ends_cleanly(path: Path, layout: Layout) -> bool:
    """Whether the last lines are full rows, and the very last no total."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - TAIL)
        file.seek(start)
        lines = file.read().decode("utf-8", "replace").split("\n")
    lines = lines[1:] if start else lines[layout.header_end :]
    while lines and not lines[-1].strip(BLANK + "\r"):
        lines.pop()
    splitter = Splitter(layout.delimiter)
    records = as_records(splitter.split(1, lines, "\n".join(lines))) + splitter.finish()
    if any(r.problem or len(r.fields) != layout.width or not filled(r.fields) for r in records):
        return False
    return not records or not_a_row(records[-1].fields, layout.shape, after_gap=False) is None
