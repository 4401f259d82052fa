"""Files in a folder: each loads once, known by its content; a corrected file replaces its earlier rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from vestry.ingest.connector import Context, Part
from vestry.ingest.fingerprints import number
from vestry.project import DataError, VestryError
from vestry.project.models import FileTable
from vestry.project.project import expand

#: Raised when the same bytes would be read to other rows than before: then files are read again.
_READER = 1


@dataclass(frozen=True)
class Waiting:
    """A file that is to be loaded; `state` stands for its content and how it is read."""

    path: Path
    origin: str
    state: int


class FilesConnector:
    """CSV, TSV, JSON, NDJSON, XLSX and Parquet files by globs."""

    def news(self, context: Context) -> str | None:
        count = len(_waiting(context))
        if not count:
            return None
        return f"{count} file{'s' if count > 1 else ''} to load"

    def parts(self, context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
        for place, file in enumerate(_waiting(context)):
            yield _part(context, con, file, workdir / str(place), patient=False)


def _part(context: Context, con: duckdb.DuckDBPyConnection, file: Waiting, workdir: Path, *, patient: bool) -> Part:
    from vestry.ingest.files import FileOptions, read_file

    spec: FileTable = context.spec
    workdir.mkdir(exist_ok=True)
    options = FileOptions(
        format=spec.format,
        encoding=spec.encoding,
        delimiter=spec.delimiter,
        sheet=spec.sheet,
        header_row=spec.header_row,
        header_rows=spec.header_rows,
        columns=spec.columns,
        rows=spec.rows,
    )
    try:
        facts = context.fingerprints.scans.get(file.path)
        rows = read_file(file.path, options, con, workdir, patient=patient, facts=facts)
    except VestryError as error:
        raise DataError(error.what, error.where or file.origin, error.mend) from error
    return Part(
        origin=file.origin,
        select=rows.select,
        rows=rows.rows,
        rejected=rows.rejected,
        marks={_name(file.origin): file.state, _content(file.state): 1},
        record={"skipped": dict(rows.skipped), "notes": list(rows.notes), "missing": list(rows.missing)},
        again=None if patient else lambda: _part(context, con, file, workdir, patient=True),
    )


def _waiting(context: Context) -> list[Waiting]:
    """The files that are new or corrected; of several with the same content, the first by name."""
    spec: FileTable = context.spec
    where = context.where
    base = (context.project.root / expand(context.settings.path, where)).resolve()
    if not base.is_dir():
        raise DataError(f"the folder {base} is not there", where, "check `path`, or that the disk is mounted")
    paths = sorted({p for glob in spec.files for p in base.glob(glob) if p.is_file() and not _is_aside(p)})
    found: list[Waiting] = []
    seen: set[int] = set()
    for path in paths:
        origin = path.relative_to(base).as_posix()
        state = number(_READER, context.fingerprints.of(path), spec.model_dump(exclude={"files", "description"}))
        known = context.mark(_name(origin))
        if known == state or state in seen:
            continue
        if known is None and context.mark(_content(state)):
            continue
        seen.add(state)
        found.append(Waiting(path, origin, state))
    return found


def _is_aside(path: Path) -> bool:
    """Files that programs leave beside their own: hidden ones, and Office's locks."""
    return path.name.startswith((".", "~$"))


def _name(origin: str) -> str:
    return f"vestry.file:{origin}"


def _content(state: int) -> str:
    return f"vestry.content:{state}"
