"""Sketches of columns: the K smallest keyed hashes of their values (k minimum values, bottom-k).

A sketch tells how many values a column has, and with another sketch how many both have. DuckDB counts the values,
looks at the first rows, and scans once the columns that may say who or where; what comes of it is kept by the table's
version. The hash is keyed: whoever has the file and not the key cannot try NHS numbers one after the other until one
fits. The key is made once for a project, and lies beside the sketches' folder, readable by its owner alone; without
it they are made anew.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vestry.catalogue.model import PLATFORM, TableEntry
from vestry.lake import Engine
from vestry.project import TableName, quote

if TYPE_CHECKING:
    import duckdb
    import numpy as np

#: How many hashes a sketch holds: what is estimated from all of them is right to about 3 in a hundred.
K = 1024
#: Part of a sketch's file name: raise it when what is hashed, or the file, changes.
_FORMAT = 1
_SPAN = 2.0**64
_TEXT = ("VARCHAR",)
_WHOLE = ("BIGINT", "INTEGER", "SMALLINT", "UBIGINT", "UINTEGER", "HUGEINT")
#: Rows that are looked at to tell dates and amounts, which everybody has, from names and numbers of things.
_LOOK = 2_000
#: A table of so few rows is read into memory once.
_SMALL = 50_000
#: A flag or a code has few values, each in more than four rows.
_FEW, _SEVERAL = 10, 100
#: Whole numbers up to so many digits are counted up from one in every system, and tell nothing by themselves.
_SHORT = 7

Kind = Literal["text", "number"]
#: Case, spaces, punctuation and leading zeros do not part values.
NORMAL = "nullif(ltrim(upper(translate(CAST({0} AS VARCHAR), ' -./,''()', '')), '0'), '')"
_HASH = f"md5_number_lower($key || {NORMAL})"
_LOOKED = """
count(*) FILTER (regexp_matches(v, '^\\d{1,4}[-/. ]\\d{1,2}[-/. ]\\d{1,4}($|[ T])')
    OR regexp_matches(v, '^\\d{1,2}[- ][A-Za-z]{3,9}[- ]\\d{2,4}($|[ T])')) AS dates,
count(*) FILTER (regexp_matches(v, '^[-+(£]*[\\d,]*\\.\\d+\\)?$')) AS amounts,
count(*) FILTER (regexp_matches(v, '^\\d+$')) AS whole,
avg(length(v)) AS long, count(v) AS known
"""


@dataclass(frozen=True)
class Sketch:
    """A column's sketch. `values` is how many rows have one, `hashes` the K smallest of them, sorted and distinct."""

    table: TableName
    column: str
    #: `number` is of whole numbers so short that other things have the same.
    kind: Kind
    values: int
    hashes: np.ndarray[Any, Any]

    @property
    def full_name(self) -> str:
        return f"{self.table}.{self.column}"

    @property
    def threshold(self) -> float:
        """The part of all hashes below which the sketch holds every one of the column's: 1 where it holds all."""
        return 1.0 if len(self.hashes) < K else float(self.hashes[-1]) / _SPAN

    @property
    def distinct(self) -> int:
        """How many values the column has: exact up to K, else to about 3 in a hundred."""
        return len(self.hashes) if len(self.hashes) < K else round((K - 1) / self.threshold)

    @property
    def uniqueness(self) -> float:
        """1 where no value comes twice."""
        return min(1.0, self.distinct / self.values) if self.values else 0.0


