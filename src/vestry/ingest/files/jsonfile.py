"""JSON: a list of records, records one to a line, or one after another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from vestry.ingest.files.encoding import as_utf8
from vestry.ingest.files.keyed import Keyed, Number
from vestry.ingest.files.lines import TooLong, read_blocks
from vestry.ingest.files.model import EmptyFile, FileOptions, FileRows, UnreadableFile
from vestry.ingest.files.scan import Scan

_READ = 1 << 20
_SPACE = re.compile(r"[\s,\ufeff]*")
_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)


def read_json(path: Path, options: FileOptions, workdir: Path, facts: Scan) -> FileRows:
    """The records of a JSON file: top-level keys as columns, scalars as text, what is nested as JSON text.

    `_row` is the record's number; where records stand one to a line, the line.
    """
    text = as_utf8(path, facts, options.encoding, workdir)
    table = Keyed(workdir, options)
    with text.path.open(encoding="utf-8-sig") as file:
        start = file.read(1 << 16).lstrip()
    if not start:
        raise EmptyFile("the file is empty", str(path), "ask for it again")
    notes = list(text.notes)
    if start[0] == "[" and not options.rows:
        _read_list(text.path, path, table)
    elif start[0] not in "{[":
        raise UnreadableFile("the file is not JSON", str(path), "JSON begins with { or [; set `format` if it is text")
    elif not options.rows and _is_lines(start, options):
        _read_lines(text.path, table)
        notes.append("one record to a line")
    else:
        notes += _read_document(text.path, path, options, table)
    rows = table.done()
    return replace(rows, notes=(*notes, *rows.notes))


def _is_lines(start: str, options: FileOptions) -> bool:
    """Whether records stand one to a line: the first line is a whole record and more follows."""
    if options.format == "ndjson":
        return True
    first, more, rest = start.partition("\n")
    if not more or not rest.strip():
        return False
    try:
        _DECODER.decode(first.strip())
    except ValueError:
        # A broken first line: records to a line all the same, if the next ones are.
        following = [line.strip() for line in rest.split("\n")[:4] if line.strip()]
        whole = [line for line in following if line.startswith("{") and line.endswith("}")]
        return len(whole) >= max(1, len(following) - 1) and options.format != "json"
    return True


def _read_lines(text: Path, table: Keyed) -> None:
    for part in read_blocks(text):
        if isinstance(part, TooLong):
            table.rejects.add(part.line, part.start, part.reason)
            continue
        for number, line in enumerate(part.lines, part.first):
            stripped = line.strip()
            if not stripped:
                table.blank += 1
                continue
            try:
                record = _DECODER.decode(stripped)
            except (ValueError, RecursionError) as error:
                place = (
                    f": {error.msg.lower()} at character {error.pos + 1}"
                    if isinstance(error, json.JSONDecodeError)
                    else ""
                )
                table.rejects.add(number, line.removesuffix("\r"), f"not JSON{place}")
                continue
            table.add(number, record, stripped)


def _read_list(text: Path, path: Path, table: Keyed) -> None:
    for number, record in enumerate(_elements(text, path), 1):
        table.add(number, record)


def _elements(text: Path, path: Path) -> Iterator[Any]:
    """The elements of a list, or of several lists or records one after another, in bounded memory."""
    yield from _values(text, path, 0, inside=False)


def elements_after(text: Path, path: Path, start: int) -> Iterator[Any]:
    """The elements of the list that begins before the character `start`, and nothing after its end."""
    yield from _values(text, path, start, inside=True)


def _values(text: Path, path: Path, start: int, inside: bool) -> Iterator[Any]:
    with text.open(encoding="utf-8-sig", newline="") as file:
        file.read(start)
        only, buffer, at, count = inside, "", 0, 0
        more = True
        while True:
            at = _skip(buffer, at)
            if at >= len(buffer):
                part = file.read(_READ)
                if not part:
                    break
                buffer, at = part, 0
                continue
            if inside and buffer[at] == "]":
                if only:
                    return
                inside, at = False, at + 1
                continue
            if not inside and buffer[at] == "[":
                inside, at = True, at + 1
                continue
            try:
                value, end = _DECODER.raw_decode(buffer, at)
                if end >= len(buffer) - 1 and more:  # a number may go on in what is not read yet
                    raise ValueError
            except (ValueError, RecursionError):
                part = file.read(max(_READ, len(buffer) - at))
                if not part:
                    if more:
                        more = False
                        continue
                    raise _cut_off(path, count) from None
                buffer, at = buffer[at:] + part, 0
                continue
            yield value
            count, at = count + 1, end
            if at > _READ:
                buffer, at = buffer[at:], 0
        if inside:
            raise _cut_off(path, count)


def _skip(buffer: str, at: int) -> int:
    found = _SPACE.match(buffer, at)
    return found.end() if found else at


def _cut_off(path: Path, count: int) -> UnreadableFile:
    return UnreadableFile(
        f"the JSON is cut off or broken after record {count:,}",
        str(path),
        "ask for it again: nothing of it was taken",
    )


def _read_document(text: Path, path: Path, options: FileOptions, table: Keyed) -> list[str]:
    """One JSON document that holds its records at some path; or several documents, one after another."""
    values = list(_elements(text, path)) if not options.rows else [_whole(text, path)]
    if options.rows:
        records, notes = _at_path(values[0], options.rows, path), [f"records at `{options.rows}`"]
    elif len(values) == 1 and isinstance(values[0], dict):
        found = _find_records(values[0])
        records, notes = (found[1], [f"records at `{found[0]}`"]) if found else (values, ["one record"])
    else:
        records, notes = values, ["records one after another"]
    for number, record in enumerate(records, 1):
        table.add(number, record)
    return notes


def _whole(text: Path, path: Path) -> Any:
    try:
        return _DECODER.decode(text.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        place = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise UnreadableFile(f"the JSON is cut off or broken{place}", str(path), "ask for it again") from None


def records_at(text: Path, path: Path, dotted: str) -> list[Any]:
    """The records at a path of one document."""
    return _at_path(_whole(text, path), dotted, path)


def _at_path(value: Any, dotted: str, path: Path) -> list[Any]:
    for key in [k for k in dotted.removeprefix("$").split(".") if k]:
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            known = ", ".join(value) if isinstance(value, dict) else ""
            raise UnreadableFile(
                f"no `{key}` on the way to the records (`rows: {dotted}`)", str(path), f"there is: {known}"
            )
    return value if isinstance(value, list) else [value]


def _find_records(value: dict[str, Any]) -> tuple[str, list[Any]] | None:
    """The longest list of records in a document, the nearest to its top among equals."""
    best: tuple[str, list[Any]] | None = None
    level: list[tuple[str, dict[str, Any]]] = [("", value)]
    for _ in range(4):
        below: list[tuple[str, dict[str, Any]]] = []
        for prefix, mapping in level:
            for key, child in mapping.items():
                if isinstance(child, dict):
                    below.append((f"{prefix}{key}.", child))
                elif _is_records(child) and (best is None or len(child) > len(best[1])):
                    best = (prefix + key, child)
        level = below
    return best


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(child, dict) for child in value)
