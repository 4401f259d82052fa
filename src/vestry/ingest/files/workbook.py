"""Workbooks: which sheet, which table on it, and its cells as text."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from vestry.ingest.files.grid import Merged, extent, filled, find_header
from vestry.ingest.files.model import FileOptions, FileRows, UnreadableFile
from vestry.ingest.files.names import name_columns
from vestry.ingest.files.sheet import read_grid

#: Merged cells matter in the header; a sheet with thousands of them has them below it.
_MERGE_LIMIT = 2_000


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook, as `vestry add` shows it."""

    name: str
    visible: bool
    rows: int
    """Rows that hold anything."""
    columns: int
    header_row: int | None
    """From 1; None where no header was found."""


@dataclass(frozen=True)
class _Cells:
    sheet: Sheet
    grid: list[list[str]]
    merged: list[Merged]


def read_workbook(path: Path, options: FileOptions, workdir: Path) -> FileRows:
    """The rows of one sheet: the one the source names, else the one with the most of a table in it."""
    book = _open(path)
    if isinstance(options.sheet, str | int):
        name = _named(book, options.sheet, path)
        cells = _cells(book, name, options)
    else:
        found = [_cells(book, name, options) for name in _names(book)]
        if not found:
            raise UnreadableFile("no sheet of the workbook holds cells", str(path), "save the table on a worksheet")
        cells = max(found, key=lambda c: (c.sheet.visible, _weight(c, options)))
    if not cells.sheet.rows:
        raise UnreadableFile(
            f"sheet `{cells.sheet.name}` is empty" if options.sheet is not None else "every sheet is empty",
            str(path),
            "ask for it again, or name another sheet",
        )
    note = [f"sheet `{cells.sheet.name}`"] if len(book.sheet_names) > 1 else []
    return read_grid(path, cells.grid, options, workdir, merged=cells.merged, notes=note)


def sheets(path: Path) -> tuple[Sheet, ...]:
    """The worksheets of a workbook, in its order."""
    book = _open(path)
    return tuple(_cells(book, name, FileOptions()).sheet for name in _names(book))


def cell_text(value: Any) -> str:
    """A cell as text: dates in ISO, whole numbers without `.0`, true and false."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)
        case dt.datetime():
            midnight = value.time() == dt.time()
            return value.date().isoformat() if midnight else value.isoformat(sep=" ")
        case dt.timedelta():
            return _duration(value)
        case dt.date() | dt.time():
            return value.isoformat()
    return "" if value is None else str(value)


def _duration(value: dt.timedelta) -> str:
    seconds = int(value.total_seconds())
    sign = "-" if seconds < 0 else ""
    hours, rest = divmod(abs(seconds), 3600)
    return f"{sign}{hours:02}:{rest // 60:02}:{rest % 60:02}"


def _open(path: Path) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(path)
    except PasswordError:
        raise UnreadableFile(
            "the workbook is encrypted with a password",
            str(path),
            "open it, save it without a password, and drop it again",
        ) from None
    except CalamineError:
        raise UnreadableFile(
            "the workbook is damaged or not one",
            str(path),
            "open it in Excel or LibreOffice and save it as XLSX",
        ) from None


def _names(book: CalamineWorkbook) -> list[str]:
    return [sheet.name for sheet in book.sheets_metadata if sheet.typ is SheetTypeEnum.WorkSheet]


def _named(book: CalamineWorkbook, sheet: str | int, path: Path) -> str:
    names = _names(book)
    if isinstance(sheet, int):
        if 1 <= sheet <= len(names):
            return names[sheet - 1]
    else:
        for name in names:
            if name.strip().lower() == sheet.strip().lower():
                return name
    raise UnreadableFile(f"the workbook has no sheet `{sheet}`", str(path), "it has: " + ", ".join(names))


def _cells(book: CalamineWorkbook, name: str, options: FileOptions) -> _Cells:
    sheet = book.get_sheet_by_name(name)
    visible = next(s.visible for s in book.sheets_metadata if s.name == name) is SheetVisibleEnum.Visible
    grid = [[cell_text(value) for value in row] for row in sheet.iter_rows()]
    # iter_rows begins at the first used row; its columns begin at A or at the first used one.
    start = sheet.start or (0, 0)
    width = (sheet.end[1] + 1) if sheet.end else 0
    missing_columns = width - max((len(row) for row in grid), default=0)
    missing_rows = (sheet.end[0] + 1 if sheet.end else 0) - len(grid)
    if missing_columns > 0:
        grid = [[""] * missing_columns + row for row in grid]
    if missing_rows > 0:
        grid = [[""] * width for _ in range(min(missing_rows, start[0]))] + grid
    rows = [row for row in grid if filled(row)]
    numbers = [n for n, row in enumerate(grid, 1) if filled(row)]
    header = find_header(rows[:200], options.columns) if rows else None
    at = numbers[header.last] if header is not None and header.exists else None
    info = Sheet(name, visible, len(rows), max((extent(row) for row in rows), default=0), at)
    return _Cells(info, grid, _merged(sheet))


def _merged(sheet: CalamineSheet) -> list[Merged]:
    ranges = sheet.merged_cell_ranges or []
    return [(top, left, bottom, right) for (top, left), (bottom, right) in ranges[:_MERGE_LIMIT]]


def _weight(cells: _Cells, options: FileOptions) -> tuple[int, int]:
    """How much of a table a sheet holds: names that match, then cells in rows of two and more."""
    rows = [row for row in cells.grid if filled(row)]
    header = find_header(rows[:200], options.columns) if rows else None
    known = 0
    if header is not None and header.exists and options.columns:
        names = name_columns(header.cells, range(len(header.cells)), options.columns)
        known = len(options.columns) - len(names.missing)
    return known, sum(filled(row) for row in rows if filled(row) > 1) + bool(rows)
