"""How a product is used: what its page says to copy does what it says."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import delta_sharing
import pytest
import requests

from council import Council
from governed import governed
from serve.conftest import running
from serve.people import Person, account
from vestry.governance.access.grants import give
from vestry.governance.access.terms import Terms
from vestry.governance.access.treatment import Treatment
from vestry.governance.identity.tokens import add_token
from vestry.governance.state import connect
from vestry.project import Project, TableName, load_project

pytestmark = pytest.mark.slow

CLIENT = TableName.parse("adults.care.client")
PAGE = "/products/adults/care/use"


@pytest.fixture
def ann(council: Council) -> Iterator[Person]:
    governed(council.root)
    account(council, "ann", ("staff", "analyst"))
    with running(council) as address:
        ann = Person(address)
        ann.log_in("ann")
        yield ann


def pieces(page: requests.Response) -> list[str]:
    """What the page gives to be copied, in its order."""
    return [html.unescape(text) for text in re.findall(r"<code>(.*?)</code></pre>", page.text, re.DOTALL)]


def test_what_may_not_be_read_yet_is_asked_for_first(ann: Person) -> None:
    page = ann.get(PAGE)
    assert "You see no row of it yet" in page.text and "/products/adults/care/access" in page.text
    assert "SELECT" not in ann.get("/sql?table=adults.care.client").text.partition("<textarea")[2].partition("</")[0]


def test_each_way_says_for_which_purpose_where_there_are_several(
    ann: Person, council: Council, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = load_project(council.root)
    given = {"calls to residents": ["id"], 'a study of "wards" & homes': ["id", "ward"]}
    for purpose, columns in given.items():
        give_ann(project, purpose, columns)
    token = add_token(project, "ann", "a test", ["read"], "30d")
    page = ann.get(PAGE)
    wanted = given[purpose_on(page)]
    feed, code, rows = pieces(page)
    found = requests.get(f"{feed}adults__care__client", auth=("ann", token), timeout=60).json()["value"]
    assert len(found) == 3 and list(found[0]) == wanted
    found = requests.get(rows, headers={"Authorization": f"Bearer {token}"}, timeout=60).json()["rows"]
    assert len(found) == 3 and list(found[0]) == wanted
    monkeypatch.setenv("VESTRY_TOKEN", token)
    names: dict[str, Any] = {}
    exec(code.replace("council.table", "found = council.table"), names)
    assert len(names["found"]) == 3 and names["found"].columns == wanted
    begun = ann.get(html.unescape(re.search(r'href="(/sql\?[^"]+)"', page.text)[1])).text
    chosen = begun.partition('name="purpose"')[2].partition(" selected")[0]
    assert "FROM adults.care.client" in begun and html.unescape(chosen).endswith(f'"{purpose_on(page)}"')


def give_ann(project: Project, purpose: str, columns: list[str]) -> None:
    shown = {name: Treatment.HASHED if name == "id" else Treatment.CLEAR for name in columns}
    with connect(project) as con:
        terms = Terms({CLIENT: shown}, date.today() + timedelta(days=30))
        give(con, project, "ann", "adults.care", purpose, terms, ["olu"])


def purpose_on(page: requests.Response) -> str:
    return re.search(r"for the purpose “(.*?)”", html.unescape(page.text))[1]


def test_the_profile_of_delta_sharing_loads_the_table(ann: Person, council: Council, tmp_path: Any) -> None:
    project = load_project(council.root)
    give_ann(project, "calls to residents", ["ward"])
    _, _, profile, load, _ = pieces(ann.get(PAGE))
    file = tmp_path / "config.share"
    file.write_text(profile.replace("your API token", add_token(project, "ann", "a test", ["read"], "30d")))
    name = re.search(r'"config.share(#[^"]+)"', load)[1]
    assert sorted(delta_sharing.load_as_pandas(f"{file}{name}").ward) == ["North", "North", "South"]
