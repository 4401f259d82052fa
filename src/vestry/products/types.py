"""The columns that a recipe makes, held against those that its contract promises."""

from __future__ import annotations

import re

from vestry.products.builder import Context
from vestry.project import DataError, quote
from vestry.project.contract import Table, duckdb_type

_FAMILIES = {
    "whole number": {
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
    },
    "number": {"FLOAT", "DOUBLE", "DECIMAL"},
    "text": {"VARCHAR", "ENUM", "UUID", "JSON", "TIME"},
    "time": {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"},
    "date": {"DATE"},
    "boolean": {"BOOLEAN"},
}
#: What is promised may be made of what is written on the right without losing anything.
_MAY_BE_MADE_OF = {"number": {"whole number"}}


def family(kind: str) -> str:
    """The family of a DuckDB type: within one, a value is stored as the contract says."""
    bare = re.sub(r"\(.*\)", "", kind.upper()).strip()
    return next((name for name, kinds in _FAMILIES.items() if bare in kinds), bare)


def agrees(made: str, promised: str) -> bool:
    """Can a column made of one DuckDB type be stored as the type that is promised?"""
    if made.strip('"') == "NULL":
        return True
    a, b = family(made), family(promised)
    return a == b or a in _MAY_BE_MADE_OF.get(b, ())


def differences(made: dict[str, str], table: Table) -> list[tuple[str, str, str]]:
    """Where made and promised columns differ: (column, what is wrong, how to mend it)."""
    found = []
    lower = {name.lower(): kind for name, kind in made.items()}
    for column in table.columns:
        kind = lower.get(column.name.lower())
        promised = duckdb_type(column)
        if kind is None:
            found.append((column.name, f"the contract promises the column `{column.name}`, and it is not made", ""))
        elif promised and not agrees(kind, promised):
            what = f"the column `{column.name}` is made as {kind}, and the contract promises {promised}"
            found.append((column.name, what, f"CAST(… AS {promised}), or change the contract"))
    names = {c.name.lower() for c in table.columns}
    for name in made:
        if name.lower() not in names:
            what = f"the column `{name}` is made, and the contract does not promise it"
            found.append((name, what, "add it to the contract, or leave it out of the SELECT"))
    return found


def promised_select(context: Context, select: str) -> str:
    """`select` with its columns in the order and the types of the contract.

    Raises DataError where they differ in more than that.
    """
    described = context.con.execute(f"DESCRIBE {select}").fetchall()
    made = {row[0]: row[1] for row in described}
    wrong = differences(made, context.table.contract)
    if wrong:
        what = "; ".join(item[1] for item in wrong)
        raise DataError(what, context.where, "; ".join(dict.fromkeys(item[2] for item in wrong if item[2])))
    parts = []
    for column in context.table.contract.columns:
        kind, q = duckdb_type(column), quote(column.name)
        parts.append(f"CAST({q} AS {kind}) AS {q}" if kind else q)
    return f"SELECT {', '.join(parts)} FROM ({select})"
