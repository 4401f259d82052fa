"""The bytes of a file, from the folder or the object store that the lake lies in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from vestry.lake.tables import Lake
from vestry.project import TableName

if TYPE_CHECKING:
    import pyarrow as pa

_PARQUET = "application/vnd.apache.parquet"
_HEADERS = {"Cache-Control": "no-store", "Accept-Ranges": "bytes"}
_PIECE = 2**20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class _File(FileResponse):
    #: Each piece is a turn of the event loop: of the 64 kB that are usual a table takes thousands.
    chunk_size = _PIECE


def are_there(lake: Lake, table: TableName, names: Iterable[str]) -> bool:
    """Whether files of a table are not deleted yet."""
    if lake.is_local:
        return all(Path(lake.uri(table), name).is_file() for name in names)
    from pyarrow.fs import FileType

    return all(info.type == FileType.File for info in _store(lake, table).get_file_info(list(names)))


def answer(lake: Lake, table: TableName, name: str, request: Request) -> Response:
    """A file of a table, or the range of it that is asked for. It is for the caller to say that it may be given."""
    if lake.is_local:
        return _File(Path(lake.uri(table), name), media_type=_PARQUET, headers=_HEADERS)
    file = _store(lake, table).open_input_file(name)
    size = file.size()
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or not any(asked.groups()):
        return _response(request, file, 0, size, 200, _HEADERS)
    first, last = (int(number) if number else None for number in asked.groups())
    begin = max(size - (last or 0), 0) if first is None else first
    end = size if first is None or last is None else min(last + 1, size)
    if begin >= end:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    return _response(request, file, begin, end, 206, {**_HEADERS, "Content-Range": f"bytes {begin}-{end - 1}/{size}"})


def _response(
    request: Request, file: pa.NativeFile, begin: int, end: int, status: int, headers: dict[str, str]
) -> Response:
    said = {**headers, "Content-Length": str(end - begin)}
    if request.method == "HEAD":
        return Response(status_code=status, headers=said, media_type=_PARQUET)
    return StreamingResponse(_pieces(file, begin, end), status, said, _PARQUET)


def _pieces(file: pa.NativeFile, begin: int, end: int) -> Iterator[bytes]:
    file.seek(begin)
    while begin < end and (piece := file.read(min(_PIECE, end - begin))):
        begin += len(piece)
        yield piece


def _store(lake: Lake, table: TableName) -> pa.fs.FileSystem:
    from deltalake.fs import DeltaStorageHandler
    from pyarrow.fs import PyFileSystem

    return PyFileSystem(DeltaStorageHandler(lake.uri(table), lake.options))
