"""From DuckDB's types to those that Delta keeps.

Delta has no unsigned, 128-bit, time-of-day or interval type, and a timestamp without
a zone needs a reader feature that Delta Sharing cannot serve: so each is stored as
the nearest type that every reader of Delta knows.
"""

from __future__ import annotations

import json
import re

from deltalake import Schema

from vestry.project import VestryError, quote

_INSTEAD = {
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(38,0)",
    "UBIGINT": "DECIMAL(20,0)",
    "UINTEGER": "BIGINT",
    "USMALLINT": "INTEGER",
    "UTINYINT": "SMALLINT",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP_S": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP_MS": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP_NS": "TIMESTAMP WITH TIME ZONE",
    "TIME": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
    "INTERVAL": "VARCHAR",
    "UUID": "VARCHAR",
    "JSON": "VARCHAR",
    "BIT": "VARCHAR",
    "BIGNUM": "VARCHAR",
    "VARIANT": "VARCHAR",
    '"NULL"': "VARCHAR",
    "NULL": "VARCHAR",
}
_DELTA = {
    "BOOLEAN": "boolean",
    "TINYINT": "byte",
    "SMALLINT": "short",
    "INTEGER": "integer",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "BLOB": "binary",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}
_DUCKDB = {delta: duckdb for duckdb, delta in _DELTA.items()} | {"timestamp_ntz": "TIMESTAMP"}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)\Z")


def stored_type(duckdb_type: str) -> str:
    """The DuckDB type in which a value is stored: its own, or the nearest that Delta keeps."""
    if duckdb_type in _DELTA or _DECIMAL.match(duckdb_type):
        return duckdb_type
    if duckdb_type.startswith("ENUM"):
        return "VARCHAR"
    if duckdb_type in _INSTEAD:
        return _INSTEAD[duckdb_type]
    if duckdb_type.endswith("[]"):
        return f"{stored_type(duckdb_type[:-2])}[]"
    return "VARCHAR"


def stored_select(select: str, columns: list[tuple[str, str]]) -> str:
    """`select` with each of its columns (name, DuckDB type) cast to the type it is stored in."""
    if all(stored_type(kind) == kind for _, kind in columns):
        return select
    parts = []
    for name, kind in columns:
        stored = stored_type(kind)
        if stored == kind:
            parts.append(quote(name))
        elif kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("[]"):
            parts.append(f"CAST(to_json({quote(name)}) AS VARCHAR) AS {quote(name)}")
        else:
            parts.append(f"CAST({quote(name)} AS {stored}) AS {quote(name)}")
    return f"SELECT {', '.join(parts)} FROM ({select})"


def delta_schema(columns: list[tuple[str, str]]) -> Schema:
    """The Delta schema of columns (name, DuckDB type) as they are stored.

    Raises VestryError for a type that no reader of Delta would know.
    """
    fields = [
        {"name": name, "type": _delta_type(name, stored_type(kind)), "nullable": True, "metadata": {}}
        for name, kind in columns
    ]
    return Schema.from_json(json.dumps({"type": "struct", "fields": fields}))


def _delta_type(name: str, kind: str) -> object:
    if kind in _DELTA:
        return _DELTA[kind]
    if found := _DECIMAL.match(kind):
        return f"decimal({found[1]},{found[2]})"
    if kind.endswith("[]"):
        return {"type": "array", "elementType": _delta_type(name, kind[:-2]), "containsNull": True}
    raise VestryError(f"the column `{name}` has the type {kind}, which a table cannot keep", mend="cast it")


def duckdb_columns(schema: Schema) -> dict[str, str]:
    """A Delta schema as DuckDB's types, by column."""
    return {field["name"]: _duckdb_type(field["type"]) for field in json.loads(schema.to_json())["fields"]}


def _duckdb_type(kind: object) -> str:
    if isinstance(kind, dict):
        return f"{_duckdb_type(kind['elementType'])}[]" if kind["type"] == "array" else "VARCHAR"
    text = str(kind)
    return _DUCKDB.get(text) or text.upper()
