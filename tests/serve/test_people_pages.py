"""Pages of people: looked up, reviewed and decided, and never a personal value on one of them."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from html import unescape
from pathlib import Path

import pytest
import requests

from council import vestry
from mdm.people.town import Town, settle
from serve.conftest import in_process, reviewing, running, served, wider_than
from serve.people import Person, account
from vestry.governance.access.grants import give
from vestry.governance.access.terms import Terms
from vestry.governance.access.treatment import Treatment
from vestry.governance.audit import lines
from vestry.governance.state import connect
from vestry.mdm.people.decisions import decide, decisions_of, queue
from vestry.mdm.people.explain import Record
from vestry.project import TableName

pytestmark = pytest.mark.slow

TAX, HOMES = "register.people.tax", "register.people.homes"
CONTRACT = "domains/people/index/contract.yaml"
NINO = "AB123456C"
Get = Callable[..., requests.Response]


def _row(forename: str, born: str, **more: str) -> dict[str, str]:
    row = {"forename": forename, "surname": "Harmsworth", "born": born, "sex": "M", "seen": "2026-05-01"}
    return {**row, "address": "7 Vicarage Road", "postcode": "TS4 9QQ", **more}


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A town with a father and a son of one name and home, somebody protected, and a household of the index's people."""
    town = Town(tmp_path_factory.mktemp("people_pages") / "testham")
    settle(town, 60)
    town.homes["FATHER"] = _row("George", "1961-02-03", nino=NINO)
    town.homes["SON"] = _row("George", "1993-11-20")
    town.tax["SON"] = _row("GEORGE", "1993-11-20")
    town.tax["OTHER"] = _row("Ottilie", "1971-10-13", surname="Vandersloot", address="1 Far Lane", postcode="TS9 9ZZ")
    town.homes["HIDDEN"] = _row("Zebedee", "1970-01-09", surname="Quarrington", hidden="Y")
    record = "people.index.person_record"
    town.product(
        "people.homes",
        {
            "household_id": "logicalType: string, primaryKey: true, primaryKeyPosition: 1, classification: personal",
            "person_id": "logicalType: string, primaryKey: true, primaryKeyPosition: 2, classification: personal",
        },
        member_sql=f"SELECT DISTINCT 'H' || substr(md5(address), 1, 6) AS household_id, person_id FROM {record} "
        "WHERE address IS NOT NULL",
    )
    town.product(
        "people.flags",
        {"person_id": "logicalType: string, primaryKey: true, classification: special"},
        flagged_sql=f"SELECT DISTINCT person_id FROM {record}",
    )
    town.save()
    town.good()
    return town


@pytest.fixture
def town(settled: Town, tmp_path: Path) -> Town:
    """A copy of the settled town."""
    shutil.copytree(settled.root, tmp_path / "testham")
    copy = Town(tmp_path / "testham")
    copy.tax, copy.homes = dict(settled.tax), dict(settled.homes)
    return copy


@pytest.fixture
def get(town: Town) -> Iterator[Get]:
    with in_process(town) as get:
        yield get


def _post(get: Get, path: str, **fields: str) -> requests.Response:
    return get(path, method="POST", data=fields)


def _pair(town: Town) -> str:
    """The page of the father and the son."""
    one, other = sorted(town.people(["homes/FATHER", "homes/SON"]))
    return f"/people/review/{one}/{other}"


def _token(page: str) -> str:
    return re.search(r'name="(?:pair|key)" value="(\w+)"', page)[1]


def _linked(page: str) -> list[str]:
    return [unescape(path).partition("#")[0] for path in re.findall(r'href="(/[^"]*)"', page)]


def _walked(get: Get, *starts: str) -> dict[str, str]:
    """Every page of people that links lead to, up to 50."""
    waiting, seen = list(starts), {}
    while waiting and len(seen) < 50:
        path = waiting.pop(0)
        if path not in seen and path.startswith("/people"):
            answer = get(path)
            assert answer.status_code == 200, path
            seen[path] = answer.text
            waiting += _linked(answer.text)
    return seen


