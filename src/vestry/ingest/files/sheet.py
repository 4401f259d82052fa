"""A grid of cells that is in memory (a sheet, a web page's table) as the rows of a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vestry.ingest.files.grid import (
    Header,
    Merged,
    Row,
    extent,
    filled,
    find_header,
    header_at,
    looks_like_header,
    not_a_row,
    same_cells,
    shape_of,
)
from vestry.ingest.files.model import FileOptions, FileRows, UnreadableFile, is_blank
from vestry.ingest.files.names import name_columns
from vestry.ingest.files.spool import Rejects, Spool

_BATCH = 50_000


def read_grid(
    path: Path,
    grid: Sequence[Row],
    options: FileOptions,
    workdir: Path,
    merged: Sequence[Merged] = (),
    notes: Sequence[str] = (),
) -> FileRows:
    """The rows of the table in a grid; `_row` and a reject's line are the row of the sheet, from 1.

    A column is a named one, or an unnamed one with data. Where a gap and another header follow, another table
    begins: its rows are rejected, so that nothing is mixed and nothing is lost unsaid.
    """
    numbers = [n for n, row in enumerate(grid) if filled(row)]
    rows = [grid[n] for n in numbers]
    header = _header(path, rows, numbers, options, merged)
    heads = rows[header.first : header.last + 1] if header.exists else []
    end = _end_of_table(rows, numbers, header)
    body = list(zip(numbers[header.last + 1 : end], rows[header.last + 1 : end], strict=True))
    rejects = Rejects(workdir)
    for n, row in zip(numbers[end:], rows[end:], strict=True):
        rejects.add(n + 1, _raw(row), f"belongs to another table, which begins on row {numbers[end] + 1}")
    shape = shape_of([row for _, row in body])
    while body:
        number, row = body[-1]
        before = body[-2][0] if len(body) > 1 else number - 1
        reason = not_a_row(row, shape, after_gap=number > before + 1)
        if reason is None:
            break
        rejects.add(number + 1, _raw(row), reason)
        body.pop()
    data = [(n, row) for n, row in body if not any(same_cells(row, head) for head in heads)]
    width = max([len(header.cells), *(extent(row) for _, row in data)], default=0)
    cells = (*header.cells, *([""] * (width - len(header.cells))))
    used = {place for _, row in data for place in range(len(row)) if not is_blank(row[place])}
    kept = [place for place in range(width) if not is_blank(cells[place]) or place in used]
    columns = name_columns(cells, kept, options.columns)
    spool = Spool(workdir, [name for name, _ in columns.present])
    for start in range(0, len(data), _BATCH):
        part = data[start : start + _BATCH]
        spool.append(
            [n + 1 for n, _ in part],
            [[row[place] if place < len(row) else "" for _, row in part] for place in kept],
        )
    order = {name: number for number, (name, _) in enumerate(columns.present)}
    found = [*notes, *_notes(header, numbers, end < len(rows), columns.missing)]
    return FileRows(
        select=spool.select(columns.names, [order.get(name) for name in columns.names]),
        columns=columns.names,
        headers=columns.headers,
        rows=spool.rows,
        rejected=rejects.table(),
        skipped={
            "preamble": header.first if header.exists else 0,
            "header": len(heads),
            "repeated_header": len(body) - len(data),
            "blank": len(grid) - len(rows),
        },
        notes=tuple(found),
        missing=columns.missing,
        patient=True,
    )


def _header(
    path: Path, rows: Sequence[Row], numbers: Sequence[int], options: FileOptions, merged: Sequence[Merged]
) -> Header:
    place = {number: at for at, number in enumerate(numbers)}
    # The grid's rows without the blank ones are numbered anew, and so the merged cells.
    moved = [(place[t], left, place.get(b, place[t]), right) for t, left, b, right in merged if t in place]
    if options.header_row is None:
        head = find_header(rows[:500], options.columns, options.header_rows, moved)
        if head.exists:
            return head
        return Header(0, -1, tuple("" for _ in range(max((extent(row) for row in rows), default=0))))
    if options.header_row - 1 not in place:
        raise UnreadableFile(
            f"row {options.header_row} is no header: it is blank or not there",
            str(path),
            "set header_row to the row that names the columns, or leave it out",
        )
    return header_at(rows, place[options.header_row - 1], options.header_rows or 1, moved)


def _end_of_table(rows: Sequence[Row], numbers: Sequence[int], header: Header) -> int:
    """The place of the first row of another table: after a gap, a header that is not ours."""
    heads = [rows[n] for n in range(header.first, header.last + 1)]
    for at in range(header.last + 2, len(rows)):
        if numbers[at] == numbers[at - 1] + 1 or any(same_cells(rows[at], head) for head in heads):
            continue
        if looks_like_header(rows, at) and filled(rows[at]) >= 2:
            return at
        title = filled(rows[at]) == 1 and at + 1 < len(rows) and filled(rows[at + 1]) >= 2
        if title and looks_like_header(rows, at + 1) and not any(same_cells(rows[at + 1], h) for h in heads):
            return at
    return len(rows)


def _notes(header: Header, numbers: Sequence[int], more: bool, missing: tuple[str, ...]) -> list[str]:
    notes = []
    if not header.exists:
        notes.append("no header row found: columns go by number")
    elif header.last > header.first:
        span = " and ".join(str(numbers[n] + 1) for n in range(header.first, header.last + 1))
        notes.append(f"header on rows {span}")
    elif numbers[header.last] > 0:
        notes.append(f"header on row {numbers[header.last] + 1}")
    if more:
        notes.append("the sheet holds another table below, which was not read")
    if missing:
        notes.append("no header for " + ", ".join(missing))
    return notes


def _raw(row: Row) -> str:
    return "\t".join(row).rstrip("\t")
