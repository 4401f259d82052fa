"""Logging in by password: sessions, forms, limits, tokens, and what nobody may get round."""

from __future__ import annotations

import re
import time

import anyio
import pytest
import requests
from argon2 import PasswordHasher
from sqlalchemy import select, update

from council import Council, vestry
from serve.conftest import running
from serve.people import PASSWORD, Person, account
from vestry.governance.audit import lines
from vestry.governance.identity import sessions, tokens
from vestry.governance.identity.accounts import change
from vestry.governance.identity.limits import OF_ACCOUNT, OF_ADDRESS, WINDOW, _of_address, attempt
from vestry.governance.identity.sessions import IDLE, LONGEST, session
from vestry.governance.identity.user import User
from vestry.governance.state import connect, reading
from vestry.project import load_project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    """A portal that runs, with an account."""
    council = Council(tmp_path_factory.mktemp("login") / "testham")
    account(council)
    account(council, "sam")
    with running(council) as address:
        made = Portal(council, address)
        yield made


class Portal:
    def __init__(self, council, address):
        self.council, self.address = council, address
        self.project = load_project(council.root)

    def person(self):
        return Person(self.address)

    def logged_in(self, name="jo"):
        one = self.person()
        assert one.log_in(name).url == self.address + "/"
        return one


@pytest.fixture(autouse=True)
def _no_tries(portal):
    with connect(portal.project) as con:
        con.execute(attempt.delete())


def test_without_an_account_whoever_sits_at_the_machine_sees_all_and_with_one_everybody_logs_in(council):
    with running(council) as address:
        one = Person(address)
        assert "This machine only" in one.get("/products").text
        assert "no accounts yet" in one.get("/account").text
        assert one.get("/login").url == address + "/"
        account(council)
        assert one.get("/products", allow_redirects=False).headers["location"] == "/login?next=%2Fproducts"
        change(load_project(council.root), "jo", is_off=True)
        assert "Log in" in one.get("/products").text


def test_who_logs_in_comes_to_the_page_that_was_asked_for(portal):
    one = portal.person()
    page = one.get("/products?x=1")
    assert page.url.startswith(portal.address + "/login?next=") and "<h1" in page.text
    there = one.send(page, "/login", name=" JO ", password=PASSWORD)
    assert there.url == portal.address + "/products?x=1" and "You are logged in as" in there.text
    assert "This machine only" not in there.text
    assert one.get("/login").url == portal.address + "/"


def test_strangers_are_told_nothing_of_the_project(portal):
    one = portal.person()
    for path in ("/", "/products", "/tables/a.b.c", "/metrics", "/add", "/account", "/nowhere", "/api/nowhere"):
        answer = one.get(path, allow_redirects=False)
        assert answer.status_code in (303, 401), path
    assert one.get("/health").status_code == one.get("/accessibility").status_code == 200
    assert "/products" not in one.get("/login").text and "/products" not in one.get("/login/nothing").text
    part = one.get("/search/suggest?q=a", headers={"HX-Request": "true"}, allow_redirects=False)
    assert part.status_code == 401 and part.headers["hx-redirect"] == "/login"


@pytest.mark.parametrize(
    "to",
    ["//evil.example.org", "https://evil.example.org", "/\\evil.example.org", "\\\\evil.example.org", "/%09/evil.example.org",
     "javascript:alert(1)", "/a%0d%0aLocation: https://evil.example.org", "%2f%2fevil.example.org", "/login", "", "evil"],
)  # fmt: skip
def test_nobody_is_sent_on_to_another_site(portal, to):
    answer = portal.person().log_in(to=to, follow=False)
    assert answer.status_code == 303 and answer.headers["location"] == "/"


def test_a_wrong_password_an_unknown_name_and_an_account_that_is_off_are_answered_alike(portal, monkeypatch):
    account(portal.council, "off")
    change(portal.project, "off", is_off=True)
    verify, texts, hashed = PasswordHasher.verify, [], []
    monkeypatch.setattr(PasswordHasher, "verify", lambda *given: hashed.append(given[1][:30]) or verify(*given))
    for name, password in (("jo", "wrong"), ("nobody", "wrong"), ("off", PASSWORD)):
        one = portal.person()
        answer = one.log_in(name, password)
        assert answer.status_code == 403 and one.cookie is None
        texts.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert "The name or the password is not right" in texts[0] and texts[0] == texts[1] == texts[2]
    # Hashing takes nearly all of the time: it is done once for each, and costs the same.
    assert len(hashed) == 3 and len(set(hashed)) == 1 and hashed[0].startswith("$argon2id$")


