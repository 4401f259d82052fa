"""JSON: a list of records, records one to a line, or one after another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from vestry.ingest.files.encoding import as_utf8
from vestry.ingest.files.lines import TooLong, read_blocks
from vestry.ingest.files.model import EmptyFile, FileOptions, FileRows, UnreadableFile
from vestry.ingest.files.names import name_columns
from vestry.ingest.files.scan import Scan
from vestry.ingest.files.spool import Rejects, Spool

_BATCH = 5_000
_READ = 1 << 20
_SPACE = re.compile(r"[\s,\ufeff]*")
_MARK = "\ue000"
_NUMBER = re.compile(f'"{_MARK}([^"]*)"')


class _Number(str):
    """A number as it stood in the text: 1.10 stays 1.10."""

    __slots__ = ()


_DECODER = json.JSONDecoder(parse_float=_Number, parse_int=_Number, parse_constant=_Number)


def read_json(path: Path, options: FileOptions, workdir: Path, facts: Scan) -> FileRows:
    """The records of a JSON file: top-level keys as columns, scalars as text, what is nested as JSON text.

    `_row` is the record's number; where records stand one to a line, the line.
    """
    text = as_utf8(path, facts, options.encoding, workdir)
    table = _Table(workdir, options)
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


class _Table:
    """Records gathered into columns; a key that comes late becomes a column from there on."""

    def __init__(self, workdir: Path, options: FileOptions) -> None:
        self._options = options
        self._keys: dict[str, None] = {}
        self._records: list[dict[str, Any]] = []
        self._numbers: list[int] = []
        self._spool = Spool(workdir, [])
        self.rejects = Rejects(workdir)
        self.blank = 0

    def add(self, number: int, record: Any, raw: str | None = None) -> None:
        if not isinstance(record, dict):
            self.rejects.add(number, _as_text(record) or "" if raw is None else raw, "not a record: no names in it")
            return
        self._records.append(record)
        self._numbers.append(number)
        if len(self._records) >= _BATCH:
            self._flush()

    def done(self) -> FileRows:
        self._flush()
        heads = list(self._keys)
        columns = name_columns(heads, range(len(heads)), self._options.columns)
        return FileRows(
            select=self._spool.select(columns.names, columns.places),
            columns=columns.names,
            headers=columns.headers,
            rows=self._spool.rows,
            rejected=self.rejects.table(),
            skipped={"preamble": 0, "header": 0, "repeated_header": 0, "blank": self.blank},
            notes=(f"nothing for {', '.join(columns.missing)}",) if columns.missing else (),
            missing=columns.missing,
            patient=True,
        )

    def _flush(self) -> None:
        known = len(self._keys)
        for record in self._records:
            if record.keys() - self._keys.keys():
                self._keys.update(dict.fromkeys(record))
        if len(self._keys) > known:
            self._spool.widen(list(self._keys))
        if self._records:
            columns = [[_as_text(record.get(key)) for record in self._records] for key in self._keys]
            self._spool.append(self._numbers, columns)
        self._records, self._numbers = [], []


def _as_text(value: Any) -> str | None:
    match value:
        case str():
            return str(value)
        case None:
            return None
        case bool():
            return "true" if value else "false"
    return _NUMBER.sub(r"\1", _dump(_marked(value))) if _has_numbers(value) else _dump(value)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _has_numbers(value: Any) -> bool:
    if isinstance(value, _Number):
        return True
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_has_numbers(child) for child in children)


def _marked(value: Any) -> Any:
    """The same with numbers marked, so that they can lose their quotes again."""
    if isinstance(value, _Number):
        return _MARK + value
    if isinstance(value, dict):
        return {key: _marked(child) for key, child in value.items()}
    return [_marked(child) for child in value] if isinstance(value, list) else value


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


def _read_lines(text: Path, table: _Table) -> None:
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


def _read_list(text: Path, path: Path, table: _Table) -> None:
    for number, record in enumerate(_elements(text, path), 1):
        table.add(number, record)


def _elements(text: Path, path: Path) -> Iterator[Any]:
    """The elements of a list, or of several lists or records one after another, in bounded memory."""
    with text.open(encoding="utf-8-sig", newline="") as file:
        buffer, at, inside, count = "", 0, False, 0
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


def _read_document(text: Path, path: Path, options: FileOptions, table: _Table) -> list[str]:
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
