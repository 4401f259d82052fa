"""What a file is asked for, and what comes back: the words every reader here shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import pyarrow as pa

from vestry.project.errors import DataError

Format = Literal["csv", "tsv", "json", "ndjson", "xlsx", "parquet", "fixed", "xml", "geojson", "gpkg", "shapefile"]

#: Raw text of a rejected row is kept up to this many characters.
RAW_LIMIT = 1_000_000
#: What a cell may hold and still be blank.
BLANK = " \t\u00a0"

REJECTED_SCHEMA = pa.schema([("line", pa.int64()), ("raw", pa.string()), ("reason", pa.string())])


class UnreadableFile(DataError):
    """The file as a whole cannot be read; no row of it was taken."""


class EmptyFile(UnreadableFile):
    """There is nothing in the file, not even a header."""


@dataclass(frozen=True)
class FileOptions:
    """How to read a source's files. Everything is optional: what is None is found."""

    format: Format | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | int | Sequence[str | int] | None = None
    """Name of the sheet, or its place in the workbook, from 1; several, or a pattern, for `pieces`. Of a
    GeoPackage the layer."""
    header_row: int | None = None
    """The line or row of the header, from 1."""
    header_rows: int | None = None
    """2 for a header of two rows (groups above, names below)."""
    columns: Mapping[str, Sequence[str]] = field(default_factory=lambda: MappingProxyType({}))
    """Canonical name -> every header it has had. Case, spaces and punctuation do not matter."""
    rows: str | None = None
    """JSON: the dotted path to the list of records. XML: the path to the element that is a record, with `/`."""
    members: Sequence[str] = ()
    """Of an archive: patterns of the files in it that are meant."""
    fields: Mapping[str, tuple[int, int]] = field(default_factory=lambda: MappingProxyType({}))
    """Fixed width: name -> (place of the first character from 1, how many characters)."""
    lines: str | None = None
    """Fixed width: a pattern of the lines that are records of this table, such as `^1`."""
    crs: str | None = None
    """Of geometries: the reference system where the file does not say it, such as EPSG:27700."""


@dataclass(frozen=True)
class FileRows:
    """The rows of one file, ready for DuckDB, and an account of every line that is not among them.

    Always: lines with data = `rows` + number of `rejected`. A record that runs over several lines
    (a line break inside quotes) counts once, at its first line.
    """

    select: str
    """SQL giving `columns` and then `_row` (BIGINT, from 1): the line of a text file, the row of
    a sheet, the number of a JSON or Parquet record. Text formats give VARCHAR as received, with
    nothing trimmed and the empty string as NULL; Parquet gives its own types."""
    columns: tuple[str, ...]
    headers: tuple[str, ...]
    """`columns` as they stood in the file; "" where the file has no header for it."""
    rows: int
    """How many rows `select` must give. If it gives another number, or DuckDB refuses, read the
    file again with `patient=True`."""
    rejected: pa.Table
    """`line` BIGINT, `raw` VARCHAR (cut at 1 MB), `reason` VARCHAR."""
    skipped: Mapping[str, int]
    """Lines that are no data: preamble, header, repeated_header, blank; of fixed width, other (records)."""
    notes: tuple[str, ...]
    """In plain words, what was found."""
    missing: tuple[str, ...] = ()
    """Canonical columns the file has no header for; `select` gives NULL for them."""
    patient: bool = False
    """Whether the patient way was used: there is nothing more to try then."""


def no_rejects() -> pa.Table:
    return REJECTED_SCHEMA.empty_table()


def is_blank(cell: str) -> bool:
    return not cell.strip(BLANK)


def plain_path(path: Path, workdir: Path) -> Path:
    """A path to the same file that DuckDB does not take for a glob pattern."""
    if not any(c in str(path) for c in "*?[{"):
        return path
    link = workdir / f"file-{abs(hash(str(path))):x}{path.suffix}"
    if not link.exists():
        link.symlink_to(path.resolve())
    return link