def test_after_some_tries_one_waits_and_is_told_until_when(portal):
    one = portal.person()
    page = one.get("/login")
    for _ in range(OF_ACCOUNT):
        assert one.send(page, "/login", name="jo", password="wrong").status_code == 403
    answer = one.send(page, "/login", name="jo", password=PASSWORD)
    assert answer.status_code == 429 and 0 < int(answer.headers["retry-after"]) <= WINDOW
    assert re.search(r"There were too many tries\. Try again at \d\d:\d\d", answer.text) and one.cookie is None
    assert portal.person().log_in("sam").status_code == 200
    with connect(portal.project) as con:
        con.execute(update(attempt).values(since=attempt.c.since - WINDOW))
    assert one.send(page, "/login", name="jo", password=PASSWORD).url == portal.address + "/"


def test_one_address_cannot_try_one_password_on_everybody(portal):
    one = portal.person()
    page = one.get("/login")
    codes = [one.send(page, "/login", name=f"n{n}", password="").status_code for n in range(2)]
    assert codes == [400, 400]
    with connect(portal.project) as con:
        now = int(time.time())
        con.execute(attempt.insert().values(key=_of_address("127.0.0.1"), failed=OF_ADDRESS, since=now))
    assert one.send(page, "/login", name="sam", password=PASSWORD).status_code == 429


def test_forwarded_addresses_of_nobody_in_particular_are_not_believed(portal):
    one = portal.person()
    one.session.headers["X-Forwarded-For"] = "192.0.2.1"
    page = one.get("/login")
    one.send(page, "/login", name="nobody", password="wrong")
    with reading(portal.project) as con:
        keys = set(con.execute(select(attempt.c.key)).scalars())
    assert _of_address("127.0.0.1") in keys and _of_address("192.0.2.1") not in keys


def test_a_session_has_a_new_id_at_each_log_in_and_only_its_hash_is_kept(portal):
    one = portal.person()
    one.session.cookies.set("vestry-session", "chosen-by-somebody-else", domain="127.0.0.1", path="/")
    answer = one.log_in(follow=False)
    said = answer.headers["set-cookie"]
    assert "HttpOnly" in said and "SameSite=lax" in said and "Path=/" in said and "Domain" not in said
    first = re.search(r"vestry-session=([^;]+)", said)[1]
    assert first != "chosen-by-somebody-else" and len(first) >= 43
    with reading(portal.project) as con:
        kept = str(con.execute(select(session)).all())
    assert first not in kept
    again = portal.person()
    again.session.cookies.set("vestry-session", first, domain="127.0.0.1", path="/")
    assert again.get("/account").status_code == 200
    one.session.cookies.clear()
    one.session.cookies.set("vestry-session", first, domain="127.0.0.1", path="/")
    assert again.get("/login", allow_redirects=False).status_code == 303  # logged in already


def test_a_session_ends_when_it_is_idle_when_it_is_old_and_when_the_account_is_off(portal):
    for column, back in (("seen", IDLE), ("made", LONGEST)):
        one = portal.logged_in()
        with connect(portal.project) as con:
            con.execute(update(session).values({column: session.c[column] - back - 1}))
        assert one.get("/account", allow_redirects=False).status_code == 303
    account(portal.council, "leaver")
    one = portal.logged_in("leaver")
    token = tokens.add_token(portal.project, "leaver", "x", ["metrics"], "1d")
    bearer = {"Authorization": f"Bearer {token}"}
    assert requests.get(portal.address + "/metrics", headers=bearer).status_code == 200
    assert vestry("user", "off", "leaver", "-C", str(portal.council.root)).returncode == 0
    assert one.get("/account", allow_redirects=False).status_code == 303
    assert requests.get(portal.address + "/metrics", headers=bearer).status_code == 401


def test_a_session_that_is_used_stays(portal):
    one = portal.logged_in()
    with connect(portal.project) as con:
        con.execute(update(session).values(seen=session.c.seen - IDLE + 100))
    assert one.get("/account").url.endswith("/account")
    with connect(portal.project) as con:
        con.execute(update(session).values(seen=session.c.seen - IDLE + 100))
    assert one.get("/account").url.endswith("/account")


