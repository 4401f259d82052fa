"""Reading a table in pieces that its server can bear: by key, one connection, with a pause, within hours, resumed.

Each piece is kept as Parquet beside the project's other state until the load is committed, so that a process that is
killed, or a server in trouble, costs one piece. The load is still one commit.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from vestry.ingest.database.server import Server
from vestry.ingest.fingerprints import number
from vestry.project import DataError, VestryError, literal, quote

CHUNK = 50_000
#: The mark of the pieces that the last load was made of.
PIECES = "vestry.pieces"
#: A piece that takes so many times the usual, and longer than this (seconds), says that the server is in trouble.
_TROUBLE, _AT_LEAST = 10, 30.0
_WINDOW = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})\Z")


@dataclass(frozen=True)
class Window:
    """Hours of the day in which a system may be read, in the council's time; it may run over midnight."""

    text: str
    begins: int
    ends: int
    zone: str

    @classmethod
    def of(cls, text: str, zone: str, where: str) -> Window:
        found = _WINDOW.match(text.strip())
        hours = [int(g) for g in found.groups()] if found else []
        if not found or max(hours[0], hours[2]) > 24 or max(hours[1], hours[3]) > 59:
            raise VestryError(f"`window: {text}` is no span of hours", where, "write 22:00-05:00")
        return cls(text, hours[0] * 60 + hours[1], hours[2] * 60 + hours[3], zone)

    def open_at(self, at: datetime) -> bool:
        local = at.astimezone(ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        if self.begins <= self.ends:
            return self.begins <= minute < self.ends
        return minute >= self.begins or minute < self.ends

    def opens_after(self, at: datetime) -> datetime:
        """When it opens next."""
        local = at.astimezone(ZoneInfo(self.zone))
        today = local.replace(hour=self.begins // 60 % 24, minute=self.begins % 60, second=0, microsecond=0)
        return today if today > local else today + timedelta(days=1)


@dataclass(frozen=True)
class Manner:
    """How gently: all None is as fast as it goes."""

    window: Window | None = None
    rows_per_second: int | None = None
    chunk_rows: int | None = None

    @property
    def is_gentle(self) -> bool:
        return bool(self.window or self.rows_per_second or self.chunk_rows)


@dataclass(frozen=True)
class Piece:
    """What is read piece by piece: columns with their types, in the order of `key`, where `condition` holds."""

    table: str
    columns: Mapping[str, str]
    key: Sequence[str]
    condition: str = ""


class Partial:
    """The pieces that are there already, in a folder of their own; they fit only the same question."""

    def __init__(self, folder: Path, piece: Piece) -> None:
        self.folder = folder
        self._file = folder / "pieces.json"
        self._asked = number(piece.table, *piece.columns.items(), *piece.key, piece.condition)
        held: dict[str, Any] = {}
        if self._file.is_file():
            held = json.loads(self._file.read_text())
        if held.get("asked") != self._asked:
            shutil.rmtree(folder, ignore_errors=True)
            held = {}
        #: Microseconds since 1970; the commit of the load remembers it.
        self.began: int = held.get("began", time.time_ns() // 1000)
        self.rows: list[int] = held.get("rows", [])
        self.whole: bool = held.get("whole", False)

    @property
    def files(self) -> list[Path]:
        return [self.folder / f"{n}.parquet" for n in range(len(self.rows))]

    def keep(self, rows: int, whole: bool) -> None:
        """The next piece stands as its file: from now on it need not be read again."""
        if rows:
            self.rows.append(rows)
        self.whole = whole
        held = {"asked": self._asked, "began": self.began, "rows": self.rows, "whole": whole}
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(held))
        part.replace(self._file)

    @staticmethod
    def waits(folder: Path, committed: int | None) -> bool:
        """Whether pieces lie there that no load has committed; `committed` is the mark of those that one has."""
        try:
            return int(json.loads((folder / "pieces.json").read_text())["began"]) != committed
        except (OSError, ValueError, KeyError):
            return False


def read(
    server: Server, piece: Piece, manner: Manner, partial: Partial, now: Callable[[], datetime], shown: str
) -> bool:
    """Read what `partial` has not, piece by piece; False where the window closed before the end.

    Raises DataError that says how far it came where the server is in trouble: the next load goes on from there.
    """
    import duckdb

    partial.folder.mkdir(parents=True, exist_ok=True)
    size = manner.chunk_rows or min(CHUNK, (manner.rows_per_second or CHUNK) * 10)
    spent: list[float] = []
    while not partial.whole:
        if manner.window and not manner.window.open_at(now()):
            return False
        started = time.monotonic()
        file = partial.folder / f"{len(partial.rows)}.parquet"
        try:
            rows = _one(server, piece, size, partial, file)
        except duckdb.Error as error:
            raise _stopped(server, shown, partial, "it does not answer as it should") from error
        seconds = time.monotonic() - started
        partial.keep(rows, rows < size)
        if spent and seconds > max(_AT_LEAST, _TROUBLE * median(spent)):
            raise _stopped(server, shown, partial, f"it took {seconds:.0f} s where it takes {median(spent):.1f} s")
        spent.append(seconds)
        if manner.rows_per_second and not partial.whole:
            time.sleep(max(0.0, rows / manner.rows_per_second - seconds))
    return True


def _one(server: Server, piece: Piece, size: int, partial: Partial, file: Path) -> int:
    """Read the next piece into its file; how many rows."""
    key = [server.quoted(c) for c in piece.key]
    conditions = [piece.condition] if piece.condition else []
    if partial.rows:
        # The last row as the server has them in order: its collation is not DuckDB's.
        last = ", ".join(f"arg_max({quote(c)}, file_row_number)::VARCHAR" for c in piece.key)
        file_of = f"read_parquet({literal(str(partial.files[-1]))}, file_row_number = true)"
        values = server.con.execute(f"SELECT {last} FROM {file_of}").fetchone()
        conditions.append(_after(key, [literal(str(v)) for v in values or ()]))
    where = f" WHERE {' AND '.join(f'({c})' for c in conditions)}" if conditions else ""
    rest = f"{where} ORDER BY {', '.join(key)} LIMIT {size}"
    part = file.with_suffix(".part")
    select = server.select(piece.table, piece.columns, rest)
    server.con.execute(f"COPY (FROM {select}) TO {literal(str(part))} (FORMAT parquet)")
    found = server.con.execute(f"SELECT count(*) FROM read_parquet({literal(str(part))})").fetchone()
    rows = int(found[0]) if found else 0
    if rows:
        part.replace(file)
    else:
        part.unlink()
    return rows


def _after(key: Sequence[str], values: Sequence[str]) -> str:
    """SQL of what comes after a key: spelt out, for not every server compares rows of columns by an index."""
    parts = []
    for place, (column, value) in enumerate(zip(key, values, strict=True)):
        same = [f"{c} = {v}" for c, v in zip(key[:place], values[:place], strict=True)]
        parts.append(" AND ".join([*same, f"{column} > {value}"]))
    return " OR ".join(f"({p})" for p in parts)


def _stopped(server: Server, shown: str, partial: Partial, why: str) -> DataError:
    return DataError(
        f"{server.address.shown} is in trouble: {why}; {shown} was left after {sum(partial.rows):,} rows",
        server.where,
        "nothing is lost: the next run goes on from there",
    )
