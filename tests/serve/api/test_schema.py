"""The OpenAPI document, and what schemathesis makes of it."""

from __future__ import annotations

import json

import pytest

from doors import REPAIR
from vestry.governance.identity.tokens import add_token
from vestry.serve.sql.sent import FORMS

pytestmark = pytest.mark.slow


def test_the_document_is_open_api_and_tells_the_columns(doors):
    document = doors.ask("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    row = document["components"]["schemas"][REPAIR]["properties"]
    assert row["cost"]["type"] == ["number", "null"] and "The number of a job" in row["job"]["description"]
    assert document["paths"]["/sql"]["post"]["requestBody"]["required"]
    get = document["paths"][f"/v1/tables/{REPAIR}/rows"]["get"]
    assert {"cost.gte", "ward", "ward.in", "columns"} <= {p["name"] for p in get["parameters"]}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_schemathesis_finds_nothing(doors, method):
    import schemathesis
    from hypothesis import HealthCheck, given, settings
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    document = json.loads(doors.ask("/api/openapi.json").text)
    document["paths"] = {
        path: {method.lower(): of[method.lower()]} for path, of in document["paths"].items() if method.lower() in of
    }
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=f"{doors.address}/api")
    headers = {"Authorization": f"Bearer {add_token(doors.project, 'ann', 'all', ['read', 'sql'], '30d')}"}
    tried = operations = 0
    for operation in schema.get_all_operations():
        operations += 1

        @given(case=operation.ok().as_strategy())
        @settings(max_examples=15, suppress_health_check=list(HealthCheck), database=None)
        def every_answer_is_as_it_says(case):
            nonlocal tried
            tried += 1
            # No schema says which cursor, version or date is one: 400 is a right answer to any question.
            case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

        every_answer_is_as_it_says()
    if method == "POST":  # no made-up text is SQL: one that is answered, in every form
        operation = schema["/sql"]["POST"]
        for form in FORMS:
            body = {"sql": f"SELECT * EXCLUDE photo FROM {REPAIR} LIMIT 3", "format": form}
            case = operation.Case(body=body, media_type="application/json")
            assert case.call_and_validate(headers=headers).status_code == 200
    assert operations and tried >= 15 * operations
