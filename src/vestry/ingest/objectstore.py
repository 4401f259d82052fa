"""Files in an object store, through delta-rs: with the same names of settings as the lake's own store."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.ingest.place import Listed, fits
from vestry.project import DataError

if TYPE_CHECKING:
    from pyarrow.fs import PyFileSystem


class ObjectStore:
    """What lies below one URL of a store, such as `s3://bucket/folder`."""

    def __init__(self, url: str, options: Mapping[str, str], where: str) -> None:
        self.shown = url.rstrip("/")
        self._options, self._where = dict(options), where

    def list(self, globs: Sequence[str]) -> list[Listed]:
        from pyarrow.fs import FileSelector, FileType

        found: dict[str, Listed] = {}
        for folder in {_folder(glob) for glob in globs}:
            try:
                infos = self._files().get_file_info(FileSelector(folder, allow_not_found=True, recursive=True))
            except Exception:  # the store's own words may hold its keys
                raise self._failed("it cannot be listed") from None
            for info in infos:
                name = info.path.lstrip("/")
                if info.type is FileType.File and any(fits(name, glob) for glob in globs):
                    found[name] = Listed(name, info.size, (info.mtime_ns or 0) / 1e9)
        return [found[name] for name in sorted(found)]

    def fetch(self, wanted: Mapping[str, Path]) -> None:
        files = self._files()
        for name, target in wanted.items():
            try:
                stream = files.open_input_stream(name)
            except Exception:
                raise self._failed("a file cannot be read, or was taken away") from None
            with stream, target.open("wb") as out:
                shutil.copyfileobj(stream, out, 1 << 20)

    def _files(self) -> PyFileSystem:
        from deltalake.fs import DeltaStorageHandler
        from pyarrow.fs import PyFileSystem

        try:
            return PyFileSystem(DeltaStorageHandler(self.shown, self._options))
        except Exception:
            raise self._failed("its settings are not as they should be") from None

    def _failed(self, why: str) -> DataError:
        what = f"the object store {self.shown} does not give its files: {why}; nothing was loaded"
        return DataError(what, self._where, "check `path` and `options`: the bucket, the region, the keys")


def _folder(glob: str) -> str:
    """The folders that stand at a glob's beginning without a pattern: only what is below them is listed."""
    parts = glob.split("/")[:-1]
    plain = [n for n, part in enumerate(parts) if any(c in part for c in "*?[")]
    return "/".join(parts[: plain[0]] if plain else parts)
