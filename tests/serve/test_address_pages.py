"""Pages of addresses: found as somebody types, reviewed and decided, and no personal address on one of them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from mdm.places.places_town import TABLE, Town
from serve.conftest import in_process, reviewing, served, wider_than
from vestry.mdm.places.decisions import addresses_of, review_queue
from vestry.mdm.places.likeness import likeness

pytestmark = pytest.mark.slow

GAZETTEER = "domains/places/gazetteer/contract.yaml"
MATCHED = "domains/places/matched/contract.yaml"
#: Two homes that are written alike; a house that is not there; a number that is not.
WAITING = [
    ("Marsh End, Bakers Row", "TH3 1AD"), ("12B High Street, Testham", "TH1 1AA"), ("7 Quay Street", "TH2 2AB"),
]  # fmt: skip
Get = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A town whose gazetteer is public, and whose letters hold addresses that wait for a person."""
    town = Town(tmp_path_factory.mktemp("address_pages") / "town")
    file = town.root / GAZETTEER
    file.write_text(re.sub(r"(logicalType: \w+)}", r"\1, classification: public}", file.read_text()))
    town.letters("a", *WAITING, WAITING[0], ("1 High Street", "TH1 1AA"))
    town.good()
    return town


@pytest.fixture
def town(settled: Town, tmp_path: Path) -> Town:
    """A copy of the settled town."""
    shutil.copytree(settled.root, tmp_path / "town")
    copy = object.__new__(Town)
    copy.root, copy.events = tmp_path / "town", []
    return copy


@pytest.fixture
def get(town: Town) -> Iterator[Get]:
    with in_process(town) as get:
        yield get


def _post(get: Get, path: str, **fields: str) -> requests.Response:
    return get(path, method="POST", data=fields)


def _asked(get: Get) -> list[str]:
    return list(dict.fromkeys(re.findall(r"/addresses/review/[0-9a-f]{24}", get("/addresses/review").text)))


def _waiting(town: Town) -> list[str]:
    workspace = town.open()
    try:
        return [
            q.line for q in review_queue(addresses_of(workspace.project, workspace.lake, workspace.engine.cursor()))
        ]
    finally:
        workspace.close()


def test_an_address_is_found_from_what_is_typed_which_is_in_no_url(get):
    part = _post(get, "/addresses/found", address="12 hgh st")
    assert (
        "12 High Street, Testham, TH1 1AA" in part.text
        and "<html" not in part.text
        and 'aria-live="polite"' in part.text
    )
    whole = _post(get, "/addresses", address="12 hgh st")
    assert "12 High Street, Testham, TH1 1AA" in whole.text and "<h1" in whole.text and whole.url.endswith("/addresses")
    assert "historic" in _post(get, "/addresses/found", address="50 high street").text
    assert "No address is like that" in _post(get, "/addresses/found", address="zzzz zzzz").text
    assert "High Street" not in get("/addresses?address=12+high+street").text
    assert get("/addresses/found").status_code == 405
    for odd in ("", "x" * 5_000, "\0'\"%", "<script>alert(1)</script>", "1 " * 900):
        answer = _post(get, "/addresses", address=odd)
        assert answer.status_code == 200 and "<script>alert" not in answer.text
    assert "hgh" not in get("/metrics").text


def test_a_gazetteer_that_nobody_classified_is_not_shown(town):
    file = town.root / GAZETTEER
    file.write_text(
        file.read_text().replace(
            "{name: street, logicalType: string, classification: public}", "{name: street, logicalType: string}"
        )
    )
    with in_process(town) as get:
        for path in ("/addresses", "/addresses/found"):
            assert "High Street" not in _post(get, path, address="12 high street").text
        assert "Addresses are not shown" in get("/addresses").text


def test_addresses_that_wait_are_masked_and_how_they_are_like_the_home_is_told(get, town):
    assert len(_waiting(town)) == 3
    page = get("/addresses/review").text
    assert "3 addresses wait" in page and "two homes are written alike" in page and page.count("•••") == 6
    first, *_ = _asked(get)
    one = get(first).text
    assert "2 records in" in one and "bronze.letters.letter" in one
    assert ">the same<" in one and "4 of 4 are in the other, which has 5" in one
    for text in (page, one, get("/addresses/decisions").text):
        assert not re.search("Marsh End|Bakers Row|12B|Quay Street|TH3 1AD", text)


def test_an_address_that_the_contract_calls_open_is_shown(town):
    file = town.root / MATCHED
    file.write_text(file.read_text().replace("classification: personal", "classification: internal"))
    with in_process(town) as get:
        assert "Marsh End, Bakers Row, TH3 1AD" in get("/addresses/review").text


def test_decisions_go_from_one_address_to_the_next_and_hold_from_the_next_run(get, town):
    lines = _waiting(town)
    said = {"who": "Ann Clerk", "why": "<script>alert(1)</script>"}
    answer = _post(get, _asked(get)[0], means="other", uprn="0006303", **said)
    assert "Written down: It means a home" in answer.text and "This is the next address" in answer.text
    answer = _post(get, _asked(get)[0], means="none", **said)
    assert "Written down: It means no home" in answer.text
    answer = _post(get, _asked(get)[0], means="candidate", **said)
    assert "No address waits for a decision" in answer.text and _waiting(town) == []
    listed = get("/addresses/decisions").text
    assert listed.count("govuk-summary-card__title-wrapper") == 3 and "&lt;script&gt;" in listed
    assert "<script>alert" not in listed and not re.search("Marsh End|12B|Quay", listed)
    town.good()
    found = dict(
        town.rows(f"SELECT line, matched_by FROM {TABLE} WHERE line IN ('{lines[0]}', '{lines[1]}', '{lines[2]}')")
    )
    assert set(found.values()) == {"decided by a person", "decided by a person: none"}
    assert town.matched("Marsh End, Bakers Row")[0] == "6303"


