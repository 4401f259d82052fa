"""Turns one file into rows that DuckDB can read, and loses nothing on the way.

`read_file` gives a select and an account: lines with data = rows + rejected, always. Clean delimited
text goes by a reader in C++ (`fast`), held to a count of lines that is made independently (`scan`);
all else is read patiently (`patient`), where a line that cannot be a row is kept with its reason.
`grid` knows headers and totals, for text and sheets alike. `inspect_file` and `sheets` tell an analyst
what is in a file.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from vestry.ingest.files.scan import Scan, fingerprint, scan

if TYPE_CHECKING:
    from vestry.ingest.files.inspection import ColumnProfile, FileProfile, inspect_file
    from vestry.ingest.files.model import EmptyFile, FileOptions, FileRows, UnreadableFile
    from vestry.ingest.files.reading import read_file
    from vestry.ingest.files.workbook import Sheet, sheets

__all__ = [
    "ColumnProfile",
    "EmptyFile",
    "FileOptions",
    "FileProfile",
    "FileRows",
    "Scan",
    "Sheet",
    "UnreadableFile",
    "fingerprint",
    "inspect_file",
    "read_file",
    "scan",
    "sheets",
]

#: Where each name lives. A plan asks for a file's fingerprint only, and must not wait for Arrow.
_HOME = {
    "ColumnProfile": "inspection",
    "EmptyFile": "model",
    "FileOptions": "model",
    "FileProfile": "inspection",
    "FileRows": "model",
    "Sheet": "workbook",
    "UnreadableFile": "model",
    "inspect_file": "inspection",
    "read_file": "reading",
    "sheets": "workbook",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(name)
