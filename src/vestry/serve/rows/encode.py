"""Rows as bytes, a piece at a time: JSON, CSV, Parquet and Arrow."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestry.serve.rows.shapes import ARROW, CSV, JSON, Shape

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows of one row group of Parquet.
_GROUP = 122_880

#: Makes bytes of batches of one schema.
Encode = Callable[["pa.Schema", Iterable["pa.RecordBatch"]], Iterator[bytes]]


@dataclass(frozen=True)
class Form:
    """A form in which rows go out."""

    name: str
    media_type: str
    shape: Shape
    encode: Encode


class _Pieces(io.RawIOBase):
    """A file whose bytes are taken away as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: object) -> int:
        octets = bytes(piece)  # type: ignore[call-overload]
        self._pieces.append(octets)
        self._at += len(octets)
        return len(octets)

    def tell(self) -> int:
        return self._at

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def objects(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """The objects of a JSON array, with commas between them and without its brackets."""
    first = True
    for batch in batches:
        text = ",\n".join(batch.column(0).to_pylist()).encode()
        yield text if first else b",\n" + text
        first = False


def lines(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """CSV with a header; what is text stands in quotes."""
    import pyarrow.csv as csv

    out = _Pieces()
    with csv.CSVWriter(out, schema) as writer:
        yield out.take()
        for batch in batches:
            writer.write_batch(batch)
            yield out.take()


def parquet(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """A Parquet file, in row groups as DuckDB writes them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = _Pieces()
    waiting: list[pa.RecordBatch] = []
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in batches:
            waiting.append(batch)
            if sum(b.num_rows for b in waiting) >= _GROUP:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting = []
                yield out.take()
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting))
    yield out.take()


def arrow(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """An Arrow stream."""
    import pyarrow as pa

    out = _Pieces()
    with pa.ipc.new_stream(out, schema) as writer:
        yield out.take()
        for batch in batches:
            writer.write_batch(batch)
            yield out.take()
    yield out.take()


FORMS = {
    form.name: form
    for form in (
        Form("json", "application/json", JSON, objects),
        Form("csv", "text/csv; charset=utf-8", CSV, lines),
        Form("parquet", "application/vnd.apache.parquet", ARROW, parquet),
        Form("arrow", "application/vnd.apache.arrow.stream", ARROW, arrow),
    )
}
