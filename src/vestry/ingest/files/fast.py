"""The fast way through a delimited text: DuckDB's own reader, told everything, held to a count."""

from __future__ import annotations

from pathlib import Path

from vestry.ingest.files.grid import filled, not_a_row
from vestry.ingest.files.layout import Layout
from vestry.ingest.files.model import BLANK, FileRows, no_rejects, plain_path
from vestry.ingest.files.records import Splitter, as_records
from vestry.ingest.files.scan import Scan
from vestry.project.names import literal, quote

TAIL = 1 << 15

#: Nothing is left to DuckDB's guessing; what is not exactly so is an error, and the patient way's work.
READ_CSV = """\
read_csv({path}, delim = {delimiter}, quote = '"', escape = '"', header = false, skip = {skip},
  columns = {{{columns}}}, auto_detect = false, strict_mode = true, null_padding = false,
  ignore_errors = false, nullstr = '', comment = '', compression = 'none', parallel = true)"""


def read_fast(path: Path, facts: Scan, layout: Layout, workdir: Path) -> FileRows | None:
    """The rows by DuckDB's reader, or None where the file is plainly not clean.

    What the beginning, the end and the scan do not show makes the count differ, and then the file
    is read patiently: the select leaves out rows that are blank, repeat the header or hold data
    where there is no column, and a quoted line break makes fewer rows than lines.
    """
    if not layout.clean or not facts.utf8 or facts.nul or layout.header_end == 0:
        return None
    if not _ends_cleanly(path, layout):
        return None
    columns = layout.columns
    rows = max(0, facts.content_lines - layout.header_end)
    trailing = facts.trailing_blank if rows or facts.content_lines >= layout.header_end else 0
    return FileRows(
        select=_select(path, layout, workdir),
        columns=columns.names,
        headers=columns.headers,
        rows=rows,
        rejected=no_rejects(),
        skipped={**layout.skipped, "blank": layout.skipped["blank"] + trailing},
        notes=layout.notes,
        missing=columns.missing,
    )


def _select(path: Path, layout: Layout, workdir: Path) -> str:
    names = dict(layout.columns.present)
    columns = [
        f"c{names[name]} AS {quote(name)}" if name in names else f"NULL::VARCHAR AS {quote(name)}"
        for name in layout.columns.names
    ]
    read = READ_CSV.format(
        path=literal(str(plain_path(path, workdir))),
        delimiter=literal(layout.delimiter),
        skip=layout.header_end,
        columns=", ".join(f"c{place}: 'VARCHAR'" for place in range(layout.width)),
    )
    return (
        f"SELECT {', '.join([*columns, '_row'])} FROM (\n"
        f"SELECT *, row_number() OVER () + {layout.header_end} AS _row FROM {read})\n"
        f"WHERE {' AND '.join(_conditions(layout))}"
    )


def _conditions(layout: Layout) -> list[str]:
    """What every row of a clean file fulfils; in most, by its first column alone."""
    blank = f"'{BLANK}'"
    filled = [f"trim(c{place}, {blank}) <> ''" for place in layout.kept]
    conditions = [f"({' OR '.join(filled)})"]
    conditions += [f"coalesce(trim(c{place}, {blank}), '') = ''" for place in layout.dropped]
    header = layout.header_rows[0]
    heads = [place for place in layout.kept if place < len(header) and header[place].strip(BLANK)][:2]
    differs = [
        f"trim(lower(coalesce(c{place}, '')), {blank}) <> {literal(header[place].strip(BLANK).lower())}"
        for place in heads
    ]
    return [*conditions, f"({' OR '.join(differs)})"] if differs else conditions


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
