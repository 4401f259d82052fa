"""Accounts and tokens by the command line: passwords from stdin, faults in words, nothing secret shown."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from vestry.cli import main
from vestry.governance.identity.accounts import account, accounts
from vestry.governance.identity.passwords import LEAST, MOST, hashed, matches, weakness
from vestry.governance.state import reading
from vestry.project import load_project

pytestmark = pytest.mark.slow

PASSWORD = "tawny owl over Testham"


@pytest.fixture
def housing(council):
    council.write("domains/housing/domain.yaml", "name: Housing\nowner: Jo Bloggs\n")
    return council


def ran(council, *args: str, typed: str = PASSWORD):
    return CliRunner().invoke(main, [*args, "-C", str(council.root)], input=f"{typed}\n")


def test_an_account_from_its_beginning_to_its_end(housing):
    made = ran(housing, "user", "add", "Jo", "--name", "Jo Bloggs", "--role", "steward", "--domain", "housing")
    assert made.exit_code == 0 and "jo can log in" in made.stdout
    again = ran(housing, "user", "add", "jo", "--role", "staff")
    assert again.exit_code == 2 and "there is an account `jo` already" in again.stderr
    project = load_project(housing.root)
    with reading(project) as con:
        first = con.execute(select(account.c.password)).scalar_one()
    assert first.startswith("$argon2id$") and matches(first, PASSWORD) and not matches(first, PASSWORD + " ")
    assert ran(housing, "user", "password", "jo", typed="another owl than that").exit_code == 0
    with reading(project) as con:
        assert matches(con.execute(select(account.c.password)).scalar_one(), "another owl than that")
    assert ran(housing, "user", "off", "jo").exit_code == 0
    listed = json.loads(ran(housing, "user", "list", "--json").stdout)[0]
    assert (
        listed["id"] == "jo" and listed["off"] == "yes" and listed["roles"] == "steward" and "argon" not in str(listed)
    )
    assert ran(housing, "user", "on", "jo").exit_code == 0 and not accounts(project)[0].is_off


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("add", "jo", "--role", "stewart", "--domain", "housing"), "did you mean `steward`?"),
        (("add", "jo", "--role", "owner"), "`owner` is for domains, and none is named"),
        (("add", "jo", "--role", "owner", "--domain", "housin"), "did you mean `housing`?"),
        (("add", "Jo Bloggs", "--role", "staff"), "is not a name to log in with"),
        (("add", "oidc:x", "--role", "staff"), "is not a name to log in with"),
        (("password", "nobody"), "there is no account `nobody`"),
        (("off", "nobody"), "there is no account `nobody`"),
    ],
)
def test_what_is_wrong_with_an_account_is_told(housing, args, said):
    answer = ran(housing, "user", *args)
    assert answer.exit_code == 2 and said in answer.stderr and PASSWORD not in answer.stderr


def test_a_weak_password_is_refused_and_not_shown(housing):
    for typed in ("short", "Password123!", ""):
        answer = ran(housing, "user", "add", "jo", "--role", "staff", typed=typed)
        assert answer.exit_code == 2 and "this password cannot be used" in answer.stderr
        assert not typed or typed not in answer.stderr + answer.stdout
    assert accounts(load_project(housing.root)) == []


def test_which_passwords_are_weak():
    weak = [
        "x" * (LEAST - 1), "x" * (MOST + 1), "aaaaaaaaaaaaaa", "123456789012", "P4ssw0rd2026!", "Welcome2026!!", "Testham-2026!!",
        "jobloggs-1999", "Autumn2026!!!!", " tawny owl over", "tawny owl\tover it", "abcabcabcabc", "2026-11-25-10:00",
    ]  # fmt: skip
    assert [p for p in weak if weakness(p, "jo", "Jo Bloggs", "Testham") is None] == []
    good = [PASSWORD, "correct staple horse", "kX9#mQ2$vL7@", "пароль совы над городом"]
    assert [p for p in good if weakness(p, "jo", "Jo Bloggs", "Testham")] == []


def test_no_password_is_anything_for_an_account_that_has_none():
    assert not matches(None, "nobody has this password") and not matches("broken", PASSWORD)
    kept = hashed("x" * MOST)
    assert matches(kept, "x" * MOST) and not matches(kept, "x" * 100_000)


def test_a_token_by_the_command_line(housing):
    assert ran(housing, "user", "add", "jo", "--role", "analyst").exit_code == 0
    secret = ran(
        housing, "token", "add", "nightly", "--user", "jo", "--scope", "sql", "--expires", "90d"
    ).stdout.strip()
    listed = ran(housing, "token", "list", "--json")
    (shown,) = json.loads(listed.stdout)
    assert secret not in listed.stdout and shown["token"] == secret[:16] and shown["state"] == "good"
    assert ran(housing, "token", "revoke", secret[:16]).exit_code == 0
    assert json.loads(ran(housing, "token", "list", "--json").stdout)[0]["state"] == "revoked"
    for args, said in (
        (("revoke", "vst_0"), "there is no such token"),
        (("add", "x", "--user", "jo", "--scope", "sqll"), "did you mean `sql`?"),
        (("add", "x", "--user", "nobody", "--scope", "sql"), "there is no account `nobody`"),
        (("add", "x", "--user", "jo", "--scope", "sql", "--expires", "2y"), "is not a length of time"),
        (("add", "x", "--user", "jo", "--scope", "sql", "--expires", "400d"), "within a year"),
        (("add", "x", "--user", "jo", "--scope", "sql", "--expires", "0d"), "within a year"),
    ):
        answer = ran(housing, "token", *args)
        assert answer.exit_code == 2 and said in answer.stderr