def test_what_is_missing_or_wrong_is_told_in_a_summary(get, town):
    path = _asked(get)[0]
    said = {"means": "none", "who": "Ann Clerk", "why": "pulled down"}
    for box in ("means", "who", "why"):
        page = _post(get, path, **{**said, box: ""})
        assert page.status_code == 422 and f'href="#{box}"' in page.text and "<title>Error:" in page.text
    assert "Enter the UPRN of the home" in _post(get, path, **{**said, "means": "other"}).text
    unknown = _post(get, path, **{**said, "means": "other", "uprn": "99999988"}).text
    assert "The gazetteer has no such UPRN" in unknown and "99999988" not in unknown
    assert _post(get, path, **{**said, "means": "perhaps"}).status_code == 422
    assert get(path, method="POST", data=said, headers={"Origin": "https://evil.example.org"}).status_code == 403
    assert len(_waiting(town)) == 3
    assert get("/addresses/review/000000000000000000000000").status_code == 404
    assert get("/addresses/review?page=99").status_code == get("/addresses/review?page=x").status_code == 200


def test_an_address_is_given_back_to_the_model(get, town):
    path = _asked(get)[0]
    _post(get, path, means="none", who="Ann Clerk", why="pulled down")
    assert path not in _asked(get)
    key = path.rpartition("/")[2]
    lacking = _post(get, "/addresses/decisions", key=key, at="1", who="Bob Clerk", why="")
    assert lacking.status_code == 422 and 'href="#why-1"' in lacking.text
    done = _post(get, "/addresses/decisions", key=key, at="1", who="Bob Clerk", why="it stands")
    assert "The model may decide again" in done.text and "Nothing is decided yet" in done.text
    assert _post(get, "/addresses/decisions", key=key, who="Bob Clerk", why="it stands").status_code == 404


def test_a_council_without_a_gazetteer_is_told_what_one_needs(repairs):
    repairs.good()
    with in_process(repairs) as get:
        for path in ("/addresses", "/addresses/review", "/addresses/review/x", "/addresses/decisions"):
            page = get(path)
            assert page.status_code == 200 and "address.uprn.yaml" in page.text


def test_a_gazetteer_that_is_not_made_yet_is_told_to_be_made(tmp_path):
    with in_process(Town(tmp_path / "town")) as get:
        assert "not in the lake yet" in get("/addresses").text


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        ("Flat 2, 12 High Street, TH1 1AA", "Flat 2, 12 High Street, TH1 1AA", ("the same", "2 of 2 are in the other, which has 2", "the same")),
        ("2 High St TH1 1AB", "2 High Street, TH1 1AA", ("the same", "2 of 2 are in the other, which has 2", "the same sector")),
        ("2 Hgih Street TH1 2AA", "3 High Street TH1 1AA", ("different", "1 of 2 are in the other, which has 2; 1 more but for a slip", "the same district")),
        ("Rose Cottage", "Flat 1, Rose Cottage, TH3 1AB", ("only one has any", "2 of 2 are in the other, which has 2", "only one has one")),
        ("Rose Cottage", "Rose House", ("neither has any", "1 of 2 are in the other, which has 2", "neither has one")),
        ("1 A Road TH1 1AA", "1 A Road TH2 1AA", ("the same", "1 of 1 are in the other, which has 1", "another district, the same end")),
    ],
)  # fmt: skip
def test_the_likeness_of_two_addresses_is_told_without_saying_what_they_are(left, right, told):
    assert tuple(words for _, words in likeness(left, right)) == told


@pytest.mark.parametrize("scripts", [True, False])
def test_addresses_are_found_and_decided_in_a_browser(browser, town, scripts):
    with served(town.root) as portal, reviewing(browser, scripts) as (page, sees):
        page.goto(f"{portal}/addresses")
        box = page.get_by_role("searchbox")
        if scripts:
            box.press_sequentially("12 hgh")
        else:
            box.fill("12 hgh")
            page.get_by_role("button", name="Look up").click()
        sees("12 High Street, Testham, TH1 1AA")
        assert page.url == f"{portal}/addresses" and box.input_value() == "12 hgh"
        page.get_by_role("link", name="To review").click()
        sees("3 addresses wait")
        page.get_by_role("link", name="Number 1").click()
        sees("How the two compare")
        page.get_by_role("button", name="Write it down").click()
        sees("There is a problem")
        page.get_by_label("Another home", exact=True).check()
        page.get_by_label("UPRN of another home").fill("6303")
        page.get_by_label("Your name").fill("Ann Clerk")
        page.get_by_label("Why").fill("rang the sender")
        page.get_by_role("button", name="Write it down").click()
        sees("This is the next address")
        page.goto(f"{portal}/addresses/decisions")
        sees("rang the sender")
        paths = ("/addresses", "/addresses/review", "/addresses/decisions")
        assert wider_than(page, 360, *(portal + path for path in paths)) == []
