"""Logging in by an identity provider: npm's oidc-provider, and a forger for what a real one never sends."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from council import Council
from serve.conftest import running
from serve.people import Person
from servers.oidc import SECRET, Forger, forger, provider
from vestry.governance.identity.accounts import accounts, change
from vestry.governance.identity.provider import _KNOWN
from vestry.project import load_project

pytestmark = pytest.mark.slow

PEOPLE = {
    "jo": {"name": "Jo Bloggs", "email": "jo@example.org", "roles": ["Vestry.Staff", "Vestry.Housing"]},
    "sam": {"name": "<b>Sam</b>", "email": "sam@example.org", "roles": ["Something.Else"]},
    "kim": {"name": "Kim", "email": "kim@example.org", "groups": ["Vestry.Staff"]},
}
ACCESS = """\
roles: {tenancy_officer: Looks after tenancies.}
groups:
  Vestry.Staff: {roles: staff}
  Vestry.Housing: {roles: [steward, owner, tenancy_officer], domains: housing}
"""


@pytest.fixture(autouse=True)
def _secret(monkeypatch):
    monkeypatch.setenv("OIDC_SECRET", SECRET)


def council_of(council: Council, issuer: str, claim: str = "roles") -> Council:
    council.write("domains/housing/domain.yaml", "name: Housing\nowner: Jo Bloggs\n")
    council.write("access.yaml", ACCESS)
    identity = f'[identity]\nissuer = "{issuer}"\nclient_id = "vestry"\nclient_secret = "${{OIDC_SECRET}}"\nclaim = "{claim}"\n'
    council.write("vestry.toml", f'[council]\nname = "Testham"\n{identity}')
    return council


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider(PEOPLE) as found:
        yield found


@pytest.fixture
def portal(council: Council, issuer: str) -> Iterator[str]:
    with running(council_of(council, issuer)) as address:
        yield address


def sent(one: Person, to: str = "") -> str:
    """Where the provider's button sends the browser."""
    page = one.get(f"/login?next={to}")
    answer = one.send(page, "/login/provider", follow=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def vouched(one: Person, address: str, name: str) -> str:
    """Log in at the provider's own pages; where that sends the browser back to."""
    page = one.session.get(address, timeout=30)
    for _ in range(4):
        action = re.search(r'action="([^"]+)"', page.text)[1]
        prompt = re.search(r'name="prompt" value="([^"]+)"', page.text)[1]
        fields = {"prompt": prompt, "login": name, "password": "any"}
        answer = one.session.post(action, fields, timeout=30, allow_redirects=False)
        while answer.is_redirect:
            there = requests.compat.urljoin(answer.url, answer.headers["location"])
            if there.startswith(one.address):
                return there
            answer = one.session.get(there, timeout=30, allow_redirects=False)
        page = answer
    raise AssertionError("the provider does not send back")


def come_back(one: Person, address: str) -> requests.Response:
    return one.session.get(address, timeout=30, allow_redirects=False)


def test_who_logs_in_at_the_provider_has_the_roles_of_their_groups(portal, council):
    one = Person(portal)
    away = sent(one, "/products")
    asked = parse_qs(urlsplit(away).query)
    assert asked["code_challenge_method"] == ["S256"] and len(asked["code_challenge"][0]) == 43
    assert asked["nonce"] and asked["state"] and "tawny" not in away
    back = vouched(one, away, "jo")
    answer = come_back(one, back)
    assert answer.status_code == 303 and answer.headers["location"] == "/products"
    text = one.get("/account").text
    for said in (
        "Jo Bloggs",
        "jo@example.org",
        "tenancy officer",
        "Looks after tenancies",
        "steward",
        "owner",
        "staff",
    ):
        assert said in text
    user = accounts(load_project(council.root))[0].user
    assert user.id.startswith("oidc:") and user.answers_for("housing") and not user.answers_for("adults")
    # What the file gives a group counts at once, without another log-in.
    council.write("access.yaml", "groups: {Vestry.Staff: {roles: analyst}}\n")
    for _ in range(100):
        if "analyst" in (text := one.get("/account").text):
            break
        time.sleep(0.1)
    assert "analyst" in text and "steward" not in text
    assert come_back(one, back).status_code == 403  # the way back is good once


def test_groups_in_place_of_roles(council, issuer):
    with running(council_of(council, issuer, "groups")) as address:
        one = Person(address)
        assert come_back(one, vouched(one, sent(one), "kim")).status_code == 303
        assert "staff" in one.get("/account").text


def test_who_has_no_role_here_and_whose_account_is_off_is_not_let_in(portal, council):
    one = Person(portal)
    answer = come_back(one, vouched(one, sent(one), "sam"))
    assert answer.status_code == 403 and "you have no role here" in answer.text and one.cookie is None
    other = Person(portal)
    assert come_back(other, vouched(other, sent(other), "jo")).status_code == 303
    project = load_project(council.root)
    jo = next(a.user.id for a in accounts(project) if a.user.name == "Jo Bloggs")
    change(project, jo, is_off=True)
    assert other.get("/account", allow_redirects=False).status_code == 303
    assert come_back(other, vouched(other, sent(other), "jo")).status_code == 403


def test_the_policy_of_the_page_lets_its_form_go_to_the_provider_and_nowhere_else(portal, issuer):
    one = Person(portal)
    assert one.get("/login").headers["content-security-policy"].endswith(f"form-action 'self' {issuer}")
    assert come_back(one, vouched(one, sent(one), "jo")).status_code == 303
    assert one.get("/products").headers["content-security-policy"].endswith("form-action 'self'")


def test_a_way_back_that_was_stolen_or_made_up_is_refused(portal):
    victim, thief = Person(portal), Person(portal)
    back = vouched(thief, sent(thief), "jo")  # the thief's own log-in, which the victim is to open
    assert come_back(victim, back).status_code == 403 and victim.cookie is None
    victim.get("/login")  # with a cookie of their own, too
    assert come_back(victim, back).status_code == 403 and victim.cookie is None
    made_up = re.sub(r"state=[^&]+", "state=made-up", back)
    for address in (made_up, f"{portal}/login/callback", f"{portal}/login/callback?error=access_denied&error_description=%3Cb%3E"):  # fmt: skip
        answer = come_back(thief, address)
        assert answer.status_code == 403 and "You have not been logged in" in answer.text and "<b>" not in answer.text
    assert come_back(thief, back).status_code == 303  # whose it is may use it
    assert come_back(Person(portal), back).status_code == 403


def test_a_token_for_another_nonce_and_a_code_without_its_verifier_are_refused(portal, capsys):
    one = Person(portal)
    for changed in ({"nonce": "another"}, {"code_challenge": "x" * 43}):
        away = urlsplit(sent(one))
        query = {k: v[0] for k, v in parse_qs(away.query).items()} | changed
        back = vouched(one, away._replace(query=urlencode(query)).geturl(), "jo")
        answer = come_back(one, back)
        assert answer.status_code == 403 and one.cookie is None
        one.session.cookies.clear()
    said = capsys.readouterr().err
    assert "refused: InvalidClaimError nonce" in said and "jo@example.org" not in said


@pytest.fixture
def forged(council: Council) -> Iterator[tuple[Forger, str]]:
    with forger() as made, running(council_of(council, made.issuer)) as address:
        yield made, address


def tried(forged: tuple[Forger, str], **claims: object) -> requests.Response:
    """Log in with the forger's token of these claims."""
    made, address = forged
    one = Person(address)
    asked = parse_qs(urlsplit(sent(one)).query)
    made.claims = {"nonce": asked["nonce"][0], "roles": ["Vestry.Staff"], **claims}
    return come_back(one, f"{address}/login/callback?code=c&state={asked['state'][0]}")


def test_a_token_that_is_well_made_is_taken(forged):
    assert tried(forged).status_code == 303
    assert b"code_verifier=" in forged[0].asked[-2] and b"tawny" not in b"".join(forged[0].asked)


NOW = int(time.time())


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"}, {"aud": ["vestry", "another"]}, {"aud": None}, {"iss": "https://evil.example.org"},
        {"exp": NOW - 3600}, {"exp": None}, {"iat": NOW + 36_000}, {"nonce": None}, {"nonce": ""}, {"nonce": "x"},
        {"sub": None}, {"at_hash": "x"}, {"azp": "another"},
    ],
)  # fmt: skip
def test_a_token_for_another_time_audience_or_nonce_is_refused(forged, claims):
    answer = tried(forged, **claims)
    assert answer.status_code == 403 and "vestry-session" not in answer.headers.get("set-cookie", "")


def test_a_token_that_the_provider_did_not_sign_is_refused(forged):
    for header in ({"alg": "none"}, {"alg": "HS256", "kid": "k"}):
        forged[0].header = header
        assert tried(forged).status_code == 403
    forged[0].header = {"alg": "RS256", "kid": "k"}
    assert tried(forged).status_code == 303
    forged[0].is_wrong_key = True
    assert tried(forged).status_code == 403


def test_a_provider_that_is_away_or_says_that_it_is_another_is_told(forged):
    made, address = forged
    made.says = {"issuer": "https://evil.example.org"}
    page = Person(address).get("/login")
    assert page.status_code == 200 and "The identity provider calls itself by another name" in page.text
    made.says = {"token_endpoint": "ftp://evil.example.org"}
    assert "calls itself by another name" in Person(address).get("/login").text  # not asked again at once
    _KNOWN.clear()
    one = Person(address)
    page = one.get("/login")
    assert "names addresses that are not encrypted" in page.text
    assert one.send(page, "/login/provider").status_code == 502
