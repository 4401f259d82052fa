"""Errors that nobody foresaw: told to each in its own form, and never by their text, which may hold data."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import requests

from governed import governed
from serve.conftest import running
from serve.people import Person, account
from vestry.governance.access.gate import Gate
from vestry.governance.identity.tokens import add_token
from vestry.project import load_project
from vestry.serve.rows import encode

pytestmark = pytest.mark.slow

TEXT = "Ada Testperson, 1950-05-01"


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    """A portal's address, and a token of ann's."""
    council = governed(tmp_path_factory.mktemp("unforeseen") / "testham")
    account(council, "ann", ("staff", "analyst"))
    token = add_token(load_project(council.root), "ann", "a test", ["read", "sql"], "30d")
    with running(council) as address:
        yield address, {"Authorization": f"Bearer {token}"}


@pytest.fixture
def said(capfd, caplog, monkeypatch):
    """All that the server has said: its own lines, and the log of whatever carries it."""
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "propagate", True)
    monkeypatch.setattr(logging.getLogger("uvicorn"), "propagate", True)
    return lambda: "".join(capfd.readouterr()) + caplog.text


def broken(*args, **more):
    raise RuntimeError(TEXT)


def test_each_is_told_in_its_own_form_and_nobody_the_text(portal, monkeypatch, said):
    address, headers = portal
    ann = Person(address)
    ann.log_in("ann")
    for name in ("seen", "view", "read"):
        monkeypatch.setattr(Gate, name, broken)
    ward = "adults.wards.ward"
    asked = {
        "page": ann.get("/access"),
        "sharing": requests.get(f"{address}/sharing/shares", headers=headers, timeout=60),
        "odata": requests.get(f"{address}/odata/", headers=headers, timeout=60),
        "rest": requests.get(f"{address}/api/v1/tables/{ward}", headers=headers, timeout=60),
        "sql": requests.post(f"{address}/api/sql", json={"sql": f"FROM {ward}"}, headers=headers, timeout=60),
    }
    assert {door: answer.status_code for door, answer in asked.items()} == dict.fromkeys(asked, 500)
    assert "<h1" in asked["page"].text
    assert set(asked["sharing"].json()) == {"errorCode", "message"}
    assert asked["odata"].json()["error"]["message"].startswith("Something went wrong")
    for door in ("rest", "sql"):
        assert asked[door].headers["content-type"] == "application/problem+json"
    log = said()
    assert log.count("RuntimeError in test_unforeseen.py") == len(asked)
    assert TEXT not in log + "".join(answer.text for answer in asked.values())


def test_an_answer_that_breaks_in_the_middle_is_broken_off(portal, monkeypatch, said):
    def halves(schema, batches):
        yield b"ward,name\r\n"
        broken()

    monkeypatch.setitem(encode.FORMS, "csv", replace(encode.FORMS["csv"], encode=halves))
    address, headers = portal
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(f"{address}/api/v1/tables/adults.wards.ward/rows?format=csv", headers=headers, timeout=60)
    log = said()
    assert "RuntimeError in test_unforeseen.py" in log and TEXT not in log
