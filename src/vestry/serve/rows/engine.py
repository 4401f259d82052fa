"""A DuckDB for one answer: it opens the files of one release, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.project import VestryError, literal

if TYPE_CHECKING:
    import duckdb

#: What one answer may use: memory, room on the disk for what does not fit in it, and seconds until its next rows.
MEMORY, ROOM, SECONDS = "512MiB", "4GiB", 60.0


class TooLong(VestryError):
    """The engine was stopped: the question took longer than an answer may."""


@contextmanager
def locked(files: Sequence[str], spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to an engine of its own that reads exactly these files; its settings cannot be changed back.

    It has no extension that could be loaded, and only SQL of ours is run in it: this holds should that have a hole.
    """
    import duckdb

    config = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": MEMORY,
        "threads": "2",
        "temp_directory": str(spill),
        "max_temp_directory_size": ROOM,
    }
    with duckdb.connect(config=config) as con:  # type: ignore[arg-type]
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"SET allowed_paths = [{', '.join(map(literal, files))}]")
        con.execute("SET enable_external_access = false")
        con.execute("SET lock_configuration = true")
        yield con


@contextmanager
def timed(con: duckdb.DuckDBPyConnection, seconds: float = SECONDS) -> Iterator[None]:
    """Stop what the engine does after so many seconds. Raises TooLong."""
    import duckdb

    over = threading.Event()

    def stop() -> None:
        over.set()
        con.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (duckdb.InterruptException, RuntimeError):
        if not over.is_set():
            raise
        what = f"the answer took longer than {seconds:.0f} seconds"
        raise TooLong(what, mend="ask for fewer rows or columns, or without an order") from None
    finally:
        timer.cancel()