def _personal(town: Town) -> set[str]:
    """Every value of the invented people's records, but for what is no more than a letter or a day of the platform's."""
    rows = [*town.tax.values(), *town.homes.values()]
    keys = {*town.tax, *town.homes} - {f"H{n}" for n in range(1, 7)}
    values = {
        row.get(f, "")
        for row in rows
        for f in ("forename", "surname", "born", "nino", "address", "postcode", "telephone")
    }
    return {v for v in values | keys if len(v) > 1} | {"George", "Harmsworth", "03/02/1961", "3 February 1961"}


def _told(values: set[str], text: str) -> set[str]:
    return {v for v in values if re.search(rf"(?<!\w){re.escape(v)}(?!\w)", text)}


def test_a_person_is_looked_up_by_what_is_known_and_only_an_id_comes_back(get, town):
    father, other = town.people(["homes/FATHER", "tax/OTHER"])
    for known in (father, "ab 12 34 56 c", f"  {father.lower()} "):
        assert f"/people/{father}" in _linked(_post(get, "/people", known=known).text), known
    born = {"born-day": "13", "born-month": "10", "born-year": "1971"}
    page = _post(get, "/people", known="vandersloot OTTILIE", **born).text
    assert f"/people/{other}" in _linked(page) and "1 person may be meant" in page
    assert not re.search("vandersloot|ottilie|1971", page, re.IGNORECASE)
    assert "Nobody is found" in _post(get, "/people", known="vandersloot", **{**born, "born-year": "1972"}).text
    assert "Nobody is found" in _post(get, "/people", known="P999999999").text
    assert "may be meant" not in get("/people?known=Vandersloot").text


def test_a_look_up_that_says_too_little_is_told_what_is_missing(get):
    empty = _post(get, "/people", known="  ")
    assert empty.status_code == 422 and 'href="#known"' in empty.text and "Error: People" in empty.text
    dated = _post(get, "/people", known="George", **{"born-day": "31", "born-month": "2", "born-year": "1990"})
    assert dated.status_code == 422 and "must be a real date" in dated.text and "George" not in dated.text
    assert "More than 20 people" not in _post(get, "/people", known="George").text
    for odd in (
        "x" * 5_000,
        "'; DROP TABLE person; --",
        "\0\ud7ff%_",
        "a b c d e f g h i j",
        "<script>alert(1)</script>",
    ):
        answer = _post(get, "/people", known=odd)
        assert answer.status_code == 200 and "Nobody is found" in answer.text and "<script>alert" not in answer.text
    assert get("/people", method="POST", data={"known": "x" * 100_000}).status_code == 413


def test_a_persons_page_tells_where_there_are_records_and_masks_what_they_say(get, town):
    (son,) = town.people(["homes/SON"])
    page = get(f"/people/{son}").text
    assert "2 records in 2 tables" in page and TAX in page and HOMES in page
    assert page.count("•••") == 6 + 2 + 1 and "not held" in page  # values, keys, and what the mark means
    (father,) = town.people(["homes/FATHER"])
    assert f"/people/{father}" in _linked(page) and "in one household with" in page
    assert "people.flags" not in page, "to be named in a table that is special says something of a person"


def test_no_page_holds_a_value_of_anybodys_record(get, town, capfd):
    one, *_ = town.people(["homes/SON"])
    pages = _walked(get, "/people", f"/people/{one}", _pair(town))
    assert len(pages) > 8
    personal = _personal(town)
    assert len(personal) > 400
    for path, text in pages.items():
        assert not _told(personal, text) and not _told(personal, path), path
    _post(get, "/people", known="Vandersloot")
    assert not _told(personal, get("/metrics").text)
    assert get("/people/George%20Harmsworth").status_code == 404
    assert not _told(personal, get("/people/George%20Harmsworth").text)
    assert not _told(personal, "".join(capfd.readouterr()))


def test_what_the_contract_calls_open_is_shown(town):
    file = town.root / CONTRACT
    text = file.read_text()
    file.write_text(
        re.sub(r"(name: record_id, logicalType: string, classification: )personal", r"\1internal", text).replace(
            "{name: sex, logicalType: string, classification: personal",
            "{name: sex, logicalType: string, classification: internal",
        )
    )
    (son,) = town.people(["homes/SON"])
    with in_process(town) as get:
        page = get(f"/people/{son}").text
    assert page.count(">SON</td>") == 2 and ">M</td>" in page and "Harmsworth" not in page