def test_log_out_ends_the_session_here_and_log_out_elsewhere_all_others(portal):
    one, other = portal.logged_in(), portal.logged_in()
    page = one.get("/account")
    assert page.text.count("<tr") >= 3 and "This one" in page.text
    assert "You are logged out elsewhere" in one.send(page, "/account/sessions/end").text
    assert other.get("/account", allow_redirects=False).status_code == 303
    stolen = one.cookie
    answer = one.send(one.get("/account"), "/logout", follow=False)
    assert answer.status_code == 303 and one.cookie is None
    thief = portal.person()
    thief.session.cookies.set("vestry-session", stolen, domain="127.0.0.1", path="/")
    assert thief.get("/account", allow_redirects=False).status_code == 303


def test_a_form_without_its_sessions_word_is_refused(portal):
    one, other = portal.logged_in(), portal.logged_in("sam")
    theirs = re.search(r'name="csrf" value="([0-9a-f]{64})"', other.get("/account").text)[1]
    mine = re.search(r'name="csrf" value="([0-9a-f]{64})"', one.get("/account").text)[1]
    assert mine != theirs
    for word in ({}, {"csrf": ""}, {"csrf": "x"}, {"csrf": "é"}, {"csrf": theirs}):
        assert one.post("/account/sessions/end", word).status_code == 403
        assert one.post("/logout", word).status_code == 403
    multipart = {"files": {"file": ("a.csv", b"a,b\n1,2\n")}}
    assert one.post("/add", **multipart).status_code == 403
    assert one.post("/add", {"csrf": theirs}, **multipart).status_code == 403
    assert one.post("/add", {"csrf": mine}, **multipart).status_code == 200
    assert one.post("/account/sessions/end", {}, headers={"X-CSRF-Token": mine}).status_code == 200
    assert one.post("/account/sessions/end", {"csrf": mine}, headers={"Origin": "https://evil.example.org"}).status_code == 403  # fmt: skip
    assert one.post("/logout", "csrf=" + "&".join("a" * 3000), headers={"Content-Type": "application/x-www-form-urlencoded"}).status_code == 403  # fmt: skip


def test_nobody_is_logged_in_by_a_form_of_another_site(portal):
    one = portal.person()
    assert one.post("/login", {"name": "jo", "password": PASSWORD}).status_code == 403
    word = sessions.csrf_of("")
    assert one.post("/login", {"name": "jo", "password": PASSWORD, "csrf": word}).status_code == 403
    page = one.get("/login")
    other = portal.person()
    other.get("/login")
    stolen = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)[1]
    assert other.post("/login", {"name": "jo", "password": PASSWORD, "csrf": stolen}).status_code == 403


def test_every_form_that_posts_carries_the_word_once(portal):
    from vestry.serve.page import HERE, _environment

    env = _environment()
    for file in (HERE / "templates").rglob("*.html"):
        source = file.read_text()
        made = env.preprocess(source)
        posts = len(re.findall(r"<form\b[^>]*post", source, re.IGNORECASE))
        assert made.count("{{ csrf }}") == posts, file.name


def test_a_page_of_one_person_is_never_sent_to_another(portal):
    one, other = portal.logged_in(), portal.logged_in("sam")
    for path in ("/products", "/accessibility"):
        mine, theirs = one.get(path), other.get(path)
        assert ">Jo<" in mine.text and ">Sam<" in theirs.text and "private" in mine.headers["cache-control"]
        assert mine.headers["etag"] != theirs.headers["etag"]
        assert ">Jo<" not in portal.person().get("/accessibility").text


