"""Parquet files: their own types, their own count of rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vestry.ingest.files.model import FileOptions, FileRows, UnreadableFile, no_rejects, plain_path
from vestry.ingest.files.names import name_columns
from vestry.project.names import literal, quote


def read_parquet(path: Path, options: FileOptions, workdir: Path) -> FileRows:
    """The rows of a Parquet file, by DuckDB's reader."""
    try:
        with pq.ParquetFile(path) as file:
            heads, rows = file.schema_arrow.names, file.metadata.num_rows
    except (pa.ArrowException, OSError):
        raise UnreadableFile(
            "the Parquet file is damaged or cut off",
            str(path),
            "ask for it again: its end, which says what is in it, cannot be read",
        ) from None
    columns = name_columns(heads, range(len(heads)), options.columns)
    chosen = [
        f"{quote(heads[place])} AS {quote(name)}" if place is not None else f"NULL::VARCHAR AS {quote(name)}"
        for name, place in zip(columns.names, columns.places, strict=True)
    ]
    source = literal(str(plain_path(path, workdir)))
    return FileRows(
        select=f"SELECT {', '.join([*chosen, 'file_row_number + 1 AS _row'])} "
        f"FROM read_parquet({source}, file_row_number = true, hive_partitioning = false)",
        columns=columns.names,
        headers=columns.headers,
        rows=rows,
        rejected=no_rejects(),
        skipped={"preamble": 0, "header": 0, "repeated_header": 0, "blank": 0},
        notes=(f"no header for {', '.join(columns.missing)}",) if columns.missing else (),
        missing=columns.missing,
        patient=True,
    )
