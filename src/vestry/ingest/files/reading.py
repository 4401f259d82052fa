"""Reads one file, whatever it is: finds its kind and hands it to the reader for that kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.ingest.files.kind import find_kind
from vestry.ingest.files.model import EmptyFile, FileOptions, FileRows, UnreadableFile
from vestry.ingest.files.scan import Scan, scan

if TYPE_CHECKING:
    import duckdb


def read_file(
    path: Path,
    options: FileOptions,
    con: duckdb.DuckDBPyConnection,
    workdir: Path,
    *,
    patient: bool = False,
    facts: Scan | None = None,
) -> FileRows:
    """The rows of a file as SQL for `con`, and an account of every other line.

    What the select reads lies in `workdir`, or is the file itself: keep both until it has run. If it
    then gives another number of rows than `FileRows.rows`, or DuckDB refuses it, call again with
    `patient=True` (and show nobody DuckDB's message: it quotes the line). `facts` saves the scan, where it
    was made for the fingerprint already. Raises UnreadableFile, or EmptyFile, where the file as a
    whole cannot be read.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    found = find_kind(path, options)
    rows = _read(path, options, con, workdir, patient, found.kind, facts)
    return replace(rows, notes=(*found.notes, *rows.notes))


def _read(
    path: Path,
    options: FileOptions,
    con: duckdb.DuckDBPyConnection,
    workdir: Path,
    patient: bool,
    kind: str,
    facts: Scan | None,
) -> FileRows:
    if kind == "parquet":
        from vestry.ingest.files.parquet import read_parquet

        return read_parquet(path, options, workdir)
    if kind == "workbook":
        from vestry.ingest.files.workbook import read_workbook

        return read_workbook(path, options, workdir)
    if kind == "xml":
        from vestry.ingest.files.xmlfile import read_xml

        return read_xml(path, options, workdir)
    if kind in ("geojson", "gpkg", "shapefile"):
        from vestry.ingest.files.geo import read_geo

        return read_geo(path, options, con, workdir, kind, facts)
    facts = facts or scan(path, digest=False)
    if kind == "fixed":
        from vestry.ingest.files.fixed import read_fixed

        return read_fixed(path, options, workdir, facts)
    if kind == "json":
        from vestry.ingest.files.jsonfile import read_json

        return read_json(path, options, workdir, facts)
    if kind == "html":
        from vestry.ingest.files.html import read_html

        return read_html(path, options, workdir, facts)
    from vestry.ingest.files.delimited import read_delimited

    return read_delimited(path, options, con, workdir, facts, patient)


__all__ = ["EmptyFile", "FileOptions", "FileRows", "UnreadableFile", "read_file"]
