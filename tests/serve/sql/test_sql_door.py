"""The SQL door over HTTP: for programs, and as a page."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
import requests

from council import Council
from governed import governed
from serve.conftest import running, violations, wider_than
from serve.people import Person, account
from vestry.governance import audit
from vestry.governance.access.grants import give
from vestry.governance.access.terms import Terms
from vestry.governance.access.treatment import Treatment
from vestry.governance.identity.tokens import add_token
from vestry.governance.state import connect
from vestry.project import TableName, load_project

pytestmark = pytest.mark.slow  # each question is a process of its own

CLIENT = TableName.parse("adults.care.client")
WARDS = "SELECT ward FROM adults.wards.ward ORDER BY ward"
#: Values that programs on the way may take for something else, one of each kind.
ODD = (
    "SELECT '=cmd|'' /C calc''!A0' AS formula, '<script>alert(1)</script>' AS script, 'two' || chr(10) || 'lines' AS "
    "lines, 12345678901234567890::HUGEINT AS huge, 1.50::DECIMAL(9,2) AS money, 'nan'::DOUBLE AS nan, NULL AS nothing, "
    "DATE '2024-02-29' AS day, TIMESTAMPTZ '2024-02-29 12:00:00+00' AS moment, INTERVAL 90 MINUTE AS span, [1, 2] AS "
    "list, {'a': 'b'} AS struct, MAP {'k': 1} AS map, 'x'::BLOB AS bytes, true AS yes, DATE '1066-10-14' AS old, "
    "TIME '01:02:03' AS clock, uuid() IS NOT NULL AS uuid, [NULL] AS nulls"
)


@dataclass
class Door:
    council: Council
    address: str
    tokens: dict[str, str]

    def ask(self, sql: Any, who: str | None = "ann", **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        said = {"sql": sql, **more}
        return requests.post(f"{self.address}/api/sql", json=said, headers=headers, timeout=120)

    def told(self) -> audit.Line:
        return next(audit.lines(load_project(self.council.root), most=1))


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    council = governed(tmp_path_factory.mktemp("door"))
    limits = "[sql]\nmemory_mb = 256\nthreads = 1\nseconds = 10\nper_user = 1\n"
    council.write("vestry.toml", f'[council]\nname = "Testham"\n{limits}')
    for name in ("ann", "olu", "nia"):
        account(council, name, ("staff", "analyst"))
    project = load_project(council.root)
    with connect(project) as con:
        terms = Terms({CLIENT: {"name": Treatment.CLEAR}}, date.today() + timedelta(days=9))
        give(con, project, "ann", "adults.care", "calls to residents", terms, ["olu"])
    tokens = {name: add_token(project, name, "a test", ["sql"], "30d") for name in ("ann", "olu")}
    tokens["reads"] = add_token(project, "ann", "another", ["read"], "30d")
    with running(council) as address:
        yield Door(council, address, tokens)


def test_an_answer_is_json_with_its_columns(door: Door) -> None:
    answer = door.ask(WARDS)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "columns": [{"name": "ward", "type": "string"}],
        "tables": ["adults.wards.ward"],
        "count": 2,
        "cut": False,
        "rows": [{"ward": "North"}, {"ward": "South"}],
    }
    assert answer.headers["cache-control"] == "no-store"
    assert (door.told().entry.who, door.told().entry.door, door.told().entry.rows) == ("ann", "sql", 2)


def test_personal_data_are_asked_for_their_purpose(door: Door) -> None:
    answer = door.ask("FROM adults.care.client ORDER BY name", purpose="calls to residents")
    assert [row["name"] for row in answer.json()["rows"]] == ["Ada Testperson", "Bo Testperson", "Cy Testperson"]
    answer = door.ask("FROM adults.care.client", "olu")
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert answer.json()["detail"] == "The table adults.care.client holds personal data, and no grant lets you read it."


def test_every_form_holds_odd_values(door: Door) -> None:
    found = {form: door.ask(ODD, format=form).content for form in ("json", "csv", "xlsx", "parquet", "arrow")}
    row = requests.models.complexjson.loads(found["json"])["rows"][0]
    assert row["formula"] == "=cmd|' /C calc'!A0" and row["huge"] == 12345678901234567890
    assert (row["money"], row["nan"], row["nothing"], row["day"]) == (1.5, None, None, "2024-02-29")
    assert (row["list"], row["struct"], row["bytes"]) == ([1, 2], {"a": "b"}, "78")
    table = csv.read_csv(io.BytesIO(found["csv"]), parse_options=csv.ParseOptions(newlines_in_values=True))
    assert table.num_rows == 1 and table["lines"][0].as_py() == "two\nlines"
    sheet = openpyxl.load_workbook(io.BytesIO(found["xlsx"]))["answer"]
    head, cells = map(list, sheet.iter_rows())
    by_name = {name.value: cell for name, cell in zip(head, cells, strict=True)}
    assert by_name["formula"].data_type == "s" and by_name["formula"].value == "=cmd|' /C calc'!A0"
    assert by_name["huge"].value == "12345678901234567890" and by_name["money"].value == 1.5
    assert by_name["day"].value.date() == date(2024, 2, 29) and by_name["old"].value == "1066-10-14"
    assert pq.read_table(io.BytesIO(found["parquet"]))["list"][0].as_py() == [1, 2]
    assert pa.ipc.open_stream(found["arrow"]).read_all()["day"][0].as_py() == date(2024, 2, 29)


def test_no_rows_are_an_answer_in_every_form(door: Door) -> None:
    for form in ("json", "csv", "xlsx", "parquet", "arrow"):
        answer = door.ask(f"SELECT * FROM ({WARDS}) WHERE false", format=form)
        assert answer.status_code == 200 and answer.headers["x-rows"] == "0", form
    assert door.ask("SELECT 1 WHERE false", format="csv").text == '"1"\n'


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"sql": "SELECT nmae FROM adults.wards.ward"}, 400, "Line 1: there is no column `nmae`"),
        ({"sql": "FROM '/etc/passwd'"}, 400, "Line 1: what stands after FROM is not the name of a table"),
        ({"sql": "SELECT 1; SELECT 2"}, 400, "There are 2 statements"),
        ({"sql": "FROM adults.wards.wrd"}, 403, "There is no table adults.wards.wrd that you may read"),
        ({"sql": 7}, 400, "There is no question in the request"),
        ([], 400, "There is no question in the request"),
        ({"sql": "SELECT 1", "format": "exe"}, 400, "There is no format `exe`"),
        ({"sql": "SELECT 1", "purpose": None}, 400, "The request has a key `purpose`"),
        ({"sql": "SELECT 1", "limit": "1"}, 400, "The request has a key `limit`"),
        ({"sql": "SELECT '" + "x" * 30_000 + "'"}, 400, "The question is longer than 20,000 characters"),
        ({"sql": "x" * 200_000}, 400, "The request is longer than"),
        ({"sql": "SELECT '\udc80'"}, 400, "The question holds half a character"),
    ],
)
def test_what_is_wrong_is_told_to_programs(door: Door, asked: Any, status: int, said: str) -> None:
    headers = {"Authorization": f"Bearer {door.tokens['ann']}"}
    answer = requests.post(f"{door.address}/api/sql", json=asked, headers=headers, timeout=60)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"].startswith(said)


def test_what_is_no_json_is_told(door: Door) -> None:
    headers = {"Authorization": f"Bearer {door.tokens['ann']}"}
    for body in (b"", b"\xff\xfe", b"[" * 5_000, b'{"sql": '):
        answer = requests.post(f"{door.address}/api/sql", data=body, headers=headers, timeout=60)
        assert answer.status_code == 400, body


def test_only_a_token_for_sql_opens_the_door(door: Door) -> None:
    assert door.ask(WARDS, who=None).status_code == 401
    assert door.ask(WARDS, who="reads").status_code == 403


def test_a_long_question_keeps_nobody_else_waiting(door: Door) -> None:
    answers: list[requests.Response] = []
    bomb = "SELECT count(*) FROM range(100000) AS a(x), range(1000000000) AS b(y) WHERE (x + y) % 7 = 3"
    thread = threading.Thread(target=lambda: answers.append(door.ask(bomb, "olu")))
    thread.start()
    time.sleep(1)
    try:
        assert requests.get(f"{door.address}/health", timeout=20).status_code == 200
        assert door.ask(WARDS).json()["count"] == 2
        again = door.ask(WARDS, "olu")
        assert (again.status_code, again.headers["retry-after"]) == (429, "10")
        assert again.json()["detail"] == "You are asking 1 already, and no more are answered at once."
    finally:
        thread.join(60)
    assert answers[0].status_code == 400
    assert door.ask(WARDS, "olu").status_code == 200


def test_the_page_asks_downloads_and_keeps(door: Door) -> None:
    person = Person(door.address)
    page = person.log_in("ann", to="/sql")
    assert "adults.wards.ward" in page.text and "calls to residents" in page.text
    found = person.send(page, "/sql", sql=ODD, do="show")
    assert found.status_code == 200 and "<strong>1 row</strong>" in found.text
    assert "<script>alert" not in found.text and "&lt;script&gt;alert(1)" in found.text
    assert found.headers["cache-control"] == "no-store"
    file = person.send(page, "/sql", sql=WARDS, do="csv")
    assert file.text == '"ward"\n"North"\n"South"\n' and "answer.csv" in file.headers["content-disposition"]
    wrong = person.send(page, "/sql", sql="SELECT\nnmae FROM adults.wards.ward", do="show")
    assert wrong.status_code == 400 and "Line 2: there is no column `nmae`" in wrong.text
    assert "nmae FROM adults.wards.ward</textarea>" in wrong.text
    untitled = person.send(page, "/sql", sql=WARDS, do="keep")
    assert untitled.status_code == 400 and "A question needs a title" in untitled.text
    kept = person.send(page, "/sql", sql=WARDS, title="<b>Wards</b>", shared="*", do="keep")
    assert re.search(r"/sql\?q=q-[0-9a-f]{10}$", kept.url) and WARDS in kept.text
    assert "&lt;b&gt;Wards&lt;/b&gt;" in kept.text and "<b>Wards" not in kept.text
    other = Person(door.address)
    other.log_in("nia")
    theirs = other.get(kept.url.removeprefix(door.address))
    assert WARDS in theirs.text and "by Ann" in theirs.text and 'value="delete"' not in theirs.text
    gone = person.send(kept, "/sql", do="delete")
    assert "Wards" not in gone.text
    assert other.get(kept.url.removeprefix(door.address)).status_code == 404


def test_a_form_of_another_page_asks_nothing(door: Door) -> None:
    person = Person(door.address)
    person.log_in("ann")
    assert person.post("/sql", {"sql": WARDS, "do": "show"}).status_code == 403
    said = requests.post(f"{door.address}/api/sql", json={"sql": WARDS}, cookies=person.session.cookies, timeout=60)
    assert said.status_code == 403


def test_the_page_is_accessible_with_and_without_scripts(door: Door, browser: Any) -> None:
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    try:
        page.goto(f"{door.address}/login?next=/sql")
        page.fill("[name=name]", "ann")
        page.fill("[name=password]", "tawny owl over Testham")
        page.click("main button[type=submit]")
        for scripts in (True, False):
            if not scripts:
                page.route(re.compile(r"/static/.*\.js"), lambda route: route.abort())
            page.goto(f"{door.address}/sql")
            assert violations(page) == []
            page.fill("#sql", "FROM adults.wards.ward")
            page.click("text=Ask")
            page.get_by_text("2 rows").first.wait_for()
            assert violations(page) == []
            page.fill("#sql", "SELEC")
            page.click("text=Ask")
            page.get_by_text("There is a problem").first.wait_for()
            assert violations(page) == []
        assert wider_than(page, 360, f"{door.address}/sql") == []
    finally:
        context.close()


def test_the_command_asks_as_an_account(door: Door, tmp_path: Path) -> None:
    done = door.council.cli("query", "FROM adults.care.client ORDER BY name", "--as", "ann@example.org", "--json")
    assert done.returncode == 0, done.stderr
    assert '"name": "Ada Testperson"' in done.stdout and "postcode" not in done.stdout
    assert (door.told().entry.who, door.told().entry.door) == ("ann", "cli")
    done = door.council.cli("query", "FROM adults.care.client", "--as", "nia")
    assert done.returncode == 1 and "no grant lets you read it" in done.stderr
    done = door.council.cli("query", "SELECT 1", "--as", "an")
    assert done.returncode == 2 and "did you mean `ann`?" in done.stderr


def test_csv_of_an_answer_holds_no_formula(door):
    text = door.ask("SELECT '=HYPERLINK(1)' AS a, '-2' AS b, -2 AS c, '@x' AS \"+d\"", format="csv").text
    assert text == """"a","b","c","'+d"\n"'=HYPERLINK(1)","'-2",-2,"'@x"\n"""
