"""Files in a folder: each loads once, known by its content; a corrected file replaces its earlier rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.ingest.connector import Context, Part
from vestry.ingest.fingerprints import number
from vestry.project import DataError, VestryError
from vestry.project.models import FileTable
from vestry.project.project import expand

if TYPE_CHECKING:
    import duckdb

#: Raised when the same bytes would be read to other rows than before: then files are read again.
_READER = 1


@dataclass(frozen=True)
class Waiting:
    """A file that is to be loaded; `state` stands for its content and how it is read.

    `before` is its state when it was last loaded; `is_copy` says that its rows are in the table by
    another name, so that only its earlier ones go.
    """

    path: Path
    origin: str
    state: int
    before: int | None
    is_copy: bool


class FilesConnector:
    """CSV, TSV, JSON, NDJSON, XLSX and Parquet files by globs."""

    def news(self, context: Context) -> str | None:
        count = len(_waiting(context))
        if not count:
            return None
        return f"{count} file{'s' if count > 1 else ''} to load"

    def parts(self, context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
        waiting = _waiting(context)
        # Content that no file holds any more may come again by another name: it is forgotten.
        marks = {_content(w.before): 0 for w in waiting if w.before} | {_content(w.state): 1 for w in waiting}
        for place, file in enumerate(waiting):
            file_marks = {_name(file.origin): 0 if file.is_copy else file.state, **marks}
            if file.is_copy:
                yield Part(origin=file.origin, select="SELECT 0::BIGINT AS _row WHERE false", rows=0, marks=file_marks)
            else:
                yield _part(context, con, file, workdir / str(place), file_marks, patient=False)


def _part(
    context: Context,
    con: duckdb.DuckDBPyConnection,
    file: Waiting,
    workdir: Path,
    marks: Mapping[str, int],
    *,
    patient: bool,
) -> Part:
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
        marks=marks,
        record={"skipped": dict(rows.skipped), "notes": list(rows.notes), "missing": list(rows.missing)},
        again=None if patient else lambda: _part(context, con, file, workdir, marks, patient=True),
    )


def _waiting(context: Context) -> list[Waiting]:
    """The files that are new or corrected; of several with the same content, the first by name."""
    spec: FileTable = context.spec
    where = context.where
    base = (context.project.root / expand(context.settings.path, where, context.project.env)).resolve()
    if not base.is_dir():
        raise DataError(f"the folder {base} is not there", where, "check `path`, or that the disk is mounted")
    paths = sorted({p for glob in spec.files for p in base.glob(glob) if p.is_file() and not _is_aside(p)})
    states = {p.relative_to(base).as_posix(): (p, _state(context, p)) for p in paths}
    known = {origin: context.mark(_name(origin)) or None for origin in states}
    # What the table holds after the files that changed have taken their earlier rows away.
    superseded = {known[origin] for origin, (_, state) in states.items() if known[origin] != state}
    held = {known[origin] for origin, (_, state) in states.items() if known[origin] == state}
    found: list[Waiting] = []
    for origin, (path, state) in states.items():
        before = known[origin]
        if before == state:
            continue
        is_copy = state in held or (state not in superseded and bool(context.mark(_content(state))))
        held.add(state)
        if before is not None or not is_copy:
            found.append(Waiting(path, origin, state, before, is_copy))
    return found


def _state(context: Context, path: Path) -> int:
    spec: FileTable = context.spec
    return number(_READER, context.fingerprints.of(path), spec.model_dump(exclude={"files", "description"}))


def _is_aside(path: Path) -> bool:
    """Files that programs leave beside their own: hidden ones, and Office's locks."""
    return path.name.startswith((".", "~$"))


def _name(origin: str) -> str:
    return f"vestry.file:{origin}"


def _content(state: int) -> str:
    return f"vestry.content:{state}"
