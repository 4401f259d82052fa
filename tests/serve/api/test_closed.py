"""What nobody gets by asking cleverly: hidden columns, others' grants, files, the engine."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from urllib.parse import quote

import pytest

from doors import CLIENT, CLIENTS, ROWS
from serve.people import Person, account
from vestry.governance.access.grants import change, end
from vestry.governance.access.terms import Condition
from vestry.governance.access.treatment import Treatment
from vestry.governance.identity.tokens import add_token, revoke
from vestry.governance.state import connect

pytestmark = pytest.mark.slow

#: What somebody might write in place of a name or a value.
ATTACKS = [
    "'; DROP TABLE x; --",
    '" OR 1=1 --',
    "x' UNION SELECT * FROM read_text('/etc/passwd') --",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "$1",
    "?",
    "\0",
    "{source}",
    "a" * 9_000,
    "🐘",
    "-1",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_parameter_is_sql_or_a_path(doors, attack):
    names = ("columns", "order", "cursor", "since", "purpose", "format", "limit", "offset")
    for name in (*names, "cost.gte", "done", "urgent", "visits.in", attack, f"{attack}.eq"):
        answer = doors.session.get(
            doors.address + ROWS, params={name: attack}, headers={"Authorization": f"Bearer {doors.tokens['ann']}"}
        )
        fits = name == "purpose" or (attack == "-1" and name in ("cost.gte", "visits.in"))
        assert answer.status_code in ((200, 403) if fits else (400, 410))
        assert "Error" not in answer.text and "LINE 1" not in answer.text and "root:" not in answer.text
    assert doors.rows(ROWS, method="POST", json={"where": [{"column": "note", "value": attack}]}) == []
    encoded = quote(attack, safe="")
    for path in (f"/api/v1/tables/{encoded}", f"/api/v1/tables/{encoded}/rows", f"/api/v1/products/{encoded}"):
        assert doors.ask(path).status_code == 404


def test_a_hidden_column_is_as_if_it_were_not_there(doors):
    with doors.given({"id": Treatment.HASHED, "ward": Treatment.CLEAR}):
        for question in (
            {"columns": ["name"]},
            {"order": ["name"]},
            {"where": [{"column": "name", "value": "Ada Testperson"}]},
            {"where": [{"column": "name", "op": "is", "value": "null"}]},
        ):
            hidden = doors.ask(CLIENTS, method="POST", json=question)
            text = str(question).replace("name", "nome")
            absent = doors.ask(CLIENTS, method="POST", json=eval(text))
            assert hidden.status_code == absent.status_code == 400
            assert hidden.json()["detail"].replace("name", "nome") == absent.json()["detail"]
            assert hidden.json()["mend"] == absent.json()["mend"] == "known: id, ward"
        for query in ("name=Ada", "name.is=null", "order=name", "columns=name"):
            assert "there is no column" in doors.ask(f"{CLIENTS}?{query}").json()["detail"].casefold()
        assert "name" not in {c["name"] for c in doors.ask(f"/api/v1/tables/{CLIENT}").json()["columns"]}
        schema = doors.ask("/api/openapi.json").json()["components"]["schemas"][str(CLIENT)]
        assert set(schema["properties"]) == {"id", "ward", "_change"}


def test_a_masked_column_is_chosen_by_what_is_seen_not_by_what_is_behind_it(doors):
    with doors.given({"id": Treatment.HASHED, "born": Treatment.AGE_BAND, "postcode": Treatment.DISTRICT}):
        shown = doors.rows(CLIENTS)
        assert {row["postcode"] for row in shown} == {"WX1", "WX2"} and all(len(row["id"]) == 64 for row in shown)
        ask = [("id", "1"), ("postcode", "WX1 1AA"), ("born", "1950-05-01")]
        for column, value in ask:
            assert doors.rows(CLIENTS, method="POST", json={"where": [{"column": column, "value": value}]}) == []


def test_only_the_rows_of_a_grant_are_seen_counted_and_found(doors):
    with doors.given({"id": Treatment.CLEAR, "ward": Treatment.CLEAR}, Condition("ward", ("North",))):
        assert doors.ask(CLIENTS).json()["count"] == 2
        asked = {"where": [{"column": "id", "op": "ne", "value": "1"}]}
        assert [row["id"] for row in doors.rows(CLIENTS, method="POST", json=asked)] == ["2"]


def test_what_is_taken_from_a_grant_is_gone_within_a_second(doors):
    grant = doors.give({"id": Treatment.CLEAR, "name": Treatment.CLEAR})
    assert "name" in doors.rows(CLIENTS)[0]
    narrower = grant.terms.without([(CLIENT, "name")])
    with connect(doors.project) as con:
        change(con, grant, narrower)
    assert set(doors.rows(CLIENTS)[0]) == {"id"}
    with connect(doors.project) as con:
        change(con, grant, replace(narrower, until=grant.terms.until.replace(year=2020)))
    assert doors.ask(CLIENTS).status_code == 403, "the day is over"
    end(doors.project, grant.id, "olu", "it is over")
    assert doors.ask(CLIENTS).status_code == 403


def test_a_forbidding_policy_closes_the_door_within_two_seconds(doors):
    rule = 'forbid (principal, action, resource) when { resource.domain == "housing" && context.door == "rest" };'
    file = doors.council.write("policies/closed.cedar", f'@id("not by programs")\n{rule}\n')
    try:
        assert doors.ask(ROWS).status_code == 403
    finally:
        file.unlink()
    assert doors.ask(ROWS).status_code == 200


def test_nobody_reads_by_another_persons_grant(doors):
    with doors.given({"id": Treatment.CLEAR}):
        assert doors.ask(CLIENTS, "olu").status_code == 403
        missing, closed = doors.ask(f"{CLIENTS}x", "sam"), doors.ask(CLIENTS, "sam")
        assert closed.status_code == 403 and missing.status_code == 404
    # What is open is all that somebody without a role sees, and knows of.
    assert [p["name"] for p in doors.ask("/api/v1/products", "sam").json()] == ["adults.wards"]
    (ward,) = doors.ask("/api/v1/tables", "sam").json()
    assert [column["name"] for column in ward["columns"]] == ["name"]
    assert "client" not in doors.ask("/api/openapi.json", "sam").text


def test_a_purpose_is_said_where_there_are_several(doors):
    columns = {"id": Treatment.HASHED}
    with doors.given(columns), doors.given({**columns, "ward": Treatment.CLEAR}, purpose="a study"):
        assert "several purposes" in doors.ask(CLIENTS).json()["detail"]
        study = doors.rows(f"{CLIENTS}?purpose=A+Study")
        calls = doors.rows(f"{CLIENTS}?purpose=calls+to+residents")
        assert set(study[0]) == {"id", "ward"} and {r["id"] for r in study}.isdisjoint(r["id"] for r in calls)
        assert doors.told()[0].entry.purpose == "calls to residents"


def test_statistics_have_no_changes_and_their_counts_are_all_there_is(doors):
    with doors.given({"ward": Treatment.CLEAR}, statistics=True):
        assert doors.ask(CLIENTS).json()["rows"] == [], "three people are too few to be counted"
        version = doors.ask(CLIENTS).headers["vestry-version"]
        assert doors.ask(f"{CLIENTS}?since={version}").status_code == 400


def test_tokens_that_are_not_good_open_nothing(doors):
    good = doors.tokens["ann"]
    project = doors.project
    revoked, over = (add_token(project, "ann", "x", ["read"], "30d" if n else "1s") for n in (1, 0))
    revoke(project, revoked)
    other = add_token(project, "ann", "x", ["metrics"], "30d")
    time.sleep(2.1)
    for secret, status in (
        ("", 401),
        ("x", 401),
        (good[:-1], 401),
        (good + "x", 401),
        (revoked, 401),
        (over, 401),
        (other, 403),
    ):
        answer = doors.ask(ROWS, None, headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
    assert doors.ask(ROWS, None).status_code == 401 and doors.ask("/api/openapi.json", None).status_code == 401
    assert doors.ask(ROWS, None, auth=("ann", good)).status_code == 401, "a password opens OData only"


def test_questions_that_are_no_questions_are_refused_in_words_of_ours(doors):
    def refused(status, **more):
        answer = doors.ask(ROWS, method="POST", **more)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json" and "secret" not in answer.text
        return answer.json()

    refused(400, json={"secret": 1})
    refused(400, json={"where": [{"column": "job", "op": "like", "value": "secret"}]})
    refused(400, json={"where": [{"column": "cost", "value": "secret"}]})
    refused(400, json={"where": [{"column": "cost", "value": None}]})
    refused(400, json={"where": [{"column": "parts", "value": "secret"}]})
    refused(400, json={"limit": 0})
    refused(400, data="[" * 50_000, headers={"Content-Type": "application/json"})
    refused(400, json={"where": [{"column": "job", "op": "in", "value": ["x"] * 300}]})
    refused(413, data=b'{"order": ["' + b"x" * 300_000 + b'"]}', headers={"Content-Type": "application/json"})
    refused(415, data="job=J1")
    assert doors.ask(ROWS, method="DELETE").status_code == 405
    assert doors.ask(ROWS, headers={"Accept": "text/html"}).status_code == 406
    assert doors.ask(ROWS, headers={"Accept": "text/html, */*;q=0.1"}).status_code == 200


@pytest.mark.slow
def test_no_page_shows_staff_without_a_grant_a_value_of_anybody(doors):
    account(doors.council, "pat")
    pat = Person(doors.address)
    pat.log_in("pat")
    waiting, done = ["/", "/search?q=calls", "/search?q=rail", "/search?q=North"], set()
    while waiting:
        if (path := waiting.pop()) not in done:
            done.add(path)
            page = pat.get(path).text
            assert not any(value in page for value in ("Testperson", "1950-05-01", "WX1", "grab rail", "Mondays")), path
            waiting += re.findall(r'href="(/[^"#]*)"', page)
    assert len(done) > 80 and "/tables/adults.care.client/columns/note" in done
