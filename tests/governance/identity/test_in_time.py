"""Sessions, tokens and limits as time goes on, in SQLite and in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from sqlalchemy import select

from servers.postgres import postgres
from vestry.governance.identity import limits, sessions, tokens
from vestry.governance.identity.accounts import add_account, change, login_needed, vouched
from vestry.governance.state import connect, reading
from vestry.project import VestryError, load_project

__all__ = ["postgres"]
DAY = 86_400
_NUMBER = count()


class Clock:
    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def project(request, council):
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        name = f"vestry_{next(_NUMBER)}"
        server.execute(f"CREATE DATABASE {name}")
        url = server.url(name)
        council.write("vestry.toml", f'[council]\nname = "Testham"\n[state]\nurl = "{url}"\n')
    found = replace(load_project(council.root), clock=Clock())
    assert not login_needed(found)
    add_account(found, "jo", "hash", "Jo", "jo@example.org", ["staff"], [])
    assert login_needed(found)
    return found


def test_a_session_lasts_while_it_is_used_and_no_longer_than_a_day_of_work(project):
    with connect(project) as con:
        secret = sessions.begin(con, project, "jo", "a browser")
    for _ in range(14):
        project.clock.at += sessions.IDLE - 120
        user = sessions.user_by(project, secret)
        if user is None:
            break
        assert user.id == "jo" and user.kind == "session" and user.roles == {"staff"} and user.may_use("sql")
    assert 0 <= project.clock.at - 1_800_000_000 - sessions.LONGEST < sessions.IDLE
    with connect(project) as con:
        secret = sessions.begin(con, project, "jo", "a browser")
        assert len(con.execute(select(sessions.session)).all()) == 1  # what is over is cleared away
    project.clock.at += sessions.IDLE
    assert sessions.user_by(project, secret) is None and sessions.sessions_of(project, "jo") == []


def test_a_token_ends_by_itself_and_tells_the_day_on_which_it_was_used(project):
    secret = tokens.add_token(project, "jo", "x", ["sql", "read"], "90d")
    assert tokens.tokens(project)[0].used is None
    user = tokens.user_by(project, secret)
    assert user is not None and user.kind == "token" and user.may_use("sql") and not user.may_use("metrics")
    assert tokens.tokens(project)[0].used == "2027-01-15"
    project.clock.at += 90 * DAY - 1
    assert tokens.user_by(project, secret) is not None
    project.clock.at += 1
    assert tokens.user_by(project, secret) is None and tokens.tokens(project)[0].state == "over"
    with reading(project) as con:
        assert secret not in str(con.execute(select(tokens.token)).all())


def test_a_password_that_changes_ends_all_sessions(project):
    with connect(project) as con:
        secrets = [sessions.begin(con, project, "jo", "a browser") for _ in range(2)]
    change(project, "jo", password="another")
    assert [sessions.user_by(project, secret) for secret in secrets] == [None, None]


def test_tries_are_counted_by_account_and_by_address_until_the_window_is_over(project):
    waits = [limits.wait_of(project, "jo", "192.0.2.1") for _ in range(limits.OF_ACCOUNT + 1)]
    assert waits[:-1] == [0] * limits.OF_ACCOUNT and waits[-1] == limits.WINDOW
    project.clock.at += 60
    assert limits.wait_of(project, "jo", "192.0.2.99") == limits.WINDOW - 60  # wherever it comes from
    assert limits.wait_of(project, "sam", "192.0.2.1") == 0
    project.clock.at += limits.WINDOW - 60
    assert limits.wait_of(project, "jo", "192.0.2.1") == 0
    limits.succeeded(project, "jo", "192.0.2.1")
    for n in range(limits.OF_ADDRESS):
        assert limits.wait_of(project, f"name {n}", f"2001:db8:1:2::{n}") == 0
    assert limits.wait_of(project, "name", "2001:db8:1:2:3::1") > 0  # all of a /64 is one address
    assert limits.wait_of(project, "name", "2001:db8:1:3::1") == 0
    with reading(project) as con:
        kept = str(con.execute(select(limits.attempt)).all())
    assert "2001" not in kept and "name" not in kept


def test_the_providers_person_keeps_one_id_whatever_they_are_called(project):
    with connect(project) as con:
        first = vouched(con, project, "https://a", "s1", "Jo", "jo@example.org", ["g"])["id"]
        again = vouched(con, project, "https://a", "s1", "Jo Married", "jm@example.org", [])
        assert again["id"] == first and again["name"] == "Jo Married" and again["groups"] == []
        assert vouched(con, project, "https://a", "s2", "Jo", "jo@example.org", [])["id"] != first
        assert vouched(con, project, "https://b", "s1", "Jo", "jo@example.org", [])["id"] != first


def test_a_session_of_an_account_that_is_not_there_is_never_made(project):
    with pytest.raises(VestryError):
        tokens.add_token(project, "nobody", "x", ["sql"], "1d")
    with pytest.raises(Exception, match=r"(?i)foreign key"), connect(project) as con:
        sessions.begin(con, project, "nobody", "")
