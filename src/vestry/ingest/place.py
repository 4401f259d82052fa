"""Where a source's files are: a folder, an SFTP server, an object store. Each can list and fetch, and no more."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from vestry.ingest.connector import Context
from vestry.project import DataError, VestryError
from vestry.project.errors import listed
from vestry.project.project import expand
from vestry.project.source_models import FileSource

#: The words by which a place of each kind is named in `path`.
STORES = ("s3", "s3a", "gs", "az", "abfs", "abfss")


@dataclass(frozen=True)
class Listed:
    """A file as its place lists it, without reading it: by these four it is known to be untouched."""

    name: str
    """Its path below the place, with `/`."""
    size: int
    modified: float
    """Seconds since 1970, by the clock of its server."""
    tag: str = ""


class Place(Protocol):
    """A way to files that are not on this machine."""

    @property
    def shown(self) -> str:
        """As messages and the cache name it: nothing secret is in it."""
        ...

    def list(self, globs: Sequence[str]) -> list[Listed]:
        """The files that a glob fits. Raises DataError where the place cannot be reached."""
        ...

    def fetch(self, wanted: Mapping[str, Path]) -> None:
        """Write each named file to a path of this machine. Raises DataError where one cannot be had."""
        ...


class Folder:
    """A folder of this machine, or one that is mounted on it: nothing needs to be fetched."""

    def __init__(self, base: Path, where: str) -> None:
        self.base, self.shown, self._where = base, str(base), where

    def list(self, globs: Sequence[str]) -> list[Listed]:
        if not self.base.is_dir():
            mend = "check `path`, or that the disk is mounted"
            raise DataError(f"the folder {self.base} is not there", self._where, mend)
        paths = sorted({p for glob in globs for p in self.base.glob(glob) if p.is_file()})
        stats = [(p, p.stat()) for p in paths]
        return [Listed(p.relative_to(self.base).as_posix(), s.st_size, s.st_mtime) for p, s in stats]


def place_of(context: Context) -> Folder | Place:
    """The source's place, by the beginning of its `path`; nothing is asked of it yet.

    Raises VestryError for one that nobody knows.
    """
    settings: FileSource = context.settings
    where, env = context.where, context.project.env
    path = expand(settings.path, where, env)
    scheme, separator, _ = path.partition("://")
    if not separator:
        return Folder((context.project.root / path).resolve(), where)
    if scheme == "sftp":
        from vestry.ingest.sftp import Sftp

        return Sftp.of(settings, where, env, context.project.root)
    if scheme in STORES:
        from vestry.ingest.objectstore import ObjectStore

        return ObjectStore(path, {k: expand(v, where, env) for k, v in settings.options.items()}, where)
    raise VestryError(
        f"no way to reach files by `{scheme}`",
        where,
        f"`path` is a folder, or begins with {listed(('sftp', *STORES), 'or')}",
    )


def is_aside(name: str) -> bool:
    """Files that programs leave beside their own: hidden ones, Office's locks, uploads that are not done."""
    last = name.rsplit("/", 1)[-1]
    return last.startswith((".", "~$")) or last.endswith((".filepart", ".part", ".partial"))


def fits(name: str, glob: str) -> bool:
    """Whether a path below a place fits a glob: `**` stands for any number of folders."""
    return bool(_pattern(glob).match(name))


@lru_cache(maxsize=64)
def _pattern(glob: str) -> re.Pattern[str]:
    segments = []
    for part in glob.split("/"):
        if part == "**":
            segments.append("(?:[^/]+/)*")
            continue
        tokens = re.findall(r"\[!?\]?[^\]]*\]|.", part)
        segments.append("".join(map(_meant, tokens)) + "/")
    return re.compile("".join(segments).removesuffix("/") + r"\Z")


def _meant(sign: str) -> str:
    if sign in "*?":
        return {"*": "[^/]*", "?": "[^/]"}[sign]
    if len(sign) > 1:
        inner = sign[1:-1].replace("\\", r"\\")
        return f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
    return re.escape(sign)
