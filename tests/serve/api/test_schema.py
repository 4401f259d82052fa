"""The OpenAPI document, and what schemathesis makes of it."""

from __future__ import annotations

import json

import pytest

from doors import REPAIR


def test_the_document_is_open_api_and_tells_the_columns(doors):
    document = doors.ask("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    row = document["components"]["schemas"][REPAIR]["properties"]
    assert row["cost"]["type"] == ["number", "null"] and "The number of a job" in row["job"]["description"]
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
    headers = {"Authorization": f"Bearer {doors.tokens['ann']}"}
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
    assert operations and tried >= 15 * operations
