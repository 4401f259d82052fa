"""Columns of the lake as PostgreSQL keeps them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vestry.project import quote

#: DuckDB's types that the lake has (see `vestry.lake.types`), and PostgreSQL's.
_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "BLOB": "bytea",
    "DATE": "date",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)\Z")


def postgres_type(kind: str) -> str:
    """PostgreSQL's type for one of the lake's; lists are JSON, which every client shows."""
    if found := _DECIMAL.match(kind):
        return f"numeric({found[1]},{found[2]})"
    return _TYPES.get(kind, "json" if kind.endswith("[]") else "text")


def definition(columns: Sequence[tuple[str, str]]) -> str:
    """The columns of CREATE TABLE; `columns` are names with DuckDB's types."""
    return ", ".join(f"{quote(name)} {postgres_type(kind)}" for name, kind in columns)


def selected(columns: Sequence[tuple[str, str]]) -> str:
    """DuckDB's SQL of the columns as they are sent."""
    return ", ".join(
        f"CAST(to_json({quote(name)}) AS VARCHAR) AS {quote(name)}" if kind.endswith("[]") else quote(name)
        for name, kind in columns
    )
