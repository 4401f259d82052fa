"""Questions in SQL as the OpenAPI document tells of them."""

from __future__ import annotations

from typing import Any

from vestry.governance.sql.statement import LONGEST
from vestry.serve.api.schema import errors
from vestry.serve.sql.sent import FORMS

_ABOUT = """\
One SELECT in DuckDB's dialect, over the tables that you may read, by their full names. It takes a token of the scope
`sql`. What is asked is written down in the audit by its tables, not by its text.
"""
_ASKED = {
    "type": "object",
    "required": ["sql"],
    "additionalProperties": False,
    "properties": {
        "sql": {"type": "string", "maxLength": LONGEST},
        "purpose": {"type": "string", "description": "What it is for, where there are several."},
        "format": {"type": "string", "enum": list(FORMS), "default": "json"},
    },
}
_ANSWER = {
    "type": "object",
    "required": ["columns", "tables", "count", "cut", "rows"],
    "additionalProperties": False,
    "properties": {
        "columns": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "type"],
                "properties": {
                    "name": {"type": "string"},
                    "type": {"type": "string", "description": "Arrow's type."},
                },
            },
        },
        "tables": {"type": "array", "items": {"type": "string"}, "description": "What was read."},
        "count": {"type": "integer"},
        "cut": {"type": "boolean", "description": "Whether there were more rows than a question brings."},
        "rows": {"type": "array", "items": {"type": "object"}},
    },
}
_HEADERS = {"X-Rows": "Rows in this answer.", "X-Cut": "`yes` where there were more rows than a question brings."}


def described() -> dict[str, Any]:
    """What stands below `/sql` of the document."""
    content: dict[str, Any] = {
        form.media_type.partition(";")[0]: {"schema": _ANSWER if form.name == "json" else {}} for form in FORMS.values()
    }
    headers = {name: {"description": said, "schema": {"type": "string"}} for name, said in _HEADERS.items()}
    answers: dict[int | str, Any] = {200: {"description": "Rows.", "headers": headers, "content": content}}
    answers |= errors(400, 401, 403, 409, 429)
    return {
        "post": {
            "operationId": "ask_sql",
            "summary": "Ask a question in SQL",
            "description": _ABOUT,
            "tags": ["sql"],
            "requestBody": {"required": True, "content": {"application/json": {"schema": _ASKED}}},
            "responses": {str(status): said for status, said in answers.items()},
        }
    }
