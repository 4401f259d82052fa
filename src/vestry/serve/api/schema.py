"""The OpenAPI document: the addresses, and the columns of every table that the reader may read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vestry.serve.api.asked import FURTHEST, LARGEST, OPERATORS, PAGE, Asked
from vestry.serve.api.described import ColumnSaid, TableSaid
from vestry.serve.rows.changes import CHANGE
from vestry.serve.rows.encode import FORMS

_ABOUT = f"""\
Rows of the tables that you may read; every reading is written down in the audit.

Conditions stand in the address as `column=value` or `column.operator=value`, the operators being
{", ".join(f"`{operator}`" for operator in OPERATORS)}; all of them must hold. `in` takes values with commas between
them, `is` takes `null` or `notnull`. Conditions on personal columns are sent as JSON by POST.
"""
_TYPES: dict[str, dict[str, Any]] = {
    "BOOLEAN": {"type": "boolean"},
    "DATE": {"type": "string", "format": "date"},
    "TIMESTAMP WITH TIME ZONE": {"type": "string", "format": "date-time"},
    "FLOAT": {"type": "number"},
    "DOUBLE": {"type": "number"},
    "VARCHAR": {"type": "string"},
    "TIMESTAMP": {"type": "string"},
    "BLOB": {"type": "string", "contentEncoding": "base64"},
    **{kind: {"type": "integer"} for kind in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")},
}
_ERRORS = {
    400: "The question cannot be answered.", 401: "No good token.", 403: "You may not read this.",
    404: "There is no such thing.", 406: "There is no such form.", 410: "What it goes on from is gone.",
    409: "What you may read changed meanwhile: ask again.", 429: "You ask too much at once.",
    413: "The question is too long.", 415: "The question is not JSON.", 503: "Too much at once, or it took too long.",
}  # fmt: skip
_HEADERS = {
    "ETag": "Names the answer: another version or another rule of reading has another.",
    "Vestry-Version": "What is seen, for `since`.",
    "Vestry-Rows": "Rows in this answer.",
    "Vestry-Cursor": "Where the next page begins.",
    "Link": "The next page.",
}
PROBLEM = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "mend": {"type": "string", "description": "What to do."},
    },
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Those answers of an address that say what went wrong."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _ERRORS[status], "content": content} for status in statuses}


def completed(document: dict[str, Any], tables: Sequence[TableSaid]) -> dict[str, Any]:
    """The framework's document with the rows of tables, and what all addresses share."""
    document["info"]["description"] = _ABOUT
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    asked = Asked.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= asked.pop("$defs", {})
    schemas["Asked"] = asked
    for table in {table.name: table for table in tables}.values():
        schemas[table.name] = _row(table)
        document["paths"][f"/v1/tables/{table.name}/rows"] = {"get": _get(table), "post": _post(table)}
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    return document


def _row(table: TableSaid) -> dict[str, Any]:
    properties = {column.name: _column(column) for column in table.columns}
    change = {"type": "string", "enum": ["added", "removed"], "description": "With `since` only."}
    return {
        "type": "object",
        "description": table.meaning or table.name,
        "properties": {**properties, CHANGE: change},
        "additionalProperties": False,
    }


def _column(column: ColumnSaid) -> dict[str, Any]:
    kind = {"type": "number"} if column.type.startswith("DECIMAL") else _TYPES.get(column.type)
    said: dict[str, Any] = {"description": "; ".join(filter(None, (column.meaning, column.treatment)))}
    return said if kind is None else {**said, **kind, "type": [kind["type"], "null"]}


def _get(table: TableSaid) -> dict[str, Any]:
    return {
        "operationId": f"get_{table.name}",
        "summary": f"Rows of {table.name}",
        "tags": [table.product],
        "parameters": [*_own(table), *_conditions(table)],
        "responses": _responses(table, 304),
    }


def _post(table: TableSaid) -> dict[str, Any]:
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/Asked"}}}
    return {
        "operationId": f"ask_{table.name}",
        "summary": f"Rows of {table.name}, by a question that no address holds",
        "tags": [table.product],
        "parameters": [one for one in _own(table) if one["name"] == "format"],
        "requestBody": {"required": True, "content": body},
        "responses": _responses(table, 413, 415),
    }


def _responses(table: TableSaid, *more: int) -> dict[str, Any]:
    row = {"$ref": f"#/components/schemas/{table.name}"}
    page = {
        "type": "object",
        "required": ["table", "version", "count", "next", "cursor", "rows"],
        "properties": {
            "table": {"type": "string"},
            "version": {"type": "string"},
            "count": {"type": "integer"},
            "next": {"type": ["string", "null"]},
            "cursor": {"type": ["string", "null"]},
            "rows": {"type": "array", "items": row},
        },
    }
    content: dict[str, Any] = {
        form.media_type.partition(";")[0]: {"schema": page if form.name == "json" else {}} for form in FORMS.values()
    }
    headers = {name: {"description": said, "schema": {"type": "string"}} for name, said in _HEADERS.items()}
    answers: dict[int | str, Any] = {200: {"description": "Rows.", "headers": headers, "content": content}}
    if 304 in more:
        answers[304] = {"description": "It is as it was (If-None-Match)."}
    answers |= errors(400, 401, 403, 404, 406, 410, 503, *(status for status in more if status != 304))
    return {str(status): said for status, said in answers.items()}


def _own(table: TableSaid) -> list[dict[str, Any]]:
    names = [column.name for column in table.columns]
    ordered = [*names, *(f"{name}.desc" for name in names)]
    number = {"type": "integer", "minimum": 1, "maximum": FURTHEST}
    return [
        _parameter("columns", "Which columns, in this order.", _some({"type": "string", "enum": names})),
        _parameter("order", "By which columns; `.desc` turns one round.", _some({"type": "string", "enum": ordered})),
        _parameter("limit", f"Rows at most; JSON has {PAGE:,}, and {LARGEST:,} at most.", number),
        _parameter("offset", "Rows to leave out at the beginning.", {**number, "minimum": 0}),
        _parameter("cursor", "Where the page before ended.", {"type": "string"}),
        _parameter("since", f"What changed since a version; `{CHANGE}` says how.", {"type": "string"}),
        _parameter("purpose", "What it is for, where there are several.", {"type": "string"}),
        _parameter("format", "Instead of Accept.", {"type": "string", "enum": list(FORMS)}),
    ]


def _some(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _conditions(table: TableSaid) -> list[dict[str, Any]]:
    found = []
    for column in table.columns:
        kind = _column(column)
        if column.filter != "address" or "type" not in kind or column.type == "BLOB":
            continue
        single = {key: value for key, value in kind.items() if key != "description"} | {"type": kind["type"][0]}
        is_text = column.type in ("VARCHAR", "BOOLEAN")
        found.append(_parameter(column.name, f"Rows whose {column.name} is this.", single))
        found += [_parameter(f"{column.name}.{op}", "", single) for op in (() if is_text else ("gte", "lt"))]
        found.append(_parameter(f"{column.name}.in", "One of these.", _some(single)))
        found.append(_parameter(f"{column.name}.is", "", {"type": "string", "enum": ["null", "notnull"]}))
    return found


def _parameter(name: str, said: str, schema: dict[str, Any]) -> dict[str, Any]:
    listed = {"style": "form", "explode": False} if schema["type"] == "array" else {}
    return {"name": name, "in": "query", "description": said, "schema": schema, **listed}