def test_a_token_is_made_on_ones_own_page_shown_once_and_revoked(portal):
    one = portal.logged_in()
    page = one.get("/account")
    wrong = one.send(page, "/account/tokens", name="", lasts="9d")
    assert wrong.status_code == 400 and wrong.text.count("govuk-error-message") == 3
    wrong = one.send(page, "/account/tokens", name="x", lasts="30d", scope="everything")
    assert wrong.status_code == 400 and "no scope" in wrong.text
    made = one.send(page, "/account/tokens", name="<b>export</b>", lasts="30d", scope=["metrics"])
    secret = re.search(r"vst_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", made.text)[0]
    assert made.headers["cache-control"] == "no-store" and "<b>export" not in made.text
    shown = one.get("/account").text
    assert secret not in shown and secret[:16] in shown
    bearer = {"Authorization": f"Bearer {secret}"}
    assert requests.get(portal.address + "/metrics", headers=bearer).status_code == 200
    assert requests.get(portal.address + "/products", headers=bearer).status_code == 403
    assert requests.post(portal.address + "/account/sessions/end", headers=bearer).status_code == 403
    action = f"/account/tokens/{secret[4:16]}/revoke"
    assert portal.logged_in("sam").post(action, {}).status_code == 403
    sam = portal.logged_in("sam")
    word = re.search(r'name="csrf" value="([0-9a-f]{64})"', sam.get("/account").text)[1]
    assert sam.post(action, {"csrf": word}).status_code == 400  # it is not sam's
    assert requests.get(portal.address + "/metrics", headers=bearer).status_code == 200
    assert "opens nothing" in one.send(one.get("/account"), action).text
    assert requests.get(portal.address + "/metrics", headers=bearer).status_code == 401


def test_expired_forged_and_narrow_tokens_open_nothing(portal):
    good = tokens.add_token(portal.project, "jo", "x", ["sql"], "1d")

    def asked(token, path="/metrics", kind="Bearer"):
        return requests.get(portal.address + path, headers={"Authorization": f"{kind} {token}"}, allow_redirects=False)

    assert asked(good).status_code == 403 and "insufficient_scope" in asked(good).headers["www-authenticate"]
    assert asked(good, "/api/sql").status_code == 404  # through the door; nobody has built that room here
    forged = [good[:-1], good[:-1] + ("A" if good[-1] != "A" else "B"), good.upper(), "vst_", "", "vst_" + "0" * 12 + good[16:], "é", "x" * 9000]  # fmt: skip
    for token in forged:
        assert asked(token.encode().decode("latin-1")).status_code == 401
    assert asked(good, kind="Basic").status_code == 401
    with connect(portal.project) as con:
        con.execute(update(tokens.token).values(ends=int(time.time()) - 1))
    assert asked(good).status_code == 401 and asked(good, "/api/sql").status_code == 401


def test_a_bad_token_is_not_helped_by_a_good_session(portal):
    one = portal.logged_in()
    assert one.get("/account", headers={"Authorization": "Bearer vst_x"}).status_code == 401


def test_nobody_decides_in_anothers_name(portal):
    """Where people log in, whoever decides is who they are, whatever the form says."""
    from urllib.parse import urlencode

    from starlette.requests import Request

    from vestry.serve.portal import deciding

    body = urlencode({"who": "Somebody else", "why": "x"}).encode()
    kinds = {"session": "Jo (jo@example.org)", "local": "Somebody else"}
    for kind, who in kinds.items():
        state = {"user": User("jo", "Jo", "jo@example.org", kind=kind)}
        request = Request({"type": "http", "headers": [], "state": state})
        request._body = body

        async def asked(request=request):
            return await anyio.to_thread.run_sync(deciding.signed, request)

        assert anyio.run(asked)["who"] == who


def test_who_is_logged_in_without_a_role_sees_no_page_but_their_own(portal):
    account(portal.council, "vera", ("link_worker",))
    vera = portal.person()
    answer = vera.log_in("vera")
    assert (answer.status_code, "have no role here" in answer.text) == (403, True)
    for path in ("/products", "/search?q=repairs", "/people", "/access", "/runs", "/nowhere"):
        assert vera.get(path).status_code == 403, path
    assert vera.get("/account").status_code == 200


def test_log_ins_are_in_the_audit_and_names_that_are_no_accounts_are_not(portal):
    before = [line.number for line in lines(portal.project, most=1)]
    portal.person().log_in("jo")
    portal.person().log_in("jo", "not her password")
    portal.person().log_in("hunter2 hunter2", "jo")
    found = [x for x in lines(portal.project) if x.number > (before[0] if before else 0)]
    assert [(x.entry.who, x.entry.action, x.entry.allowed) for x in reversed(found)] == [
        ("jo", "log in", True),
        ("jo", "log in", False),
    ]
