"""Records of names and values (of JSON, of XML) gathered into columns."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from vestry.ingest.files.model import FileOptions, FileRows
from vestry.ingest.files.names import name_columns
from vestry.ingest.files.spool import Rejects, Spool

BATCH = 5_000
_MARK = "\ue000"
_NUMBER = re.compile(f'"{_MARK}([^"]*)"')


class Number(str):
    """A number as it stood in the text: 1.10 stays 1.10."""

    __slots__ = ()


class Keyed:
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
            self.rejects.add(number, as_text(record) or "" if raw is None else raw, "not a record: no names in it")
            return
        self._records.append(record)
        self._numbers.append(number)
        if len(self._records) >= BATCH:
            self._flush()

    def done(self) -> FileRows:
        self._flush()
        heads = list(self._keys)
        # An attribute of XML (`@id`) gives way to a child of its name.
        kept = sorted(range(len(heads)), key=lambda n: heads[n].startswith("@"))
        columns = name_columns(heads, kept, self._options.columns)
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
            columns = [[as_text(record.get(key)) for record in self._records] for key in self._keys]
            self._spool.append(self._numbers, columns)
        self._records, self._numbers = [], []


def as_text(value: Any) -> str | None:
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
    if isinstance(value, Number):
        return True
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_has_numbers(child) for child in children)


def _marked(value: Any) -> Any:
    """The same with numbers marked, so that they can lose their quotes again."""
    if isinstance(value, Number):
        return _MARK + value
    if isinstance(value, dict):
        return {key: _marked(child) for key, child in value.items()}
    return [_marked(child) for child in value] if isinstance(value, list) else value
