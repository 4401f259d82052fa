"""OpenLineage events: rebuilt from the official client's classes, sent by that client, and received the same."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import types
import typing
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import pytest

from council import Council, vestry
from servers.receivers import Webhook, webhook  # noqa: F401
from vestry.catalogue.export.openlineage import openlineage, post
from vestry.catalogue.live import Live
from vestry.project import VestryError

pytestmark = pytest.mark.slow

AT = "https://data.testham.example.org"


@pytest.fixture(scope="module")
def events(made: Council):
    live = Live(made.root)
    return openlineage(live.catalogue(), live.workspace.lake)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory) -> Council:
    """A council that ran well, and then with a rule that fails, so that what reads it waits."""
    council = Council(tmp_path_factory.mktemp("troubled") / "testham")
    council.files("people", "person")
    council.drop("a.csv", "name,age\nWanda Secret,41\n")
    rule = (
        "quality: [{name: nobody is minus, type: sql, query: 'SELECT count(*) FROM ${table} WHERE age < 0', mustBe: 0}]"
    )
    schema = "- name: {0}\n  properties:\n    - {{name: name, logicalType: string}}\n    - {{name: age, logicalType: integer}}\n"
    council.product(
        "adults.people", schema.format("person") + f"  {rule}\n",
        person_sql="SELECT name, age::BIGINT AS age FROM bronze.people.person",
    )  # fmt: skip
    council.product("adults.report", schema.format("line"), line_sql="SELECT name, age FROM adults.people.person")
    council.good()
    council.drop("a.csv", "name,age\nWanda Secret,41\nWalter Secret,-7\n")
    outcomes = council.run()
    assert [outcomes[f"adults.{name}"].status for name in ("people.person", "report.line")] == ["failed", "blocked"]
    return council


def official() -> dict[str, type]:
    """The client's classes of facets, by the address of their schema."""
    generated = pytest.importorskip("openlineage.client.generated", reason="openlineage-python is not installed")
    found = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for _, of in inspect.getmembers(
            importlib.import_module(f"{generated.__name__}.{module.name}"), inspect.isclass
        ):
            if hasattr(of, "_get_schema"):
                found[of._get_schema()] = of
    return found


def rebuilt(value: Any, of: Any, facets: dict[str, type]) -> Any:
    """A value as the client's class has it: a field that it does not know, or that is of another type, is refused."""
    origin, inner = typing.get_origin(of), typing.get_args(of)
    if origin in (typing.Union, types.UnionType):
        (of,) = [one for one in inner if one is not type(None)]
        return rebuilt(value, of, facets)
    if origin is list:
        return [rebuilt(one, inner[0], facets) for one in value]
    if origin is dict:
        return {key: rebuilt(one, inner[1], facets) for key, one in value.items()}
    if isinstance(value, dict) and "_schemaURL" in value:
        of = facets[value["_schemaURL"]]
        made = rebuilt({k: v for k, v in value.items() if not k.startswith("_")}, of, facets)
        made._producer = value["_producer"]
        return made
    if hasattr(of, "__attrs_attrs__"):
        hints = typing.get_type_hints(of)
        return of(**{key: rebuilt(one, hints[key], facets) for key, one in value.items() if key != "schemaURL"})
    if inspect.isclass(of) and issubclass(of, Enum):
        return of(value)
    assert isinstance(value, of), (value, of)
    return value


def as_client(event: dict[str, Any], facets: dict[str, type]) -> Any:
    from openlineage.client.event_v2 import RunEvent

    return rebuilt(event, RunEvent, facets)