class Sketches:
    """The sketches of a project's tables, kept in `.vestry/sketches` by each table's version."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "sketches"
        self._key = _key(state / "sketch.key")
        self._known: dict[TableName, tuple[str, list[Sketch]]] = {}
        self._looked_for: dict[tuple[str, str, str, str], int] = {}

    def of(self, tables: Iterable[TableEntry], engine: Callable[[], Engine]) -> dict[str, Sketch]:
        """The sketch of each column that may say who or where, by its full name; `engine` starts where one is made."""
        found: dict[str, Sketch] = {}
        for table in tables:
            if table.state is None:
                continue
            stamp = self._stamp(table)
            known = self._known.get(table.name)
            if known is None or known[0] != stamp:
                kept = self._kept(table, stamp)
                self._known[table.name] = known = stamp, self._made(table, stamp, engine()) if kept is None else kept
            found.update((sketch.full_name, sketch) for sketch in known[1])
        return found

    def probe(self, wanted: Sequence[tuple[Sketch, Sketch]], engine: Callable[[], Engine]) -> list[int]:
        """Of each two sketches, how many hashes of the first are among all the values of the second's column.

        For a column that is small beside the other, of whose few hashes the other's sketch has hardly any.
        """
        import numpy as np
        import pyarrow as pa

        new: dict[str, list[Sketch]] = {}
        for a, b in wanted:
            if self._pair(a, b) not in self._looked_for:
                new.setdefault(b.full_name, []).append(a)
        places = {b.full_name: b for _, b in wanted}
        for name, sketches in new.items():
            b = places[name]
            with engine().cursor() as con:
                con.register("wanted", pa.table({"hash": np.unique(np.concatenate([s.hashes for s in sketches]))}))
                values = f"SELECT {_HASH.format(quote(b.column))} AS hash FROM {engine().relation(b.table)}"
                sql = f"SELECT DISTINCT hash FROM ({values}) SEMI JOIN wanted USING (hash)"
                there = con.execute(sql, {"key": self._key.hex()}).fetchnumpy()["hash"]
            for a in sketches:
                self._looked_for[self._pair(a, b)] = int(np.isin(a.hashes, there).sum())
        return [self._looked_for[self._pair(a, b)] for a, b in wanted]

    def _pair(self, a: Sketch, b: Sketch) -> tuple[str, str, str, str]:
        return a.column, self._known[a.table][0], b.column, self._known[b.table][0]

    def _stamp(self, table: TableEntry) -> str:
        assert table.state
        said = f"{_FORMAT} {K} {table.name} {table.state.version} {table.state.written.isoformat()}"
        return hashlib.blake2b(said.encode(), key=self._key, digest_size=12).hexdigest()

    def _file(self, table: TableName, stamp: str) -> Path:
        return self._folder / f"{table}-{stamp}.parquet"

    def _kept(self, table: TableEntry, stamp: str) -> list[Sketch] | None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            kept = pq.read_table(self._file(table.name, stamp), memory_map=False)
        except (OSError, pa.ArrowException):
            return None
        hashes = kept.column("hashes").combine_chunks()
        return [
            Sketch(table.name, column, kind, values, hashes[row].values.to_numpy())
            for row, (column, kind, values) in enumerate(
                zip(*(kept.column(c).to_pylist() for c in ("column", "kind", "values")), strict=True)
            )
        ]

    def _made(self, table: TableEntry, stamp: str, engine: Engine) -> list[Sketch]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns, relation = _candidates(table), engine.relation(table.name)
        with engine.cursor() as con:
            is_small = bool(columns) and table.state is not None and table.state.rows <= _SMALL
            if is_small:
                # Each look at a table of the lake takes longer than to count so few rows.
                con.execute(f"CREATE TEMP TABLE looked_at AS SELECT {', '.join(map(quote, columns))} FROM {relation}")
                relation = "looked_at"
            made = sketches_of(con, relation, table.name, columns, self._key, is_small)
        arrays = {
            "column": pa.array([s.column for s in made], pa.string()),
            "kind": pa.array([s.kind for s in made], pa.string()),
            "values": pa.array([s.values for s in made], pa.int64()),
            "hashes": pa.array([s.hashes for s in made], pa.list_(pa.uint64())),
        }
        with suppress(OSError):  # a cache: without it the next start only takes longer
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._file(table.name, stamp)
            aside = file.with_suffix(f".{os.getpid()}.tmp")
            # No statistics: the smallest and the largest hash are in the lists, and nowhere else.
            pq.write_table(pa.table(arrays), aside, write_statistics=False)
            for old in self._folder.glob(f"{table.name}-*.parquet"):
                old.unlink(missing_ok=True)
            aside.replace(file)
        return made


def _key(file: Path) -> bytes:
    """The project's key: 32 random bytes, made at the first call."""
    try:
        if len(key := file.read_bytes()) == 32:
            return key
    except OSError:
        pass
    key = secrets.token_bytes(32)
    with suppress(OSError):  # where it cannot be kept, sketches last as long as the process
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_suffix(f".{os.getpid()}.tmp")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(key)
        aside.replace(file)
    return key


def _candidates(table: TableEntry) -> list[str]:
    """Columns of a type that names or numbers things."""
    types = table.state.types if table.state else {}
    return [c for c, kind in types.items() if c not in PLATFORM and c[:1] != "_" and kind in (*_TEXT, *_WHOLE)]


def sketches_of(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    table: TableName,
    columns: Sequence[str],
    key: bytes,
    is_small: bool = False,
) -> list[Sketch]:
    """The sketches of those of a relation's columns that are neither flags, codes, dates nor amounts.

    Of a relation that is small all hashes are fetched at once, which takes a third of the time.
    """
    import numpy as np

    if not columns:
        return []
    asked = ", ".join(f"count({quote(c)}), approx_count_distinct({quote(c)})" for c in columns)
    counted = con.execute(f"SELECT {asked} FROM {relation}").fetchone()
    assert counted
    many = {
        column: values
        for column, values, distinct in zip(columns, counted[::2], counted[1::2], strict=True)
        if distinct >= _FEW and (distinct >= _SEVERAL or 4 * distinct >= values)
    }
    kinds = _kinds(con, relation, list(many))
    wanted = [column for column in many if column in kinds]
    if not wanted:
        return []
    taken = "list({0}) FILTER ({0} IS NOT NULL)" if is_small else f"min(DISTINCT {{0}}, {K})"
    asked = ", ".join(taken.format(_HASH.format(quote(c))) for c in wanted)
    row = con.execute(f"SELECT {asked} FROM {relation}", {"key": key.hex()}).fetchnumpy()
    found = [np.unique(np.asarray(hashes[0], dtype=np.uint64))[:K] for hashes in row.values()]
    return [Sketch(table, c, kinds[c], many[c], hashes) for c, hashes in zip(wanted, found, strict=True) if len(hashes)]


def _kinds(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]) -> Mapping[str, Kind]:
    """What each column holds by its first rows; dates and amounts are left out."""
    kinds: dict[str, Kind] = {}
    if not columns:
        return kinds
    parts = " UNION ALL ".join(
        f"SELECT {number} AS number, {_LOOKED} FROM (SELECT trim(CAST({quote(c)} AS VARCHAR)) AS v FROM looked)"
        for number, c in enumerate(columns)
    )
    shown = ", ".join(map(quote, columns))
    looked = f"WITH looked AS MATERIALIZED (SELECT {shown} FROM {relation} LIMIT {_LOOK}) {parts}"
    for number, dates, amounts, whole, long, known in con.execute(looked).fetchall():
        if not known or 2 * (dates + amounts) > known:
            continue
        is_short = 10 * whole >= 9 * known and long <= _SHORT
        kinds[columns[number]] = "number" if is_short else "text"
    return kinds