def test_who_is_protected_is_nowhere_and_answered_like_nobody(get, town):
    missing = get("/people/P999999998")
    assert missing.status_code == 404 and "There is no such person" in missing.text
    nobody = _post(get, "/people", known="Nobody Atall").text
    assert _post(get, "/people", known="Zebedee Quarrington").text == nobody
    town.write(
        "domains/people/index/person.match.yaml",
        (town.root / "domains/people/index/person.match.yaml")
        .read_text()
        .replace("protected: hidden", "protected: {when: hidden, but_for: [safeguarding]}")
        + "purpose: safeguarding\n",
    )
    town.good()
    (held,) = town.people(["homes/HIDDEN"])
    with in_process(town) as again:
        assert _post(again, "/people", known="Zebedee Quarrington").text == nobody
        if held != "nobody":  # the index may hold such a record for its purpose; no page does
            assert again(f"/people/{held}").text == missing.text.replace("P999999998", held)
        (son,) = town.people(["homes/SON"])
        assert held not in again(f"/people/{son}").text


def test_a_pair_is_decided_and_the_person_becomes_one_whose_old_id_leads_on(get, town):
    path = _pair(town)
    page = get(path).text
    assert "Different dates of birth" in page and "The same home" in page
    answer = get(
        path,
        method="POST",
        allow_redirects=False,
        data={"pair": _token(page), "decision": "same", "who": "Ann Clerk", "why": "one file of two birthdays"},
    )
    assert answer.status_code == 303 and answer.headers["location"].endswith("?said=same")
    after = get(answer.headers["location"]).text
    assert "Written down: They are the same person" in after and path not in _linked(get("/people/review").text)
    assert "Somebody has decided this" in get(path).text
    one, other = path.split("/")[-2:]
    town.good()
    assert get(f"/people/{other}").url.endswith(f"/people/{one}")
    page = get(f"/people/{one}").text
    assert f"{other} was found to be this person" in page and "as Ann Clerk decided" in page
    assert get(path).url.endswith(f"/people/{one}")


def test_a_decision_lacking_who_or_why_or_made_of_an_old_page_is_not_taken(get, town):
    path = _pair(town)
    token = _token(get(path).text)
    said = {"pair": token, "decision": "unsure", "who": "Ann Clerk", "why": "no papers"}
    for box in ("decision", "who", "why"):
        page = _post(get, path, **{**said, box: " "})
        assert page.status_code == 422 and f'href="#{box}"' in page.text and f'id="{box}-error"' in page.text
        assert "There is a problem" in page.text and "<title>Error:" in page.text
    assert "The index has changed" in _post(get, path, **{**said, "pair": "0"}).text
    assert "is no decision" in _post(get, path, **{**said, "decision": "perhaps"}).text
    for headers in ({"Origin": "https://evil.example.org"}, {"Sec-Fetch-Site": "cross-site"}):
        assert get(path, method="POST", data=said, headers=headers).status_code == 403
    with town.reader() as reader:
        assert decisions_of(reader) == []


def test_a_decision_that_contradicts_another_is_told_whose_without_naming_records(get, town):
    path = _pair(town)
    son = Record(HOMES, "SON")
    with town.reader() as reader:
        decide(reader, Record(HOMES, "FATHER"), Record(TAX, "OTHER"), "same", "Bob Clerk", "a slip")
        decide(reader, Record(TAX, "OTHER"), son, "same", "Bob Clerk", "a slip")
        decide(reader, Record(TAX, "OTHER"), Record(TAX, "SON"), "same", "Bob Clerk", "a slip")
    page = get(path).text
    answer = _post(get, path, pair=_token(page), decision="different", who="Ann Clerk", why="two birthdays")
    assert answer.status_code == 422 and "That contradicts what Bob Clerk decided on" in answer.text
    assert "FATHER" not in answer.text and "OTHER" not in answer.text


