"""What a file really is, by its content first and by its name last."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from vestry.ingest.files.encoding import looks_like_utf16
from vestry.ingest.files.model import EmptyFile, FileOptions, UnreadableFile

Kind = Literal["delimited", "json", "workbook", "html", "parquet", "fixed", "xml", "geojson", "gpkg", "shapefile"]

HEAD = 1 << 16
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_HTML = re.compile(
    rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|table|meta|style)\b", re.I | re.S
)
_WORKBOOKS = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}
_JSON = {".json", ".ndjson", ".jsonl"}
_TEXT = {".csv", ".tsv", ".tab", ".txt", ".psv"}
_OTHERS = {
    b"\x1f\x8b": ("compressed with gzip inside an archive", "unpack it first"),
    b"%PDF": ("a PDF", "ask for the figures as CSV or XLSX"),
    b"Rar!": ("a RAR archive", "unpack it first"),
    b"7z\xbc\xaf": ("a 7-Zip archive", "unpack it first"),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "unpack it first"),
    b"SQLite format 3\0": ("a SQLite database", "read it as a source of type database"),
}
_SAYS: dict[Kind, str] = {
    "delimited": "delimited text",
    "json": "JSON",
    "workbook": "a workbook",
    "html": "a web page",
    "parquet": "Parquet",
    "fixed": "text of fixed width",
    "xml": "XML",
    "geojson": "GeoJSON",
    "gpkg": "a GeoPackage",
    "shapefile": "a shapefile",
}
_FORMATS: dict[str, Kind] = {
    **dict.fromkeys(("csv", "tsv"), "delimited"),
    **dict.fromkeys(("json", "ndjson"), "json"),
    "xlsx": "workbook",
}  # fmt: skip
_SUFFIXES: dict[str, Kind] = {
    **dict.fromkeys(_WORKBOOKS, "workbook"),
    **dict.fromkeys(_JSON, "json"),
    **dict.fromkeys(_TEXT, "delimited"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".html", ".htm"), "html"),
    ".xml": "xml",
    ".geojson": "geojson",
    ".gpkg": "gpkg",
    ".shp": "shapefile",
}
_SHAPEFILE = b"\x00\x00\x27\x0a" + bytes(20)
#: The application's id in SQLite's header, of GeoPackage 1.2 and after, and before.
_GEOPACKAGE = (b"GPKG", b"GP10", b"GP11")
_FEATURES = re.compile(rb'"type"\s*:\s*"FeatureCollection"')

#: GeoJSON is JSON.
_SAME = {("json", "geojson"), ("geojson", "json")}


@dataclass(frozen=True)
class Found:
    """The kind of a file, with a note where that is not what it is called."""

    kind: Kind
    notes: tuple[str, ...] = ()


def find_kind(path: Path, options: FileOptions) -> Found:
    """What the file is. Raises UnreadableFile where it is nothing with rows in it."""
    if not path.exists():
        raise UnreadableFile("there is no such file", str(path), "was it moved while it was read?")
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise EmptyFile("the file is empty", str(path), "ask for it again: not even a header is in it")
    kind = _by_content(path, head, options)
    called = _by_name(path, options)
    if called is None or called == kind or (called, kind) in _SAME:
        return Found(kind)
    return Found(kind, (f"called {_SAYS[called]}, but is {_SAYS[kind]}: read as what it is",))


def _by_content(path: Path, head: bytes, options: FileOptions) -> Kind:
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"PK\x03\x04"):
        return "workbook"
    if head.startswith(_OLE):
        _refuse_encrypted(path)
        return "workbook"
    if head.startswith(_SHAPEFILE):
        return "shapefile"
    if head.startswith(b"SQLite format 3\0") and (head[68:72] in _GEOPACKAGE or path.suffix.lower() == ".gpkg"):
        return "gpkg"
    for magic, (what, mend) in _OTHERS.items():
        if head.startswith(magic):
            raise UnreadableFile(f"the file is {what}", str(path), mend)
    if options.encoding is None and not looks_like_utf16(head) and _is_binary(head):
        raise UnreadableFile(
            "the file is binary: neither text, nor a workbook, nor Parquet",
            str(path),
            "save it as CSV, XLSX, JSON or Parquet",
        )
    text = head.replace(b"\0", b"") if looks_like_utf16(head) else head
    text = text.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    if _HTML.match(text):
        return "html"
    called = _by_name(path, options)
    if called == "fixed":
        return "fixed"
    if called == "xml" or (called != "delimited" and text.lstrip()[:1] == b"<"):
        return "xml"
    if called in ("json", "geojson") or (called != "delimited" and text.lstrip()[:1] in (b"{", b"[")):
        # Where records are looked for at a path, or JSON is asked for by name, features are plain records.
        return "geojson" if _FEATURES.search(text) and not (options.rows or options.format == "json") else "json"
    return "delimited"


def _by_name(path: Path, options: FileOptions) -> Kind | None:
    if options.format is not None:
        return _FORMATS.get(options.format) or cast("Kind", options.format)
    return _SUFFIXES.get(path.suffix.lower())


def _is_binary(head: bytes) -> bool:
    """More than a tenth of control bytes is no text; a few NULs in a text file are."""
    control = len(head) - len(head.translate(None, bytes([*range(9), *range(14, 32), 127])))
    return control * 10 > len(head)


def _refuse_encrypted(path: Path) -> None:
    """A workbook with a password is an OLE file that holds a stream named EncryptedPackage."""
    with path.open("rb") as file:
        before = b""
        while chunk := file.read(1 << 20):
            if _ENCRYPTED in before[-64:] + chunk:
                raise UnreadableFile(
                    "the workbook is encrypted with a password",
                    str(path),
                    "open it, save it without a password, and drop it again",
                )
            before = chunk
