"""The whole story in real browsers: found, asked for, narrowed, read through every door, ended, and told by the audit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import delta_sharing
import openpyxl
import pytest
import requests

import vestry
from council import Council
from council import vestry as command
from governed import governed
from serve.conftest import running
from serve.people import PASSWORD, account
from vestry.project import VestryError

pytestmark = pytest.mark.slow

CLIENT = "adults.care.client"
PURPOSE = "To call residents in hot weather"
AGREEMENT = f"""\
name: Heat calls
parties: [Testham Council, Testham Health Trust]
purpose: {PURPOSE}
lawful_basis: public task
condition: Article 9(2)(h)
tables:
  {CLIENT}: all
starts: 2020-01-01
ends: 2099-01-01
review: 2098-01-01
"""
COLUMNS = ["id", "born", "ward"]
SOON = date.today() + timedelta(days=60)
#: What stands in the columns that are not given, or not as they are.
HIDDEN = ("Testperson", "Mondays", "grab rail", "1950-05-01", "1980-02-03", "WX1", "WX2")
#: The audit's lines, oldest first: who, through which door, what.
TOLD = """\
Ann portal log in
Olu portal log in
Dee portal log in
Ann request ask
Olu request approved
Dee request approved
Ann sql read adults.care.client
Ann sql read adults.care.client
Ann sql refused read adults.care.client
Ann sharing read adults.care.client
Ann rest read adults.care.client
Ann odata read adults.care.client
Ann rest read adults.care.client
Ann sharing read adults.care.client
Olu request end
Ann sql refused read adults.care.client
Ann sql refused read adults.care.client
Ann odata refused read adults.care.client
Ann rest refused read adults.care.client
Ann rest refused read adults.care.client
Ann sharing refused read adults.care.client
Ann sharing refused read adults.care.client
""".splitlines()


@dataclass
class Someone:
    """A person at a browser; `saw` is all that came to it, as text."""

    page: Any
    saw: list[str] = field(default_factory=list)

    def look(self) -> str:
        """The page as it stands, which is kept."""
        self.saw.append(self.page.content())
        text: str = self.page.inner_text("main")
        return " ".join(text.split())

    def follow(self, name: str, within: str = "body") -> str:
        """Go where the first link that is called so leads."""
        return self._goes(self.page.locator(within).get_by_role("link", name=name).first)

    def press(self, name: str) -> str:
        return self._goes(self.page.get_by_role("button", name=name, exact=True))

    def _goes(self, to: Any) -> str:
        with self.page.expect_event("load"):  # a navigation is told of before the page is whole
            to.click()
        return self.look()

    def shows(self, column: str, way: str) -> None:
        self.page.get_by_label(f"How {column} of client is shown").select_option(label=way)


@dataclass
class Story:
    """A council whose portal runs, and those who are at it."""

    council: Council
    address: str
    browser: Any
    folder: Path

    def someone(self, name: str) -> Someone:
        page = self.browser.new_context(accept_downloads=True).new_page()
        page.set_default_timeout(30_000)
        page.goto(self.address)
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        found = Someone(page)
        found.press("Log in")
        return found


@pytest.fixture
def story(browser: Any, tmp_path: Path) -> Iterator[Story]:
    council = governed(tmp_path / "testham")
    council.write("agreements/heat.yaml", AGREEMENT)
    account(council, "ann", ("staff", "analyst"))
    account(council, "olu", ("staff", "owner"), domains=("adults",))
    account(council, "dee", ("staff", "dpo"))
    with running(council) as address:
        made = Story(council, address, browser, tmp_path)
        yield made
        for context in browser.contexts:
            context.close()


def test_data_are_found_asked_for_narrowed_read_and_closed_and_the_audit_tells_it(story: Story) -> None:
    ann, olu, dee = (story.someone(name) for name in ("ann", "olu", "dee"))
    asks(ann)
    answers(olu, {"name": "not shown", "id": "hashed"}, "The list of names stays with those who call")
    answers(dee, {"note": "not shown", "postcode": "not shown"}, "Nobody needs them for a call")
    doors = makes_a_token(ann, story)
    opens_sql(ann, story)
    doors.are_open()
    ends(olu)
    is_refused_in_sql(ann)
    doors.are_closed()
    tells(story, dee)
    for text in (*ann.saw, *olu.saw, *dee.saw):
        assert not [value for value in HIDDEN if value in text]


def asks(ann: Someone) -> None:
    """She finds the product, and asks for more than she will get."""
    page = ann.page
    page.get_by_label("What are you looking for?").fill("client")
    ann.press("Search")
    ann.follow("Client", f".app-result:has(code:text-is('{CLIENT}'))")
    assert "You see no row of it" in ann.follow("who may read it")
    ann.press("Ask for access")
    page.get_by_label(PURPOSE).check()
    for column in ("id", "name", "postcode", "ward", "note"):
        ann.shows(column, "as it is")
    ann.shows("born", "age band")
    page.get_by_label("Only rows whose").select_option("ward")
    page.get_by_label("is one of").fill("North")
    for part, number in (("Day", SOON.day), ("Month", SOON.month), ("Year", SOON.year)):
        page.get_by_label(part).fill(str(number))
    assert "waits for an owner and the data protection officer" in ann.press("Ask")


def answers(who: Someone, less: dict[str, str], why: str) -> None:
    """Somebody sees what waits for them, takes away what is not needed, and approves."""
    who.follow("Access")
    who.follow("1 request")
    assert PURPOSE in who.follow("Ann asks for adults.care")
    who.page.get_by_label("Approve").check()
    for column, way in less.items():
        who.shows(column, way)
    who.page.get_by_label("Reasons").fill(why)
    assert f"narrowed: {why}" in who.press("Answer")


def makes_a_token(ann: Someone, story: Story) -> Doors:
    """From her request she comes to how the product is read, and to a token for her programs."""
    ann.follow("Access", "nav")
    assert "You can read it now" in ann.follow("adults.care")
    assert f"for the purpose “{PURPOSE}”" in ann.follow("how to use it")
    feed, _, profile, load, rows = ann.page.locator("pre").all_inner_texts()
    ann.follow("your account")
    ann.page.get_by_label("What is it for?").fill("my notebook and Excel")
    ann.page.get_by_label("Read the catalogue and data").check()
    ann.press("Make the token")
    token = ann.page.inner_text(".app-secret")
    file = story.folder / "config.share"
    file.write_text(profile.replace("your API token", token))
    shared = load.partition('"')[2].partition('"')[0].replace("config.share", str(file))
    return Doors(story.address, token, feed, rows, shared, ann.saw)


def opens_sql(ann: Someone, story: Story) -> None:
    """She asks on the page, sees the answer, and opens it in Excel."""
    page = ann.page
    ann.follow("Products", "nav")
    ann.follow("Care", "main")
    ann.follow("How to use it")
    ann.follow("Ask about it in SQL")
    shown = ann.press("Ask")
    assert "2 rows" in shown and re.search(r"\d+ to \d+ North", shown)
    assert page.locator("main table th").all_inner_texts() == COLUMNS
    with page.expect_download() as download:
        page.get_by_role("button", name="Download Excel").click()
    download.value.save_as(story.folder / "answer.xlsx")
    header, *rows = openpyxl.load_workbook(story.folder / "answer.xlsx").active.iter_rows(values_only=True)
    assert list(header) == COLUMNS and {row[2] for row in rows} == {"North"} and len(rows) == 2
    ann.saw.append(str(rows))
    page.locator("#sql").fill(f"SELECT name FROM {CLIENT}")
    assert "there is no column `name`" in ann.press("Ask") and page.locator("main table").count() == 0


def is_refused_in_sql(ann: Someone) -> None:
    """What stands on her page since before is asked again, as an answer and as a file; then she looks why."""
    ann.page.locator("#sql").fill(f"SELECT * FROM {CLIENT}")
    for button in ("Ask", "Download Excel"):
        assert "no grant lets you read it" in ann.press(button)
    ann.follow("Access", "nav")
    assert "which is over" in ann.follow("adults.care", "main")
    assert "ended by Olu: The heat is over" in ann.follow("the grant", "main")


@dataclass
class Doors:
    """What the product's page said to programs: the feed for Excel, the rows by REST, the name of the shared table."""

    address: str
    token: str
    feed: str
    rows: str
    shared: str
    saw: list[str]
    #: The address of a file of the shared table, as it was given while the grant stood.
    file: str = ""

    def ask(self, address: str, method: str = "GET", **more: Any) -> requests.Response:
        answer = requests.request(method, address, timeout=60, **more)
        self.saw.append(answer.text)
        return answer

    def excel(self) -> requests.Response:
        """As Excel asks: a name, and the token as password."""
        return self.ask(f"{self.feed}{CLIENT.replace('.', '__')}", auth=("ann", self.token))

    def rest(self) -> requests.Response:
        return self.ask(self.rows, headers={"Authorization": f"Bearer {self.token}"})

    def python(self) -> Any:
        return vestry.connect(self.address, token=self.token).table(CLIENT).to_pandas()

    def are_open(self) -> None:
        frames = [delta_sharing.load_as_pandas(self.shared), self.python()]
        self.saw += [frame.to_csv() for frame in frames]
        for found in (
            *(f.to_dict("records") for f in frames),
            self.excel().json()["value"],
            self.rest().json()["rows"],
        ):
            assert len(found) == 2
            assert {row["ward"] for row in found} == {"North"} and all(list(row) == COLUMNS for row in found)
        share, schema, table = self.shared.partition("#")[2].split(".")
        asked = f"{self.address}/sharing/shares/{share}/schemas/{schema}/tables/{table}/query"
        given = self.ask(asked, "POST", json={}, headers={"Authorization": f"Bearer {self.token}"})
        self.file = next(line["file"]["url"] for line in map(json.loads, given.text.splitlines()) if "file" in line)
        assert self.ask(self.file).content.startswith(b"PAR1")

    def are_closed(self) -> None:
        for answer in (self.excel(), self.rest()):
            assert answer.status_code == 403 and "no grant lets you read it" in answer.text
        with pytest.raises(VestryError, match="no grant lets you read it"):
            self.python()
        with pytest.raises(requests.HTTPError) as refused:
            delta_sharing.load_as_pandas(self.shared)
        self.saw.append(refused.value.response.text)
        assert refused.value.response.status_code == 404
        assert self.ask(self.file).status_code == 404


def ends(olu: Someone) -> None:
    """The owner ends the grant."""
    olu.follow("Access", "nav")
    olu.follow("Open grants")
    olu.follow("adults.care", "main")
    olu.page.get_by_label("Why it ends").fill("The heat is over")
    assert "No door lets through by it any more" in olu.press("End it now")


def tells(story: Story, dee: Someone) -> None:
    """The data protection officer reads what happened, in order; and the chain is whole."""
    dee.follow("Access", "nav")
    assert "the chain is whole" in dee.follow("Audit")
    rows = [
        [cell.strip() for cell in row.locator("td").all_inner_texts()] for row in dee.page.locator("tbody tr").all()
    ]
    told = [f"{who} {door} {' '.join(re.split('[:(]', what)[0].split())}" for _, who, door, what, *_ in rows]
    assert told[::-1] == TOLD
    for *_, what, count, purpose, by in rows:
        assert (count, purpose, by[:2]) == ("2", PURPOSE, "g-") or not what.startswith("read")
    verified = command("audit", "verify", "-C", str(story.council.root))
    assert verified.returncode == 0 and f"{len(TOLD)} lines" in verified.stdout