def test_decisions_are_listed_as_they_were_written_and_can_be_withdrawn(get, town):
    why = "<script>alert(1)</script> & <b>bold</b>"
    path = _pair(town)
    _post(get, path, pair=_token(get(path).text), decision="different", who="<i>Ann</i>", why=why)
    page = get("/people/decisions").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;" in page and "<script>alert" not in page
    assert "They are different people" in page and "<i>Ann" not in page
    said = {"key": _token(page), "at": "1", "who": "Bob Clerk", "why": "the wrong file"}
    lacking = _post(get, "/people/decisions", **{**said, "why": ""})
    assert lacking.status_code == 422 and 'href="#why-1"' in lacking.text and 'id="why-1-error"' in lacking.text
    done = _post(get, "/people/decisions", **said)
    assert "The decision is withdrawn" in done.text and "Nothing is decided yet" in done.text
    assert path in _linked(get("/people/review").text)
    assert _post(get, "/people/decisions", **said).status_code == 404


def test_pairs_that_are_skipped_come_one_after_the_other_and_end_at_the_queue(get, town):
    with town.reader() as reader:
        people = [q.people for q in queue(reader, 100)]
    assert len(people) > 1
    for (one, other), (third, fourth) in itertools.pairwise(people):
        assert get(f"/people/review/{one}/{other}/next").url.endswith(f"/people/review/{third}/{fourth}")
        assert get(f"/people/review/{other}/{one}").url.endswith(f"/people/review/{one}/{other}")
    assert get("/people/review/{}/{}/next".format(*people[-1])).url.endswith("/people/review")
    assert get("/people/review?page=99").status_code == get("/people/review?page=x").status_code == 200


def test_many_who_look_at_once_see_the_same(get, town):
    (son,) = town.people(["homes/SON"])
    with ThreadPoolExecutor(8) as pool:
        for path in (f"/people/{son}", _pair(town)):
            assert len(set(pool.map(lambda _, path=path: get(path).text, range(24)))) == 1


def test_a_council_without_an_index_is_told_what_one_needs(repairs):
    repairs.good()
    with in_process(repairs) as get:
        for path in ("/people", "/people/P000000001", "/people/review", "/people/review/a/b", "/people/decisions"):
            page = get(path)
            assert page.status_code == 200 and "person.match.yaml" in page.text and "vestry schema match" in page.text


def test_an_index_that_is_not_made_yet_is_told_to_be_made(tmp_path):
    with in_process(Town(tmp_path / "testham")) as get:
        assert "described and not made yet" in get("/people/review").text


@pytest.mark.parametrize("scripts", [True, False])
def test_a_reviewer_goes_through_the_queue_in_a_browser(browser, town, scripts):
    with served(town.root) as portal, reviewing(browser, scripts) as (page, sees):
        page.goto(f"{portal}/people")
        page.get_by_label("What do you know of the person?").fill("George Harmsworth")
        page.get_by_role("button", name="Look up").click()
        sees("people may be meant")
        assert page.url == f"{portal}/people"
        page.get_by_role("link", name=re.compile("^P0")).first.click()
        sees("What became of the person")
        page.get_by_role("link", name="People", exact=True).first.click()
        page.get_by_role("link", name="To review").click()
        sees("Two people who may be one")
        page.get_by_role("link", name=re.compile(" and P0")).first.click()
        sees("One person or two?")
        first = page.url
        page.get_by_role("button", name="Write it down").click()
        sees("There is a problem")
        summary = page.get_by_role("alert")
        assert "Say whether they are the same person" in summary.inner_text()
        summary.get_by_role("link", name="Enter why").click()
        if scripts:
            assert page.evaluate("document.activeElement.id") == "why"
        page.get_by_label("They are different people").check()
        page.get_by_label("Your name").fill("Ann Clerk")
        page.get_by_label("Why").fill("seen both files")
        page.get_by_role("button", name="Write it down").click()
        sees("Written down: They are different people")
        assert page.url.partition("?")[0] != first
        page.goto(f"{portal}/people/decisions")
        page.get_by_text("Withdraw this decision").click()
        page.get_by_role("button", name="Withdraw", exact=True).click()
        sees("There is a problem")
        assert page.get_by_role("alert").get_by_role("link").count() == 2
        paths = ("/people", "/people/review", "/people/decisions", first.removeprefix(portal))
        assert wider_than(page, 360, *(portal + path for path in paths)) == []


