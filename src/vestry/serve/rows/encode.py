"""Rows as bytes, a piece at a time: JSON, CSV, Parquet and Arrow."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vestry.serve.rows.answer import Answer
from vestry.serve.rows.shapes import ARROW, CSV, JSON, Shape

#: Rows of one row group of Parquet: as DuckDB writes them.
_GROUP = 122_880


@dataclass(frozen=True)
class Form:
    """A form in which rows go out."""

    name: str
    media_type: str
    shape: Shape
    encode: Callable[[Answer], Iterator[bytes]]


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


def objects(answer: Answer) -> Iterator[bytes]:
    """The objects of a JSON array, with commas between them and without its brackets."""
    first = True
    for batch in answer.batches:
        text = ",\n".join(batch.column(0).to_pylist()).encode()
        yield text if first else b",\n" + text
        first = False


def _lines(answer: Answer) -> Iterator[bytes]:
    import pyarrow.csv as csv

    out = _Pieces()
    with csv.CSVWriter(out, answer.schema) as writer:
        yield out.take()
        for batch in answer.batches:
            writer.write_batch(batch)
            yield out.take()


def _parquet(answer: Answer) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = _Pieces()
    waiting: list[pa.RecordBatch] = []
    with pq.ParquetWriter(out, answer.schema, compression="zstd") as writer:
        for batch in answer.batches:
            waiting.append(batch)
            if sum(b.num_rows for b in waiting) >= _GROUP:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting = []
                yield out.take()
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting))
    yield out.take()


def _arrow(answer: Answer) -> Iterator[bytes]:
    import pyarrow as pa

    out = _Pieces()
    with pa.ipc.new_stream(out, answer.schema) as writer:
        yield out.take()
        for batch in answer.batches:
            writer.write_batch(batch)
            yield out.take()
    yield out.take()


FORMS = {
    form.name: form
    for form in (
        Form("json", "application/json", JSON, objects),
        Form("csv", "text/csv; charset=utf-8", CSV, _lines),
        Form("parquet", "application/vnd.apache.parquet", ARROW, _parquet),
        Form("arrow", "application/vnd.apache.arrow.stream", ARROW, _arrow),
    )
}
