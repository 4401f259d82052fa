"""Files are known by their content; this remembers the digest of those that have not been touched."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from vestry.ingest.files.scan import Scan, scan

#: A file touched so shortly before it was read may be touched again without a new time.
_SETTLED_NS = 2_000_000_000
#: Before the name of a file that was not at rest: what is kept of it is when it was first seen so.
_FIRST_SEEN = "first seen: "


class Fingerprints:
    """SHA-256 of files, kept with size and time of change so that an untouched file is not read again.

    The cache may be thrown away at any time.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._changed = False
        #: What was found out of files on the way to their digest: the load need not look again.
        self.scans: dict[Path, Scan] = {}
        try:
            self._known: dict[str, list[object]] = json.loads(file.read_text())
        except (OSError, ValueError):
            self._known = {}

    def of(self, path: Path) -> str:
        """The SHA-256 of the file's content, in hex."""
        stat = path.stat()
        entry = self._known.get(str(path))
        if entry and entry[:2] == [stat.st_size, stat.st_mtime_ns]:
            return str(entry[2])
        facts = scan(path)
        self.scans[path] = facts
        digest = facts.sha256
        if time.time_ns() - stat.st_mtime_ns > _SETTLED_NS:
            with self._lock:
                self._known[str(path)] = [stat.st_size, stat.st_mtime_ns, digest]
                self._changed = True
        return digest

    def kept(self, key: str, signs: Sequence[object]) -> str | None:
        """The digest that was kept of a file elsewhere, if these signs of it are still the same."""
        entry = self._known.get(key)
        return str(entry[-1]) if entry and entry[:-1] == list(signs) else None

    def keep(self, key: str, signs: Sequence[object], digest: str) -> None:
        """Remember a file elsewhere by what its place says of it, so that it is not fetched again."""
        with self._lock:
            self._known[key] = [*signs, digest]
            self._known.pop(_FIRST_SEEN + key, None)
            self._changed = True

    def settled(self, key: str, signs: Sequence[object], modified: float, seconds: float) -> bool:
        """Has a file not changed for so long? By its own time; or, where that server's clock is wrong, by ours.

        What was not settled is remembered: one that is seen unchanged again after that time is.
        """
        now = time.time()
        if now - modified >= seconds or self.kept(key, signs) is not None:
            return True
        first = self.kept(_FIRST_SEEN + key, signs)
        if first is None:
            self.keep(_FIRST_SEEN + key, signs, str(now))
            return False
        return now - float(first) >= seconds

    def save(self) -> None:
        """Write the cache, in one move."""
        with self._lock:
            if not self._changed:
                return
            with suppress(OSError):  # without it the next run only takes longer
                self._file.parent.mkdir(parents=True, exist_ok=True)
                aside = self._file.with_suffix(f".{os.getpid()}.new")
                aside.write_text(json.dumps(self._known))
                aside.replace(self._file)
            self._changed = False


def number(*parts: object) -> int:
    """A number of 63 bits that stands for the parts: what a Delta commit can keep as a mark."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