def test_people_are_looked_up_by_a_grant_that_shows_what_it_says_and_every_look_is_written_down(town: Town) -> None:
    for name, more in {"ann": {}, "sid": {"roles": ("staff", "steward"), "domains": ("people",)}}.items():
        account(town, name, **more)
    (someone,) = town.people(["homes/FATHER"])
    page = f"/people/{someone}"
    index = TableName("people", "index", "person")
    with running(town) as address:
        ann, sid = Person(address), Person(address)
        ann.log_in("ann")
        sid.log_in("sid")
        assert ann.get(page).status_code == 403 and ann.get("/people").status_code == 403
        seen = sid.get(page).text
        assert "Harmsworth" not in seen and "not shown" in seen
        project = town.open().project
        terms = Terms(
            {index: {"person_id": Treatment.CLEAR, "surname": Treatment.CLEAR}}, date.today() + timedelta(days=9)
        )
        with connect(project) as con:
            grant = give(con, project, "ann", "people.index", "visits to residents", terms, ["sid"])
        shown = ann.get(page).text
        assert "Harmsworth" in shown and "George" not in shown
        (by_ann, by_sid) = lines(project, person=someone)
        assert (by_ann.entry.who, by_ann.entry.grants, by_sid.entry.who) == ("ann", (grant.id,), "sid")
        form = ann.get("/people")
        found = ann.send(form, "/people", known="Harmsworth")
        assert someone in found.text
        assert len(list(lines(project, person=someone))) == 3


def test_a_look_up_is_no_way_round_what_a_grant_hides(town: Town) -> None:
    account(town, "ann")
    (someone,) = town.people(["homes/FATHER"])
    project, index = town.open().project, TableName("people", "index", "person")

    def give_ann(**columns: Treatment) -> None:
        terms = Terms({index: columns}, date.today() + timedelta(days=9))
        with connect(project) as con:
            give(con, project, "ann", "people.index", "counts of residents by age", terms, ["sid"])

    with running(town) as address:
        ann = Person(address)
        ann.log_in("ann")
        give_ann(person_id=Treatment.HASHED, date_of_birth=Treatment.AGE_BAND, sex=Treatment.CLEAR)
        assert [ann.get(path).status_code for path in ("/people", f"/people/{someone}", "/people/review")] == [403] * 3
        give_ann(person_id=Treatment.CLEAR, sex=Treatment.CLEAR, forename=Treatment.CLEAR)
        form = ann.get("/people")
        for known in ("Harmsworth", "George Harmsworth", NINO):
            assert "Nobody is found" in ann.send(form, "/people", known=known).text
        assert someone in ann.send(form, "/people", known="George").text
        assert someone in ann.send(form, "/people", known=someone).text
        born = {"born-day": "3", "born-month": "2", "born-year": "1961"}
        asked = ann.send(form, "/people", known="George", **born)
        assert asked.status_code == 422 and "does not show dates of birth" in asked.text
        page = ann.get(f"/people/{someone}").text
        assert "George" in page and not any(said in page for said in ("Harmsworth", HOMES, TAX, "household"))
        assert ann.get("/people/review").status_code == ann.get("/people/decisions").status_code == 403
        # Who has a grant of the records too is told where they are.
        with connect(project) as con:
            record = TableName("people", "index", "person_record")
            shown = {"person_id": Treatment.CLEAR, "source": Treatment.CLEAR}
            terms = Terms({index: {"person_id": Treatment.CLEAR}, record: shown}, date.today() + timedelta(days=9))
            give(con, project, "ann", "people.index", "counts of residents by age", terms, ["sid"])
        assert HOMES in ann.get(f"/people/{someone}").text


def test_whom_the_operator_looks_at_on_the_command_line_is_written_down(town: Town) -> None:
    (father,), (son,) = town.people(["homes/FATHER"]), town.people(["homes/SON"])
    for args in (("show", father), ("explain", f"{HOMES}/FATHER", f"{HOMES}/SON"), ("review", "--list")):
        done = vestry("people", args[0], "-C", str(town.root), *args[1:])
        assert done.returncode == 0, done.stderr
    found = list(lines(town.open().project, person=father))
    assert {line.entry.action for line in found} >= {"show people", "explain people"}
    assert {line.entry.door for line in found} == {"operator"} and "Harmsworth" not in str(found)
    assert any(son in line.entry.people for line in found)
