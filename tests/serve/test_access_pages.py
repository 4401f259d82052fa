"""Asking for data, answering, and the audit, as people do it in the portal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
import requests

from council import Council
from governed import governed
from serve.conftest import running, violations
from serve.people import PASSWORD, Person, account

pytestmark = pytest.mark.slow

PURPOSE = "To call residents in hot weather"
SOON = date.today() + timedelta(days=60)
ASK = "/products/adults/care/ask"
WANTED = {
    "show adults.care.client.name": "clear",
    "show adults.care.client.born": "age band",
    "show adults.care.client.ward": "clear",
    "until-day": str(SOON.day),
    "until-month": str(SOON.month),
    "until-year": str(SOON.year),
    "purpose": PURPOSE,
}
WHO = {
    "ann": (("staff", "analyst"), ()),
    "nia": (("staff",), ()),
    "olu": (("staff", "owner"), ("adults",)),
    "dee": (("staff", "dpo"), ()),
}


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    council: Council = governed(tmp_path_factory.mktemp("access") / "testham")
    for name, (roles, domains) in WHO.items():
        account(council, name, roles, domains=domains)
    with running(council) as address:
        yield address


@pytest.fixture
def people(portal: str) -> dict[str, Person]:
    found = {name: Person(portal) for name in WHO}
    for name, one in found.items():
        one.log_in(name)
    return found


def asked(one: Person, **more: str) -> requests.Response:
    return one.send(one.get(ASK), ASK, **{**WANTED, **more})


def path_of(page: requests.Response) -> str:
    return "/" + page.url.split("/", 3)[3]


def test_one_asks_another_narrows_and_approves_and_the_audit_tells_it(people: dict[str, Person]) -> None:
    ann, olu, dee = people["ann"], people["olu"], people["dee"]
    assert "You see no row of it" in ann.get("/products/adults/care/access").text
    request = asked(ann)
    assert "waits for an owner" in request.text
    assert path_of(request) in olu.get("/access/answer").text
    less = {
        **WANTED,
        "show adults.care.client.name": "hidden",
        "answer": "approved",
        "row-column": "ward",
        "row-values": "North",
    }
    done = olu.send(olu.get(path_of(request)), path_of(request), **less)
    assert "approved by Olu, narrowed" in done.text
    shown = ann.get("/products/adults/care/access").text
    assert "born (age band), ward; where ward is North, for: " + PURPOSE in " ".join(shown.split())
    audit = dee.get("/access/audit").text
    assert PURPOSE in audit and "the chain is whole" in audit
    grant = next(part for part in done.text.split('"') if part.startswith("/access/grants/"))
    ended = olu.send(olu.get(grant), grant, do="end", why="the heat is over")
    assert "The grant is ended" in ended.text
    assert "You see no row of it" in ann.get("/products/adults/care/access").text


def test_what_lacks_is_said_at_its_box(people: dict[str, Person]) -> None:
    ann = people["ann"]
    page = ann.send(ann.get(ASK), ASK, **{"until-day": "31", "until-month": "2", "until-year": "2027"})
    for what in ("Enter what the data are for", "Choose at least one column", "Enter the last day"):
        assert what in page.text
    assert 'value="31"' in page.text


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("until-year", "2099", "a grant cannot last until 2099"),
        ("row-column", "shoe size", "has no column `shoe size`"),
        ("show adults.care.client.name", "age band", "cannot be shown as age band"),
    ],
)
def test_what_cannot_be_is_not_asked_for(people: dict[str, Person], field: str, value: str, said: str) -> None:
    page = asked(people["ann"], **{field: value, "row-values": "1"})
    assert said.casefold() in page.text.casefold()


def test_nobody_sees_a_request_that_is_none_of_theirs(people: dict[str, Person]) -> None:
    path = path_of(asked(people["ann"]))
    assert people["nia"].get(path).status_code == 404
    assert people["nia"].get(path.replace("r-", "r-0")).status_code == 404
    assert people["dee"].get(path).status_code == 200
    assert people["nia"].get("/access/audit").status_code == 404


def test_nobody_answers_what_is_not_theirs_to_answer(people: dict[str, Person]) -> None:
    request = asked(people["ann"])
    for name in ("ann", "dee", "nia"):
        one = people[name]
        page = one.get("/access")
        one.post(path_of(request), {**hidden(page), **WANTED, "answer": "approved"})
    assert "waits for an owner" in people["ann"].get(path_of(request)).text


def hidden(page: requests.Response) -> dict[str, str]:
    """The word of the session, from a form of any page."""
    return {"csrf": page.text.split('name="csrf" value="')[1].split('"')[0]}


def test_an_owner_cannot_give_more_than_was_asked_for(people: dict[str, Person]) -> None:
    request = asked(people["ann"])
    more = {**WANTED, "show adults.care.client.postcode": "clear", "answer": "approved"}
    page = people["olu"].send(people["olu"].get(path_of(request)), path_of(request), **more)
    assert "more than what stands to be granted" in page.text.casefold()


def test_a_purpose_with_script_in_it_is_shown_as_text(people: dict[str, Person]) -> None:
    page = asked(people["ann"], purpose="<script>alert(1)</script> and calls to residents")
    assert "<script>alert" not in page.text and "&lt;script&gt;alert" in page.text


def test_one_can_take_a_request_back(people: dict[str, Person]) -> None:
    request = asked(people["ann"])
    page = people["ann"].send(request, path_of(request), answer="withdraw")
    assert "withdrawn" in page.text


@pytest.mark.slow
def test_pages_of_access_meet_wcag_wide_narrow_and_without_scripts(
    browser, portal: str, people: dict[str, Person]
) -> None:
    request = path_of(asked(people["ann"]))
    done = people["olu"].send(people["olu"].get(request), request, **{**WANTED, "answer": "approved"})
    grant = next(part for part in done.text.split('"') if part.startswith("/access/grants/"))
    waiting = path_of(asked(people["ann"], purpose="To know who lives in which ward"))
    looks = {
        "ann": ["/access", "/products/adults/care/access", ASK, request, grant],
        "olu": ["/access/answer", waiting, "/access/grants", grant],
        "dee": ["/access/audit", "/access/grants"],
    }
    found = []
    for name, paths in looks.items():
        for scripts, width in ((True, 1200), (False, 360)):
            context = browser.new_context(
                java_script_enabled=scripts, bypass_csp=True, viewport={"width": width, "height": 800}
            )
            page = context.new_page()
            page.goto(f"{portal}/login")
            page.get_by_label("Name").fill(name)
            page.get_by_label("Password").fill(PASSWORD)
            with page.expect_navigation():
                page.get_by_role("button", name="Log in").click()
            for path in paths:
                page.goto(portal + path)
                wide = page.evaluate("document.documentElement.scrollWidth") if scripts else width
                found += [f"{path} at {width}: it scrolls sideways"] if wide > width else []
                found += [f"{path}: {what}" for what in violations(page)] if scripts else []
            context.close()
    assert found == []


def test_the_sample_of_people_is_what_the_grant_shows(people: dict[str, Person]) -> None:
    nia, olu, dee = people["nia"], people["olu"], people["dee"]
    sample = "/products/adults/care/sample"
    before = nia.get(sample).text
    assert "no grant lets you read it" in before and "North" not in before
    request = path_of(asked(nia, purpose="To plan visits by age and ward"))
    olu.send(olu.get(request), request, **{**WANTED, "answer": "approved", "show adults.care.client.name": "hidden"})
    after = nia.get(sample).text
    assert re.search(r">(\d+ to \d+|90 or over)<", after) and "Testperson" not in after and "1950" not in after
    assert "adults.care.client" in dee.get("/access/audit").text
    wards = nia.get("/products/adults/wards/sample").text
    assert "The North ward" in wards
