"""Rows and rejects on their way to disk: memory stays the same however many there are."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vestry.ingest.files.model import RAW_LIMIT, REJECTED_SCHEMA
from vestry.project.names import literal, quote

ROW_GROUP = 100_000
#: Rejects are kept in memory up to this many characters of raw text, then in a file that is mapped.
REJECTS_IN_MEMORY = 16 << 20


class Spool:
    """Text columns and `_row`, written to a Parquet file in the work folder.

    Columns may come later (a JSON key seen for the first time): a new file begins then, and the select
    reads them all by name.
    """

    def __init__(self, workdir: Path, names: Sequence[str]) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self._base = workdir / f"rows-{uuid.uuid4().hex}"
        self._files: list[Path] = []
        self._writer: pq.ParquetWriter | None = None
        self._batches: list[pa.RecordBatch] = []
        self._waiting = 0
        self.rows = 0
        self.names: tuple[str, ...] = ()
        self.widen(names)

    def widen(self, names: Sequence[str]) -> None:
        """From here on rows have these columns."""
        self._flush()
        if self._writer:
            self._writer.close()
            self._writer = None
        self.names = tuple(names)
        # Plain numbers as names in the file: DuckDB would take `a` and `A` for one column.
        fields = [(f"c{n}", pa.string()) for n in range(len(self.names))]
        self._schema = pa.schema([*fields, ("_row", pa.int64())])

    def append(self, numbers: Sequence[int], columns: Sequence[Sequence[str | None]]) -> None:
        """Rows by column, in the order of the names."""
        self.append_arrays(pa.array(numbers, pa.int64()), [_strings(column) for column in columns])

    def append_arrays(self, numbers: pa.Array, columns: Sequence[pa.Array]) -> None:
        """The same, where they are Arrow's already."""
        self._batches.append(pa.RecordBatch.from_arrays([*columns, numbers], schema=self._schema))
        self._waiting += len(numbers)
        self.rows += len(numbers)
        if self._waiting >= ROW_GROUP:
            self._flush()

    def close(self) -> list[Path]:
        """Everything is on disk after this; the files, at least one."""
        self._flush()
        if not self._files:
            self._open()
        if self._writer:
            self._writer.close()
            self._writer = None
        return self._files

    def select(self, names: Sequence[str], places: Sequence[int | None]) -> str:
        """SQL that gives the rows back: `names`, each from its place among the columns, and `_row`."""
        files = ", ".join(literal(str(file)) for file in self.close())
        columns = [
            f"nullif(c{place}, '') AS {quote(name)}" if place is not None else f"NULL::VARCHAR AS {quote(name)}"
            for name, place in zip(names, places, strict=True)
        ]
        return f"SELECT {', '.join([*columns, '_row'])} FROM read_parquet([{files}], union_by_name = true)"

    def _open(self) -> pq.ParquetWriter:
        file = Path(f"{self._base}-{len(self._files)}.parquet")
        self._files.append(file)
        self._writer = pq.ParquetWriter(
            file, self._schema, compression="lz4", use_dictionary=False, write_statistics=False
        )
        return self._writer

    def _flush(self) -> None:
        if self._batches:
            writer = self._writer or self._open()
            writer.write_table(pa.Table.from_batches(self._batches), row_group_size=ROW_GROUP)
            self._batches, self._waiting = [], 0


class Rejects:
    """Lines that are no rows, each with the reason."""

    def __init__(self, workdir: Path) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self._file = workdir / f"rejected-{uuid.uuid4().hex}.arrow"
        self._writer: pa.ipc.RecordBatchFileWriter | None = None
        self._lines: list[int] = []
        self._raws: list[str] = []
        self._reasons: list[str] = []
        self._characters = 0

    def add(self, line: int, raw: str, reason: str) -> None:
        self._lines.append(line)
        self._raws.append(raw[:RAW_LIMIT])
        self._reasons.append(reason)
        self._characters += min(len(raw), RAW_LIMIT) + 50
        if self._characters >= REJECTS_IN_MEMORY:
            self._flush()

    def table(self) -> pa.Table:
        """All of them, by line."""
        if self._writer is None:
            return self._batch().sort_by("line")
        self._flush()
        self._writer.close()
        return pa.ipc.open_file(pa.memory_map(str(self._file))).read_all()

    def _batch(self) -> pa.Table:
        arrays = [
            pa.array(self._lines, pa.int64()),
            _strings(self._raws),
            pa.array(self._reasons, pa.string()),
        ]
        return pa.Table.from_arrays(arrays, schema=REJECTED_SCHEMA)

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = pa.ipc.new_file(str(self._file), REJECTED_SCHEMA)
        self._writer.write_table(self._batch())
        self._lines, self._raws, self._reasons, self._characters = [], [], [], 0


def _strings(column: Sequence[str | None]) -> pa.Array:
    try:
        return pa.array(column, pa.string())
    except UnicodeEncodeError:  # half of a surrogate pair, as JSON may escape it
        clean = [c if c is None else c.encode("utf-8", "backslashreplace").decode() for c in column]
        return pa.array(clean, pa.string())
