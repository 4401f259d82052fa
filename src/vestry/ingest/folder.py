"""Files in a folder or elsewhere: each loads once, known by its content; a corrected file replaces its earlier rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.ingest.connector import Context, Part
from vestry.ingest.fingerprints import number
from vestry.ingest.place import Folder, Listed, Place, is_aside, place_of
from vestry.project import DataError, VestryError
from vestry.project.durations import seconds
from vestry.project.source_models import FileSource, FileTable

if TYPE_CHECKING:
    import duckdb

    from vestry.ingest.files import FileOptions
    from vestry.ingest.files.pieces import Piece

#: Raised when the same bytes would be read to other rows than before: then files are read again.
_READER = 1
_SETTLE = "30s"


@dataclass(frozen=True)
class File:
    """A file that a glob fits. `digest` is None where it must be fetched to be known, `path` where it was not."""

    origin: str
    digest: str | None
    path: Path | None
    listed: Listed


@dataclass(frozen=True)
class Waiting:
    """A file that is to be loaded; `state` stands for its content and how it is read.

    `before` is its state when it was last loaded; `is_copy` says that its rows are in the table by
    another name, so that only its earlier ones go.
    """

    file: File
    state: int
    before: int | None
    is_copy: bool


class FilesConnector:
    """Files by globs, of a folder, an SFTP server or an object store."""

    def news(self, context: Context) -> str | None:
        files = _there(context, place_of(context))
        count = len(_waiting(context, files)) + sum(f.digest is None for f in files)
        if not count:
            return None
        return f"{count} file{'s' if count > 1 else ''} to load"

    def parts(self, context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
        place = place_of(context)
        files = _there(context, place)
        if not isinstance(place, Folder):
            files = _fetched(context, place, files, workdir / "fetched")
        waiting = _waiting(context, files)
        # Content that no file holds any more may come again by another name: it is forgotten.
        marks = {_content(w.before): 0 for w in waiting if w.before} | {_content(w.state): 1 for w in waiting}
        for at, one in enumerate(waiting):
            origin = one.file.origin
            file_marks = {_name(origin): 0 if one.is_copy else one.state, **marks}
            if one.is_copy:
                nothing = "SELECT 0::BIGINT AS _row WHERE false"
                yield Part(origin=origin, select=nothing, rows=0, of=origin, marks=file_marks)
            else:
                yield from _parts(context, con, place, one, workdir / str(at), file_marks)


def _parts(
    context: Context,
    con: duckdb.DuckDBPyConnection,
    place: Folder | Place,
    waiting: Waiting,
    workdir: Path,
    marks: Mapping[str, int],
) -> Iterator[Part]:
    """The file's one part, or one for each of its pieces."""
    from vestry.ingest.files.pieces import pieces

    workdir.mkdir(parents=True, exist_ok=True)
    origin, path = waiting.file.origin, waiting.file.path
    if path is None:
        assert not isinstance(place, Folder)
        path = workdir / f"file{Path(origin).suffix.lower()}"
        place.fetch({origin: path})
    # What was never loaded has no earlier pieces that could go.
    of = origin if waiting.before is not None else None
    found = pieces(path, _options(context.spec), workdir)
    while True:
        try:
            piece = next(found, None)
        except VestryError as error:
            raise DataError(error.what, _where(error, path, origin), error.mend) from error
        if piece is None:
            return
        yield _part(context, con, piece, origin, of, workdir, marks, patient=False)


def _part(
    context: Context,
    con: duckdb.DuckDBPyConnection,
    piece: Piece,
    file: str,
    of: str | None,
    workdir: Path,
    marks: Mapping[str, int],
    *,
    patient: bool,
) -> Part:
    from vestry.ingest.files import read_file

    origin = f"{file}/{piece.name}" if piece.name else file
    try:
        facts = context.fingerprints.scans.get(piece.path)
        rows = read_file(piece.path, piece.options, con, workdir, patient=patient, facts=facts)
    except VestryError as error:
        raise DataError(error.what, _where(error, piece.path, origin), error.mend) from error
    return Part(
        origin=origin,
        select=rows.select,
        rows=rows.rows,
        rejected=rows.rejected,
        of=file if piece.name else of,
        marks=marks,
        record={"skipped": dict(rows.skipped), "notes": list(rows.notes), "missing": list(rows.missing)},
        again=None if patient else lambda: _part(context, con, piece, file, of, workdir, marks, patient=True),
    )


