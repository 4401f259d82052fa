"""A drive of files: which of them hold tables of people, which are copies, and which nobody can have meant to keep."""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.ingest.discovery.profile import look_at, prepared
from vestry.ingest.discovery.report import Discovery, Table
from vestry.project import VestryError

if TYPE_CHECKING:
    import duckdb

    from vestry.ingest.files.model import FileRows

#: Files that may hold tables; documents are named and not looked into.
_TEXTS = frozenset((".csv", ".tsv", ".tab", ".txt", ".psv", ".json", ".ndjson", ".jsonl", ".parquet"))
_BOOKS = frozenset((".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"))
_DATABASES = frozenset((".sqlite", ".sqlite3", ".db"))
_DOCUMENTS = frozenset((".doc", ".docx", ".pdf", ".ppt", ".pptx", ".msg", ".eml", ".mdb", ".accdb", ".zip", ".7z"))
_LEFT = re.compile(
    r"\b(copy of|copy|backup|bak|old|temp|tmp|test|draft|archive|do not use|v\d+)\b|\(\d+\)|~", re.IGNORECASE
)
_PLACES = frozenset(
    ("downloads", "desktop", "temp", "tmp", "recycle", "$recycle.bin", "trash", "personal", "my documents")
)
_OLD_YEARS = 3


def files_below(folder: Path, name: str, tell: Callable[[str], None]) -> Discovery:
    """Look at every file below a folder, whatever it is called; `tell` hears the name of each."""
    tables: list[Table] = []
    unread: list[tuple[str, str]] = []
    contents: dict[str, list[str]] = defaultdict(list)
    with prepared() as con, tempfile.TemporaryDirectory(prefix="vestry-") as workdir:
        for place, file in enumerate(_files(folder)):
            shown = file.relative_to(folder).as_posix()
            if file.suffix.lower() in _DOCUMENTS:
                unread.append((shown, "a document or an archive: not looked into"))
                continue
            tell(shown)
            contents[_content(file)].append(shown)
            try:
                work = Path(workdir) / str(place)
                work.mkdir()
                tables += _tables(con, file, shown, name, work)
            except VestryError as error:
                unread.append((shown, error.what))
    copies = {shown: group[0] for group in contents.values() for shown in group[1:]}
    return Discovery([_with_copy(t, copies) for t in tables], unread)


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        known = file.suffix.lower() in _TEXTS | _BOOKS | _DATABASES | _DOCUMENTS
        if known and file.is_file() and not file.is_symlink() and not file.name.startswith((".", "~$")):
            yield file


def _tables(con: duckdb.DuckDBPyConnection, file: Path, shown: str, name: str, work: Path) -> Iterator[Table]:
    import duckdb

    from vestry.ingest.discovery.systems import tables_of
    from vestry.ingest.files import FileOptions, read_file, sheets

    notes = list(_left(file, shown))
    if file.suffix.lower() in _DATABASES:
        for table in tables_of(f"sqlite:////{file.resolve()}", file.parent, name, lambda _: None):
            yield Table(name, f"{shown}/{table.name}", table.rows, table.looked_at, table.columns, table.keys, notes)
        return
    found = [s.name for s in sheets(file) if s.rows] if file.suffix.lower() in _BOOKS else []
    for sheet in found or (None,):
        label = f"{shown}/{sheet}" if len(found) > 1 else shown
        options = FileOptions(sheet=sheet)
        rows = read_file(file, options, con, work)
        try:
            yield look_at(con, name, label, rows.select, (), rows.rows, _said(notes, rows))
        except duckdb.Error:  # the quick way does not do for it
            rows = read_file(file, options, con, work, patient=True)
            yield look_at(con, name, label, rows.select, (), rows.rows, _said(notes, rows))


def _said(notes: Sequence[str], rows: FileRows) -> list[str]:
    lines = rows.rejected.num_rows
    return [*notes, f"{lines} lines are no rows"] if lines else list(notes)


def _left(file: Path, shown: str) -> Iterator[str]:
    """Signs that nobody meant to keep it."""
    years = (time.time() - file.stat().st_mtime) / (365.25 * 86_400)
    if years > _OLD_YEARS:
        yield f"not changed for {years:.0f} years"
    if _LEFT.search(file.stem.replace("_", " ").replace("-", " ")):
        yield "its name is that of a copy or something set aside"
    places = [p for p in Path(shown).parts[:-1] if p.lower() in _PLACES]
    if places:
        yield f"it lies in {places[0]}"


def _content(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()


def _with_copy(table: Table, copies: dict[str, str]) -> Table:
    of = copies.get(table.name) or next((c for shown, c in copies.items() if table.name.startswith(f"{shown}/")), None)
    if of is None:
        return table
    notes = [*table.notes, f"the same file as {of}"]
    return Table(table.system, table.name, table.rows, table.looked_at, table.columns, table.keys, notes)
