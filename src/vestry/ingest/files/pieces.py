"""One file may be several: the members of an archive, the sheets of a workbook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from vestry.ingest.files.archive import Archive, gunzip, is_gzip, is_zip, stem
from vestry.ingest.files.model import FileOptions, UnreadableFile
from vestry.project.errors import did_you_mean

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_PATTERN = frozenset("*?[")


@dataclass(frozen=True)
class Piece:
    """What is read as one: `name` is "" where it is the file itself, else its place in it."""

    name: str
    path: Path
    options: FileOptions


def pieces(path: Path, options: FileOptions, workdir: Path) -> Iterator[Piece]:
    """The pieces of a file, one at a time: what one was unpacked to is gone when the next is asked for.

    A slash parts the names: no folder holds a file and a folder of one name, and no sheet has one in its name.
    Raises UnreadableFile where the archive or workbook cannot be read, or nothing in it is meant.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    if is_zip(path):
        for member in _members(path, options, workdir):
            for sheet in _sheets(member.path, options):
                yield replace(sheet, name="/".join(filter(None, (member.name, sheet.name))))
    elif is_gzip(path):
        unpacked = gunzip(path, workdir)
        yield from _sheets(unpacked, options)
        unpacked.unlink()
    else:
        yield from _sheets(path, options)


def _members(path: Path, options: FileOptions, workdir: Path) -> Iterator[Piece]:
    archive = Archive(path)
    names = archive.names(options.members)
    together: dict[str, list[str]] = {}
    for name in archive.names(()):
        together.setdefault(stem(name), []).append(name)
    # A shapefile is several files of one name, of which the .shp is the one that is read.
    shapes = {stem(n) for n in archive.names(()) if n.lower().endswith(".shp")}
    chosen = [n for n in names if n.lower().endswith(".shp") or (options.members and stem(n) not in shapes)]
    chosen = chosen if shapes else names
    if not chosen:
        there = ", ".join(archive.names(())[:5])
        what = f"the archive holds nothing that `members: {', '.join(options.members)}` fits"
        mend = f"it holds {there}" if there else "ask for it again"
        raise UnreadableFile(what if options.members else "the archive is empty", str(path), mend)
    for number, name in enumerate(chosen):
        beside = together[stem(name)] if stem(name) in shapes else [name]
        unpacked = [archive.extract(n, workdir, f"member-{number}") for n in beside]
        member = workdir / f"member-{number}{Path(name).suffix.lower()}" if len(beside) > 1 else unpacked[0]
        if is_zip(member):
            raise UnreadableFile(f"`{name}` in the archive is an archive itself", str(path), "unpack the outer one")
        yield Piece(name, member, options)
        for file in unpacked:
            file.unlink(missing_ok=True)


def _sheets(path: Path, options: FileOptions) -> Iterator[Piece]:
    """Each sheet that a pattern or a list names; the file itself where one sheet is meant."""
    wanted: Sequence[str | int] | None = None
    if isinstance(options.sheet, str) and _PATTERN & set(options.sheet):
        wanted = [options.sheet]
    elif isinstance(options.sheet, list | tuple):
        wanted = options.sheet
    with path.open("rb") as file:
        is_workbook = file.read(4) in _WORKBOOKS
    if wanted is None or not is_workbook:
        yield Piece("", path, options)
        return
    from vestry.ingest.files.workbook import sheets

    found = sheets(path)
    for name in _named(wanted, [s.name for s in found], [s.name for s in found if s.visible and s.rows], path):
        yield Piece(name, path, replace(options, sheet=name))


def _named(wanted: Sequence[str | int], names: Sequence[str], plain: Sequence[str], path: Path) -> list[str]:
    """The sheets in their order. A pattern means those that are seen and hold cells; a name means that sheet."""
    chosen: set[str] = set()
    for one in wanted:
        if isinstance(one, int):
            fit = list(names[one - 1 : one]) if one > 0 else []
        elif _PATTERN & set(one):
            fit = [n for n in plain if fnmatchcase(n.casefold(), one.casefold())]
        else:
            fit = [n for n in names if n.strip().casefold() == one.strip().casefold()]
        if not fit:
            raise UnreadableFile(f"the workbook has no sheet `{one}`", str(path), did_you_mean(str(one), names))
        chosen.update(fit)
    return [n for n in names if n in chosen]
