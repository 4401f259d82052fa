"""A file that somebody sends in a form, written to disk as it comes."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from vestry.project import DataError

#: What a browser may go on sending after the file was too large: it shows no page before it has sent all.
_PATIENCE = 20


async def received(request: Request, field: str, target: Path, most: int) -> str:
    """Write the file of a form's field to `target` and return what its sender calls it.

    Raises DataError where there is no file, or one of more than `most` bytes; `target` may be there in part then.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise DataError("Choose a file")
    with target.open("wb") as out:
        parts = _Parts(field, out, most)
        sent = 0
        try:
            parser = MultipartParser(options[b"boundary"], parts.callbacks())  # type: ignore[arg-type]
            async for chunk in request.stream():
                sent += len(chunk)
                if sent > most * _PATIENCE:
                    break
                await run_in_threadpool(parser.write, chunk)
        except FormParserError:
            raise DataError("The upload was cut off: choose the file again") from None
    if parts.written > most:
        raise DataError(f"The file must be smaller than {most >> 20} MB")
    if not parts.name:
        raise DataError("Choose a file")
    return parts.name


class _Parts:
    """Takes the file out of the parts of a form."""

    def __init__(self, field: str, out: BinaryIO, most: int) -> None:
        self.name, self.written = "", 0
        self._field, self._out, self._most = field.encode(), out, most
        self._header, self._value, self._is_ours = b"", b"", False

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._of_header,
            "on_header_value": self._of_value,
            "on_header_end": self._header_ends,
            "on_part_data": self._data,
        }

    def _begin(self) -> None:
        self._header, self._value, self._is_ours = b"", b"", False

    def _of_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _of_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            if options.get(b"name") == self._field and not self.name:
                self.name = options.get(b"filename", b"").decode(errors="replace")
                self._is_ours = bool(self.name)
        self._header, self._value = b"", b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_ours:
            self.written += end - start
            if self.written <= self._most:
                self._out.write(data[start:end])