def full(value: Any) -> Any:
    """Without what says nothing, which the client leaves out or in as it likes."""
    if isinstance(value, dict):
        return {key: full(one) for key, one in value.items() if one not in (None, [], {})}
    return [full(one) for one in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_the_official_client_sends_what_we_post(events, webhook: Webhook, made: Council):  # noqa: F811
    facets = official()
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    post(events, webhook.url)
    ours = list(webhook.posted)
    webhook.posted.clear()
    client = OpenLineageClient(
        transport=HttpTransport(HttpConfig(url=webhook.url.removesuffix("/hook"), endpoint="hook"))
    )
    for event in events:
        client.emit(as_client(event, facets))
    for event in webhook.posted:
        del event["run"]["facets"]["tags"]  # the client's own version
    assert [full(event) for event in webhook.posted] == [full(event) for event in ours]
    assert len(ours) == len(events) == 10  # a load, three builds and an audit: a start and an end each


def test_the_clients_classes_do_refuse_what_is_wrong(events):
    facets = official()
    with pytest.raises(TypeError):
        as_client({key: value for key, value in events[0].items() if key != "job"}, facets)
    with pytest.raises(ValueError):
        as_client({**events[0], "run": {"runId": "no uuid"}}, facets)
    wrong = json.loads(json.dumps(next(e for e in events if e["eventType"] == "COMPLETE" and e["outputs"])))
    wrong["outputs"][0]["facets"]["schema"]["fields"][0]["kind"] = "x"
    with pytest.raises((KeyError, TypeError)):
        as_client(wrong, facets)


def of(events, name: str, kind: str):
    return [event for event in events if event["job"]["name"] == name and event["eventType"] == kind]


def test_each_step_says_what_it_read_and_made(events):
    (load,) = of(events, "bronze.survey.tree", "COMPLETE")
    assert [(i["namespace"], i["name"]) for i in load["inputs"]] == [(f"{AT}/sources/survey", "tree")]
    assert load["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 2
    (build,) = of(events, "environment.trees.tree", "COMPLETE")
    assert [(i["namespace"], i["name"]) for i in build["inputs"]] == [(AT, "bronze.survey.tree")]
    (made,) = build["outputs"]
    assert made["name"] == "environment.trees.tree" and made["outputFacets"]["outputStatistics"]["size"] > 0
    assert made["facets"]["schema"]["fields"][0] == {"name": "tree", "type": "VARCHAR", "description": "Its number."}
    assert made["facets"]["documentation"]["description"] == "One row for each tree."
    (input_,) = made["facets"]["columnLineage"]["fields"]["species"]["inputFields"]
    assert (input_["name"], input_["field"]) == ("bronze.survey.tree", "species")
    assert input_["transformations"] == [{"type": "DIRECT"}]
    assert build["job"]["facets"]["sql"]["query"] == "SELECT tree, species FROM bronze.survey.tree"
    (start,) = of(events, "environment.trees.tree", "START")
    assert start["run"]["runId"] == build["run"]["runId"] and start["eventTime"] < build["eventTime"]
    parents = {event["run"]["facets"]["parent"]["run"]["runId"] for event in events}
    assert len(parents) == 1 and parents.isdisjoint({event["run"]["runId"] for event in events})
    assert [event["eventTime"] for event in events] == sorted(event["eventTime"] for event in events)


def test_an_audit_tells_its_rules_and_whether_they_held(events, troubled: Council):
    (audit,) = of(events, "environment.trees.tree.audit", "COMPLETE")
    told = audit["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert {"assertion": "completeness", "success": True, "severity": "error", "name": "there are trees",
            "expected": "must be over 0"} in told  # fmt: skip
    live = Live(troubled.root)
    audits = of(openlineage(live.catalogue(), live.workspace.lake), "adults.people.person.audit", "COMPLETE")
    held = [
        rule["success"]
        for audit in audits
        for rule in audit["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
        if rule["name"] == "nobody is minus"
    ]
    assert held == [True, False]


def test_what_failed_and_what_waited_for_it_are_told_without_a_value_of_the_data(troubled: Council):
    live = Live(troubled.root)
    events = openlineage(live.catalogue(), live.workspace.lake)
    facets = official()
    for event in events:
        as_client(event, facets)
    (failed,) = of(events, "adults.people.person", "FAIL")
    assert "breaks its contract" in failed["run"]["facets"]["errorMessage"]["message"]
    assert "outputFacets" not in failed["outputs"][0] and "schema" not in failed["outputs"][0]["facets"]
    (waited,) = of(events, "adults.report.line", "ABORT")
    assert "adults.people.person" in waited["run"]["facets"]["errorMessage"]["message"]
    # Of its two runs, the columns stand with the one that made the table as it is.
    (good,) = of(events, "adults.people.person", "COMPLETE")
    assert [field["name"] for field in good["outputs"][0]["facets"]["schema"]["fields"]] == ["name", "age"]
    assert "Secret" not in json.dumps(events)


def test_only_what_ended_since_a_time_is_told(troubled: Council):
    live = Live(troubled.root)
    catalogue, lake = live.catalogue(), live.workspace.lake
    last = datetime.fromisoformat(of(openlineage(catalogue, lake), "adults.report.line", "ABORT")[0]["eventTime"])
    recent = openlineage(catalogue, lake, last - timedelta(seconds=0.01))
    assert of(recent, "adults.report.line", "ABORT") and not of(recent, "adults.report.line", "COMPLETE")
    assert openlineage(catalogue, lake, datetime.now(UTC) + timedelta(days=1)) == []


def test_a_table_that_is_gone_from_the_project_is_still_told(troubled: Council, tmp_path):
    import shutil

    root = tmp_path / "copy"
    shutil.copytree(troubled.root, root)
    shutil.rmtree(root / "domains/adults/report")
    live = Live(root)
    (gone,) = of(openlineage(live.catalogue(), live.workspace.lake), "adults.report.line", "COMPLETE")
    assert gone["inputs"] == [] and gone["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 1


def test_the_command_posts_with_the_key_or_writes_lines(made: Council, webhook: Webhook, events):  # noqa: F811
    done = vestry(
        "export", "openlineage", "-C", str(made.root), "--to", webhook.url, env={"OPENLINEAGE_API_KEY": "k3y"}
    )
    assert done.returncode == 0 and done.stdout == "" and "10 events sent" in done.stderr
    assert webhook.posted == events and webhook.raw[0][0]["Authorization"] == "Bearer k3y"
    lines = vestry("export", "openlineage", "-C", str(made.root), "--since", "2020-01-01").stdout.splitlines()
    assert [json.loads(line) for line in lines] == events
    future = vestry("export", "openlineage", "-C", str(made.root), "--since", "9999-01-01")
    assert future.returncode == 0 and future.stdout == ""
    wrong = vestry("export", "openlineage", "-C", str(made.root), "--since", "yesterday")
    assert wrong.returncode == 2 and "a day such as" in wrong.stderr


@pytest.mark.parametrize("status", [302, 500])
def test_a_receiver_that_refuses_is_named_without_what_is_secret(events, webhook: Webhook, status):  # noqa: F811
    webhook.status = status
    with pytest.raises(VestryError) as raised:
        post(events, webhook.url.replace("//", "//user:s3cret@") + "?token=s3cret", "k3y")
    assert f"it answered {status}; 0 of 10 events were taken" in str(raised.value) and "s3cret" not in str(raised.value)
    assert len(webhook.raw) == 1  # a redirect is not followed


def test_a_receiver_that_is_not_there_and_a_key_in_the_open_are_refused(events):
    with pytest.raises(VestryError, match="could not be reached"):
        post(events, "http://127.0.0.1:9/api/v1/lineage")
    with pytest.raises(VestryError, match="over https only"):
        post(events, "http://lineage.example.org/api/v1/lineage", "k3y")
    with pytest.raises(VestryError, match="could not be reached"):
        post(events, "lineage.example.org")
