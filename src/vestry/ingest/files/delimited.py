"""Delimited text of any encoding: the fast way where the file is clean, the patient way where not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.ingest.files.encoding import as_utf8
from vestry.ingest.files.fast import read_fast
from vestry.ingest.files.layout import find_layout
from vestry.ingest.files.model import FileOptions, FileRows, UnreadableFile
from vestry.ingest.files.patient import read_patiently
from vestry.ingest.files.scan import Scan

if TYPE_CHECKING:
    import duckdb


def read_delimited(
    path: Path,
    options: FileOptions,
    con: duckdb.DuckDBPyConnection,
    workdir: Path,
    facts: Scan,
    patient: bool,
) -> FileRows:
    """The rows of a CSV, TSV or the like."""
    text = as_utf8(path, facts, options.encoding, workdir)
    try:
        layout = find_layout(text.path, options)
    except UnreadableFile as error:
        raise type(error)(error.what, str(path), error.mend) from None
    rows = None if patient else read_fast(text.path, text.scan, layout, con, workdir)
    if rows is None:
        rows = read_patiently(text.path, layout, workdir)
    return replace(rows, notes=(*text.notes, *rows.notes))
