"""What becomes of columns on their way out: as they are, text for CSV, or one JSON object for each row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vestry.project import literal, quote

#: Columns by name and DuckDB type.
Columns = Sequence[tuple[str, str]]
#: A text that begins so is a formula to a spreadsheet.
_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")
FORMULA = "^[=+\\-@\t\r\n]"


@dataclass(frozen=True)
class Shape:
    """A form of rows; `made` gives the columns that go out, each with its SQL."""

    name: str
    made: Callable[[Columns], list[tuple[str, str]]]


def _as_they_are(columns: Columns) -> list[tuple[str, str]]:
    return [(name, quote(name)) for name, _ in columns]


def _texts(columns: Columns) -> list[tuple[str, str]]:
    """CSV is what spreadsheets open: a text that they would run as a formula begins with an apostrophe."""
    found = []
    for name, kind in columns:
        text = _text(quote(name), kind)
        if kind == "VARCHAR":
            text = f"CASE WHEN regexp_matches({text}, {literal(FORMULA)}) THEN '''' || {text} ELSE {text} END"
        found.append((no_formula(name), text))
    return found


def no_formula(text: str) -> str:
    """A text as CSV has it: with an apostrophe before what a spreadsheet would run."""
    return f"'{text}" if text.startswith(_BEGINS) else text


def _text(name: str, kind: str) -> str:
    """A value as text that other programs read back: ISO 8601, base64, and JSON for what has parts."""
    if kind.startswith("TIMESTAMP"):
        return f"strftime({name}, '{_iso(kind)}')"
    if kind == "BLOB":
        return f"to_base64({name})"
    if kind.endswith(("[]", ")")) and not kind.startswith("DECIMAL"):
        return f"CAST(to_json({name}) AS VARCHAR)"
    return f"CAST({name} AS VARCHAR)"


def _iso(kind: str) -> str:
    return "%Y-%m-%dT%H:%M:%S.%fZ" if kind.endswith("ZONE") else "%Y-%m-%dT%H:%M:%S.%f"


def json_value(name: str, kind: str) -> str:
    """SQL of a value of which DuckDB makes JSON that every parser reads; what is no number is null."""
    if kind in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN isfinite({name}) THEN {name} END"
    return _text(name, kind) if kind.startswith("TIMESTAMP") or kind == "BLOB" else name


def json_object(values: Sequence[tuple[str, str]]) -> str:
    """SQL of one JSON object as text, of keys and the SQL of their values."""
    parts = ", ".join(f"{literal(key)}, {value}" for key, value in values)
    return f"CAST(json_object({parts}) AS VARCHAR)"


def _objects(columns: Columns) -> list[tuple[str, str]]:
    return [("json", json_object([(name, json_value(quote(name), kind)) for name, kind in columns]))]


ARROW, CSV, JSON = Shape("arrow", _as_they_are), Shape("csv", _texts), Shape("json", _objects)
