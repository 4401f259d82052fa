"""Archives: what is in one, and one member at a time on disk, whatever whoever packed it had in mind.

A member is never written under its own name, so that no name can lead out of the work folder; and what comes
out is counted while it comes, for what an archive says of its own sizes may be false.
"""

from __future__ import annotations

import gzip
import re
import stat
import zipfile
import zlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, cast

from vestry.ingest.files.model import UnreadableFile

ZIP, GZIP = b"PK\x03\x04", b"\x1f\x8b"
#: What may come out of one archive, in bytes; and how many times its own size, beyond a size that harms nobody.
MOST_BYTES = 20 << 30
MOST_RATIO = 200
HARMLESS = 64 << 20
MOST_MEMBERS = 10_000

_CHUNK = 1 << 20
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")
#: What tells a workbook, which is a zip too, from an archive.
_OF_WORKBOOKS = {"[Content_Types].xml", "content.xml", "mimetype"}
_LITTER = re.compile(r"(^|/)(__MACOSX/|\.|~\$|Thumbs\.db$)")


def is_zip(path: Path) -> bool:
    """Whether the file is a zip that is an archive: an XLSX or ODS is one too, and is not meant."""
    with path.open("rb") as file:
        if file.read(4) not in (ZIP, b"PK\x05\x06"):
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            return not _OF_WORKBOOKS & set(archive.namelist())
    except zipfile.BadZipFile:
        return path.suffix.lower() == ".zip"


def is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP


class Archive:
    """An open zip. Raises UnreadableFile where anything in it is not as it should be."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                found = [info for info in archive.infolist() if not info.is_dir()]
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            raise _damaged(path, "archive") from None
        if len(found) > MOST_MEMBERS:
            raise self._refused(f"the archive holds {len(found):,} files, and {MOST_MEMBERS:,} are the most")
        for info in found:
            self._refuse_climbing(info)
        self._members = {info.filename: info for info in found if not _LITTER.search(info.filename)}
        if len({info.filename for info in found}) < len(found):
            raise self._refused("the archive holds two files of one name")
        self._left = MOST_BYTES

    def names(self, patterns: Sequence[str]) -> list[str]:
        """The members that a pattern fits (their whole path, or their name alone); all where there is no pattern."""
        names = sorted(self._members)
        if not patterns:
            return names
        return [n for n in names if any(fnmatchcase(n, p) or fnmatchcase(n.rsplit("/", 1)[-1], p) for p in patterns)]

    def extract(self, name: str, folder: Path, stem: str) -> Path:
        """The member as a file of ours, `stem` and its own suffix, in `folder`."""
        info = self._members[name]
        if info.flag_bits & 1:
            raise UnreadableFile(
                "the archive is encrypted with a password", str(self._path), "unpack it, and drop what was in it"
            )
        suffix = _SUFFIX.search(name)
        target = folder / f"{stem}{suffix.group().lower() if suffix else ''}"
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(info) as packed:
                size = min(info.compress_size, self._path.stat().st_size)  # it may say more than there is
                self._left -= _unpack(packed, target, self._path, size, self._left)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            raise _damaged(self._path, "archive") from None
        except NotImplementedError:
            what = "the archive is packed in a way that is not read here"
            raise UnreadableFile(what, str(self._path), "unpack it, or pack it as an ordinary zip") from None
        return target

    def _refuse_climbing(self, info: zipfile.ZipInfo) -> None:
        """A name that leads out of the archive, or a link: nobody packs one by mistake."""
        # The name as it stands in the archive: `zipfile` cuts it at a NUL.
        name = info.orig_filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:", name) or "\0" in name:
            raise self._refused("the archive holds a file whose path climbs out of it")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise self._refused("the archive holds a link to another file")

    def _refused(self, what: str) -> UnreadableFile:
        mend = "nothing of it was taken: ask who sent it, and for the files themselves"
        return UnreadableFile(what, str(self._path), mend)


def gunzip(path: Path, folder: Path) -> Path:
    """The file that was packed, with the suffix that its name had before `.gz`."""
    suffix = _SUFFIX.search(path.stem)
    target = folder / f"unpacked{suffix.group().lower() if suffix else ''}"
    try:
        with gzip.open(path) as packed:
            _unpack(cast("IO[bytes]", packed), target, path, path.stat().st_size, MOST_BYTES)
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise _damaged(path, "gzip file") from None
    return target


def _unpack(packed: IO[bytes], target: Path, path: Path, size: int, left: int) -> int:
    """Write what comes out; how many bytes. Stops as soon as it is more than any honest file holds."""
    written = 0
    with target.open("wb") as out:
        while chunk := packed.read(_CHUNK):
            written += len(chunk)
            if written > left or (written > HARMLESS and written > size * MOST_RATIO):
                raise UnreadableFile(
                    f"a zip bomb: more than {written >> 20:,} MB came out of {max(size >> 10, 1):,} KB",
                    str(path),
                    "nothing of it was taken: ask who sent it; if it is meant, unpack it and drop what was in it",
                )
            out.write(chunk)
    return written


def _damaged(path: Path, what: str) -> UnreadableFile:
    return UnreadableFile(f"the {what} is damaged or cut off", str(path), "ask for it again: nothing of it was taken")


def stem(name: str) -> str:
    """A member's name without suffix and case, by which the files of one shapefile belong together."""
    return str(PurePosixPath(name).with_suffix("")).casefold()