def _where(error: VestryError, path: Path, origin: str) -> str:
    """The file by the name that its sender knows, where it was fetched or unpacked; else by its path."""
    is_ours = error.where == str(path) and path.name != Path(origin).name
    return origin if is_ours or not error.where else error.where


def _options(spec: FileTable) -> FileOptions:
    from vestry.ingest.files import FileOptions

    return FileOptions(**spec.model_dump(exclude={"files", "description"}))


def _there(context: Context, place: Folder | Place) -> list[File]:
    """The files that are there and have come to rest, in the order of their names; nothing is fetched."""
    spec: FileTable = context.spec
    settings: FileSource = context.settings
    settle = settings.settle or ("0s" if isinstance(place, Folder) else _SETTLE)
    wait = seconds(settle)
    listed = [x for x in place.list(spec.files) if not is_aside(x.name)]
    prints = context.fingerprints
    found = []
    for one in listed:
        if isinstance(place, Folder):
            path = place.base / one.name
            if wait and not prints.settled(str(path), _signs(one), one.modified, wait):
                continue
            found.append(File(one.name, _digest(context, path), path, one))
            continue
        key = f"{place.shown}/{one.name}"
        if prints.settled(key, _signs(one), one.modified, wait):
            found.append(File(one.name, prints.kept(key, _signs(one)), None, one))
    return found


def _signs(listed: Listed) -> list[object]:
    return [listed.size, listed.modified, listed.tag]


def _digest(context: Context, path: Path) -> str:
    """The digest of a file; of a shapefile, which is several, of all of them."""
    digest = context.fingerprints.of(path)
    if path.suffix.lower() != ".shp":
        return digest
    from vestry.ingest.files.geo import beside

    others = [f"{p.suffix.lower()} {context.fingerprints.of(p)}" for p in beside(path)]
    return hashlib.sha256("\n".join([digest, *others]).encode()).hexdigest()


def _fetched(context: Context, place: Place, files: list[File], folder: Path) -> list[File]:
    """The files with those fetched that nobody has seen yet; one that changed meanwhile is left for the next time."""
    from vestry.ingest.files.scan import scan

    unknown = {f.origin: f for f in files if f.digest is None}
    if not unknown:
        return files
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{at}{Path(name).suffix.lower()}" for at, name in enumerate(unknown)}
    place.fetch(paths)
    after = {x.name: x for x in place.list(context.spec.files)}
    found = [f for f in files if f.digest is not None]
    for name, file in unknown.items():
        facts = scan(paths[name])
        if after.get(name) != file.listed or facts.size != file.listed.size:
            continue
        context.fingerprints.scans[paths[name]] = facts
        context.fingerprints.keep(f"{place.shown}/{name}", _signs(file.listed), facts.sha256)
        found.append(replace(file, digest=facts.sha256, path=paths[name]))
    return sorted(found, key=lambda f: f.origin)


def _waiting(context: Context, files: list[File]) -> list[Waiting]:
    """Of the files whose content is known, those that are new or corrected; of the same content the first by name."""
    states = {f.origin: (f, _state(context, f.digest)) for f in files if f.digest is not None}
    known = {origin: context.mark(_name(origin)) or None for origin in states}
    # What the table holds after the files that changed have taken their earlier rows away.
    superseded = {known[origin] for origin, (_, state) in states.items() if known[origin] != state}
    held = {known[origin] for origin, (_, state) in states.items() if known[origin] == state}
    found: list[Waiting] = []
    for origin, (file, state) in states.items():
        before = known[origin]
        if before == state:
            continue
        is_copy = state in held or (state not in superseded and bool(context.mark(_content(state))))
        held.add(state)
        if before is not None or not is_copy:
            found.append(Waiting(file, state, before, is_copy))
    return found


def _state(context: Context, digest: str) -> int:
    """A number for the content and how it is read, but for what is as by default: so options may be added to Vestry."""
    spec: FileTable = context.spec
    return number(_READER, digest, spec.model_dump(exclude={"files", "description"}, exclude_defaults=True))


def _name(origin: str) -> str:
    return f"vestry.file:{origin}"


def _content(state: int) -> str:
    return f"vestry.content:{state}"
