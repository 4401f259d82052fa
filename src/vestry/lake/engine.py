"""DuckDB, with what it needs to read the lake, and nothing that it could fetch by itself."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.lake.tables import Lake
from vestry.project import TableName, VestryError, literal, quote

if TYPE_CHECKING:
    import duckdb

#: The functions that the SQL of products has besides DuckDB's own.
MACROS = Path(__file__).with_name("macros.sql")
_CONFIG = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}

_SPATIAL = re.compile(r"\bST_\w+\s*\(", re.IGNORECASE)


def extension(name: str) -> Path:
    """Where the binary of an extension lies: in its own package, of DuckDB's own version.

    Raises VestryError that names the package where it is missing or of another version.
    """
    import duckdb

    package = f"duckdb_extension_{name}"
    found = importlib.util.find_spec(package)
    version = f"v{duckdb.__version__}"
    if found and found.submodule_search_locations:
        file = Path(next(iter(found.submodule_search_locations))) / "extensions" / version
        file = file / f"{name}.duckdb_extension"
        if file.is_file():
            return file
    wanted = f"{package.replace('_', '-')}=={duckdb.__version__}"
    raise VestryError(f"DuckDB's extension `{name}` is not installed for {version}", mend=f"pip install {wanted}")


@cache
def _verify(file: Path) -> None:
    """Have DuckDB check an extension's signature, once for a file as it lies there: that reads all of it, 0.3 s.

    That it was right is noted in the user's cache. Raises duckdb.Error where it is not.
    """
    import duckdb
    import platformdirs

    told = file.stat()
    # Whoever changes a file may set its times again, but not when that was done.
    found = f"{told.st_dev} {told.st_ino} {told.st_size} {told.st_mtime_ns} {told.st_ctime_ns}"
    name = hashlib.sha256(bytes(file)).hexdigest()[:16]
    note = platformdirs.user_cache_path("vestry") / f"{file.stem}-{name}.verified"
    with suppress(OSError):
        if note.read_text(encoding="utf-8") == found:
            return
    with duckdb.connect(config=dict(_CONFIG)) as con:
        con.execute(f"LOAD {literal(str(file))}")
    if note.is_absolute():  # else this user has no home
        with suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(found, encoding="utf-8")


class Engine:
    """One DuckDB instance over one lake; every step works on a cursor of its own."""

    def __init__(
        self, lake: Lake, *, memory_limit: str | None = None, threads: int | None = None, spill: Path | None = None
    ) -> None:
        import duckdb  # late: a run with nothing to do starts no engine

        self.lake = lake
        # Only what `_verify` has seen is loaded: SQL of recipes and questions is one SELECT, which loads nothing.
        config: dict[str, str] = {**_CONFIG, "allow_unsigned_extensions": "true"}
        config["memory_limit"] = memory_limit or _half_of_memory()
        if threads:
            config["threads"] = str(threads)
        if spill:
            config["temp_directory"] = str(spill)
        self._root = duckdb.connect(config=config)  # type: ignore[arg-type]
        self._root.execute("SET TimeZone = 'UTC'")
        self._loaded: set[str] = set()
        self._changing = threading.RLock()
        self._root.execute(MACROS.read_text(encoding="utf-8"))
        self.load("delta")
        if not lake.is_local:
            self.load("httpfs")
            self._root.execute(_secret(lake.location, lake.options))

    def load(self, name: str) -> None:
        """Load an extension, once."""
        with self._changing:
            if name not in self._loaded:
                file = extension(name)
                _verify(file)
                self._root.execute(f"LOAD {literal(str(file))}")
                self._loaded.add(name)

    def load_for(self, sql: str) -> None:
        """Load what the functions need that the SQL names: `ST_…` are those of maps."""
        if _SPATIAL.search(sql):
            self.load("spatial")

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection to the same instance: other threads' work does not disturb it."""
        with self._changing:
            con = self._root.cursor()
        con.execute("SET TimeZone = 'UTC'")
        return con

    def relation(self, name: TableName, version: int | None = None) -> str:
        """SQL of a relation over a table (at a version)."""
        at = f", version => {version}" if version is not None else ""
        return f"delta_scan({literal(self.lake.uri(name))}{at})"

    def mount(self, name: TableName, version: int | None = None) -> None:
        """Let SQL name the table `domain.product.table`, at this version until it is mounted again."""
        self._view(name, f"SELECT * FROM {self.relation(name, version)}")

    def mount_empty(self, name: TableName, columns: Mapping[str, str]) -> None:
        """A table of that name with these columns (DuckDB types) and no rows, to check SQL against."""
        nulls = ", ".join(f"CAST(NULL AS {kind}) AS {quote(column)}" for column, kind in columns.items())
        self._view(name, f"SELECT {nulls} WHERE false")

    def close(self) -> None:
        self._root.close()

    def _view(self, name: TableName, select: str) -> None:
        with self._changing:
            self._root.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {quote(name.domain)}")
            self._root.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(name.domain)}.{quote(name.product)}")
            self._root.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {select}")


def quoted(name: TableName) -> str:
    """A mounted table's name, quoted for SQL."""
    return f"{quote(name.domain)}.{quote(name.product)}.{quote(name.table)}"


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_WORDS = ("No space left", "File too large", "Disk quota exceeded", "Could not write")


def is_disk_full(error: BaseException) -> bool:
    """Was it the disk that had no room?"""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(words in str(error) for words in _FULL_WORDS)


def failure(error: duckdb.Error) -> str:
    """What went wrong in the engine, in words of ours: its own may hold values of the data."""
    return {
        "ConversionException": "a value could not be converted to the type asked for",
        "OutOfMemoryException": "there is not enough memory, or room for what does not fit in it",
        "InvalidInputException": "a function was given a value that it cannot take",
        "OutOfRangeException": "a number is out of range",
        "IOException": "a file could not be read or written",
    }.get(type(error).__name__, f"the engine failed ({type(error).__name__})")


def share_of(memory_limit: str | None, parts: int) -> str | None:
    """The limit of each of several engines that share one; where it is no number with a unit, each has all of it."""
    whole = memory_limit or _half_of_memory()
    found = re.fullmatch(r"\s*([\d.]+)\s*([A-Za-z]+)\s*", whole)
    return f"{float(found[1]) / parts:.3f}{found[2]}" if found and parts > 1 else memory_limit


def _half_of_memory() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{pages // 2 // 2**20}MiB"


def _secret(location: str, options: Mapping[str, str]) -> str:
    """The object store's settings, as delta-rs names them and finds them in the environment too, for DuckDB."""
    if not location.startswith(("s3://", "s3a://")):
        return "SELECT 1"
    parts = ["TYPE s3"]
    for key, option in (
        ("KEY_ID", "AWS_ACCESS_KEY_ID"),
        ("SECRET", "AWS_SECRET_ACCESS_KEY"),
        ("SESSION_TOKEN", "AWS_SESSION_TOKEN"),
        ("REGION", "AWS_REGION"),
    ):
        if value := options.get(option) or os.environ.get(option):
            parts.append(f"{key} {literal(value)}")
    if endpoint := options.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL"):
        scheme, _, host = endpoint.partition("://")
        secure = "true" if scheme == "https" else "false"
        parts += [f"ENDPOINT {literal(host)}", "URL_STYLE 'path'", f"USE_SSL {secure}"]
    return f"CREATE OR REPLACE SECRET lake ({', '.join(parts)})"
