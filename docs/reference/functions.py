"""The page of SQL functions: their own comments, and what each makes of some values, by asking the engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

import duckdb

_MACROS = files("vestry.lake") / "macros.sql"
_FUNCTION = re.compile(r"((?:^--[^\n]*\n)+)CREATE OR REPLACE MACRO (\w+)\(([^)]*)\)", re.MULTILINE)

_HEAD = """# SQL functions

Products are SQL in [DuckDB's dialect](https://duckdb.org/docs/stable/sql/introduction), with these functions besides.
They read what councils' text really holds. Each answers NULL where the text cannot be read, so that a quality rule
of the contract can count it and nothing is guessed.
"""
#: Values that show what a function is for.
_TRY = {
    "tidy": ["  Jo   Bloggs ", "   "],
    "money": ["£1,234.50", "(12.00)", "1,234.50-", "12.5 CR", "1.2E+05", "about £20"],
    "uk_date": ["24/12/2010", "24-Dec-10", "24 December 2010", "2010-12-24T09:30", "20101224", "31/02/2020"],
    "postcode": ["ls11ur", "LS1 1UR.", "not known"],
    "uprn": ["000100012345", "100012345.0", "none"],
}


@dataclass(frozen=True)
class Function:
    """A macro of the engine, with the comment above it."""

    name: str
    arguments: str
    said: str


def functions() -> list[Function]:
    """The functions in the order of their file."""
    text = _MACROS.read_text(encoding="utf-8")
    return [
        Function(name, arguments, " ".join(line.removeprefix("--").strip() for line in said.splitlines()))
        for said, name, arguments in _FUNCTION.findall(text)
    ]


def page() -> str:
    """One section for each function."""
    with duckdb.connect() as con:
        con.execute(_MACROS.read_text(encoding="utf-8"))
        return "\n".join([_HEAD, *(line for function in functions() for line in _section(con, function))])


def _section(con: duckdb.DuckDBPyConnection, function: Function) -> Iterator[str]:
    yield f"## {function.name}({function.arguments})\n"
    yield f"{function.said}\n"
    if values := _TRY.get(function.name):
        yield "| text | answer |\n| --- | --- |"
        for value in values:
            row = con.execute(f"SELECT CAST({function.name}(?) AS VARCHAR)", [value]).fetchone()
            answer = row[0] if row else None
            yield f"| `{value!r}` | {'NULL' if answer is None else f'`{answer}`'} |"
        yield ""
