"""Tables in web pages: what some systems send out as `.xls`."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from vestry.ingest.files.encoding import as_utf8
from vestry.ingest.files.grid import Merged, filled
from vestry.ingest.files.model import FileOptions, FileRows, UnreadableFile
from vestry.ingest.files.scan import Scan
from vestry.ingest.files.sheet import read_grid


def read_html(path: Path, options: FileOptions, workdir: Path, facts: Scan) -> FileRows:
    """The rows of the biggest table in a page; `_row` counts the rows of that table."""
    text = as_utf8(path, facts, options.encoding, workdir)
    parser = _Tables()
    with text.path.open(encoding="utf-8", errors="replace") as file:
        while part := file.read(1 << 20):
            parser.feed(part)
    parser.close()
    tables = [table for table in parser.tables if any(filled(row) for row in table.rows)]
    if not tables:
        raise UnreadableFile(
            "a web page without a table in it",
            str(path),
            "often that is an error or log-in page saved under the file's name: fetch it again",
        )
    table = max(tables, key=lambda t: sum(filled(row) for row in t.rows))
    notes = [*text.notes, *(["the biggest of several tables in the page"] if len(tables) > 1 else [])]
    return read_grid(path, table.rows, options, workdir, merged=table.merged, notes=notes)


class _Table:
    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self.merged: list[Merged] = []


class _Tables(HTMLParser):
    """Every table of a page as a grid; a cell over several columns leaves the others blank."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[_Table] = []
        self._open: list[_Table] = []
        self._cell: list[str] | None = None
        self._span = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            table = _Table()
            self.tables.append(table)
            self._open.append(table)
        elif tag == "tr" and self._open:
            self._end_cell()
            self._open[-1].rows.append([])
        elif tag in ("td", "th") and self._open:
            self._end_cell()
            if not self._open[-1].rows:
                self._open[-1].rows.append([])
            span = dict(attrs).get("colspan") or "1"
            self._span = min(int(span), 1000) if span.isdigit() else 1
            self._cell = []
        elif tag == "br" and self._cell is not None:
            self._cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr"):
            self._end_cell()
        elif tag == "table" and self._open:
            self._end_cell()
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def _end_cell(self) -> None:
        if self._cell is None or not self._open:
            self._cell = None
            return
        table = self._open[-1]
        row = table.rows[-1]
        if self._span > 1:
            number = len(table.rows) - 1
            table.merged.append((number, len(row), number, len(row) + self._span - 1))
        row += ["".join(self._cell).strip(), *([""] * (self._span - 1))]
        self._cell, self._span = None, 1
