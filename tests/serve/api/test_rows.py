"""Rows over REST: forms, conditions, pages, versions."""

from __future__ import annotations

import base64
import csv
import io

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from doors import CLIENT, CLIENTS, JOBS, ODD, REPAIR, ROWS
from vestry.governance.access.treatment import Treatment
from vestry.project import TableName

pytestmark = pytest.mark.slow


def test_a_row_is_json_that_says_what_the_table_holds(doors):
    (row,) = doors.rows(f"{ROWS}?job=J3")
    assert row == {
        "job": "J3", "ward": "E03", "cost": 3.03, "visits": 3 * 1_000_000_007_000, "hours": 0.75,
        "done": "2025-04-13", "told": "2025-04-13T01:30:00.000000Z", "urgent": True, "note": ODD["J3"],
        "photo": base64.b64encode(b"J3").decode(), "parts": ["E03", "J3"],
    }  # fmt: skip
    assert doors.rows(f"{ROWS}?job=J2&columns=hours") == [{"hours": None}], "what is no number is none in JSON"


def test_conditions_choose_rows(doors):
    def jobs(query: str) -> int:
        return int(doors.ask(f"{ROWS}?{query}&limit=10000").headers["Vestry-Rows"])

    assert jobs("cost.gte=10&cost.lt=20.5") == 11  # 10.10 to 20.20
    assert jobs("cost.lt=10.005") == 9 and jobs("visits.lte=1e12") == 0 and jobs("visits.lt=1e30") == 10_000
    assert jobs("job.in=J1,J2,nowhere") == 2 and jobs("job.ne=J1&job.in=J1,J2") == 1
    assert jobs("ward.is=null") == JOBS // 7 and jobs("ward.is=notnull&ward.in=E01") == jobs("ward=E01")
    assert jobs("done.gt=2025-09-30") == 0 and jobs("told.gte=2025-04-13T01:30:00Z&job=J3") == 1
    assert jobs("urgent=true&job.in=J1,J2") == 1 and jobs("note.startswith=%3Dcmd") == 1
    assert jobs("note.contains=%25") == 0, "a sign of LIKE is a sign like another"
    assert jobs("note=two%0Alines") == 1


def test_csv_is_read_back_by_a_spreadsheets_rules_and_no_text_is_a_formula(doors):
    answer = doors.ask(f"{ROWS}?job.in={','.join(ODD)}", headers={"Accept": "text/csv"})
    assert (
        answer.headers["content-type"].startswith("text/csv")
        and f"{REPAIR}.csv" in answer.headers["content-disposition"]
    )
    rows = {row["job"]: row for row in csv.DictReader(io.StringIO(answer.content.decode()))}
    for job, note in ODD.items():
        assert rows[job]["note"] == (f"'{note}" if note[:1] in ("=", "+", "@") else note)
    assert rows["J3"]["cost"] == "3.03" and rows["J3"]["parts"] == '["E03","J3"]'
    assert not any(value.startswith(("=", "+", "-", "@")) for row in rows.values() for value in row.values())
    read = pl.read_csv(answer.content)
    assert read.height == 8 and read["told"][2] == "2025-04-13T01:30:00.000000Z"


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_all_rows_of_a_table_come_as_parquet_and_arrow_exactly(doors, form):
    answer = doors.ask(f"{ROWS}?format={form}")
    read = (
        pq.read_table(io.BytesIO(answer.content))
        if form == "parquet"
        else pa.ipc.open_stream(answer.content).read_all()
    )
    assert read.num_rows == JOBS == int(answer.headers["Vestry-Rows"]) and "Link" not in answer.headers
    held = duckdb.sql("SELECT job, note, cost, told, parts FROM read ORDER BY cost LIMIT 3").fetchall()
    assert [row[1] for row in held] == [ODD["J1"], ODD["J2"], ODD["J3"]]
    assert str(read.schema.field("cost").type) == "decimal128(18, 2)" and read.schema.field("told").type.tz == "UTC"
    assert pl.from_arrow(read)["visits"].max() == 1_000_000_007_000 * JOBS


def test_pages_hold_every_row_once_in_any_order(doors):
    for order in ("", "&order=ward", "&order=ward.desc,cost", "&order=hours.desc"):
        seen, path = [], f"{ROWS}?columns=job,ward,cost&limit=5000{order}"
        while path:
            page = doors.ask(path).json()
            seen += [(row["ward"] or "", row["cost"], row["job"]) for row in page["rows"]]
            path = page["next"]
        assert len(seen) == len({job for *_, job in seen}) == JOBS
        if order == "&order=ward":
            assert [ward for ward, *_ in seen] == sorted(ward for ward, *_ in seen)
    assert doors.rows(f"{ROWS}?columns=job&offset=3&limit=1") == [{"job": "J4"}]


def test_a_longer_answer_than_is_read_ahead_is_paged_too(doors):
    first = doors.ask(f"{ROWS}?columns=job&order=cost&format=arrow&limit=11000")
    rest = doors.ask(first.headers["Link"].partition(">")[0].lstrip("<"))
    jobs = [pa.ipc.open_stream(answer.content).read_all()["job"].to_pylist() for answer in (first, rest)]
    assert list(map(len, jobs)) == [11_000, 1_000] and jobs[1][0] == "J11001"


def test_a_cursor_is_good_for_its_reader_and_question_and_holds_nothing_that_can_be_read(doors):
    page = doors.ask(f"{ROWS}?order=note&limit=1&columns=job&note.startswith=note%20111").json()
    octets = base64.urlsafe_b64decode(page["cursor"] + "==")
    assert page["rows"] == [{"job": "J111"}] and b"note" not in octets and b"111" not in octets
    assert doors.ask(page["next"]).json()["rows"] and doors.ask(page["next"]).json() == doors.ask(page["next"]).json()
    for other in (
        page["next"].replace("order=note", "order=job"),
        page["next"][:-8] + "AAAAAAAA",
        f"{ROWS}?cursor=x%00",
    ):
        assert doors.ask(other).status_code == 400
    assert doors.ask(page["next"], "olu").status_code == 400


def test_questions_as_json_hold_what_an_address_must_not(doors):
    asked = {"where": [{"column": "job", "op": "in", "value": ["J1", "J2"]}], "columns": ["job"], "order": ["job.desc"]}
    first = doors.ask(ROWS, method="POST", json={**asked, "limit": 1})
    assert first.json()["rows"] == [{"job": "J2"}] and first.json()["next"] is None
    rest = doors.ask(ROWS, method="POST", json={**asked, "cursor": first.json()["cursor"]})
    assert rest.json()["rows"] == [{"job": "J1"}]
    assert "ETag" not in first.headers


def test_personal_columns_are_never_filtered_in_an_address(doors):
    with doors.given({"id": Treatment.CLEAR, "name": Treatment.CLEAR, "ward": Treatment.CLEAR}):
        refused = doors.ask(f"{CLIENTS}?name=Ada+Testperson")
        assert (
            refused.status_code == 400 and "personal" in refused.json()["detail"] and "POST" in refused.json()["mend"]
        )
        assert "Ada" not in refused.text
        assert len(doors.rows(f"{CLIENTS}?ward=North")) == 2
        asked = {"where": [{"column": "name", "value": "Ada Testperson"}], "order": ["name"], "limit": 1}
        found = doors.ask(CLIENTS, method="POST", json=asked).json()
        assert found["rows"] == [{"id": "1", "name": "Ada Testperson", "ward": "North"}]


def test_an_answer_that_is_as_it_was_is_not_sent_again(doors):
    first = doors.ask(f"{ROWS}?limit=2")
    assert first.headers["last-modified"].endswith("GMT") and "private" in first.headers["cache-control"]
    again = doors.ask(f"{ROWS}?limit=2", headers={"If-None-Match": f'"x", {first.headers["etag"]}'})
    assert again.status_code == 304 and again.content == b""
    others = [doors.ask(f"{ROWS}?{q}").headers["etag"] for q in ("limit=3", "limit=2&order=job", "limit=2&format=csv")]
    assert len({first.headers["etag"], *others}) == 4
    assert doors.told()[0].entry.rows is not None


def test_another_rule_makes_another_etag_and_ends_the_cursor(doors):
    columns = {"id": Treatment.CLEAR, "ward": Treatment.CLEAR}
    with doors.given({**columns, "name": Treatment.CLEAR}):
        first = doors.ask(f"{CLIENTS}?columns=id&limit=1")
    with doors.given(columns):
        second = doors.ask(f"{CLIENTS}?columns=id&limit=1", headers={"If-None-Match": first.headers["etag"]})
        assert second.status_code == 200 and second.headers["etag"] != first.headers["etag"]
        assert doors.ask(first.json()["next"]).status_code == 410


def test_what_may_be_read_is_described(doors):
    said = doors.ask(f"/api/v1/tables/{REPAIR}").json()
    assert said["columns"][0] == {
        "name": "job", "type": "VARCHAR", "meaning": "The number of a job", "classification": "internal",
        "treatment": "clear", "filter": "address",
    }  # fmt: skip
    assert said["rules"] == ["staff read what is not personal"] and said["grant"] is None
    with doors.given({"id": Treatment.HASHED, "born": Treatment.AGE_BAND, "ward": Treatment.CLEAR}) as grant:
        said = doors.ask(f"/api/v1/tables/{CLIENT}").json()
        assert [(c["name"], c["treatment"], c["type"], c["filter"]) for c in said["columns"]] == [
            ("id", "hashed", "VARCHAR", "body"), ("born", "age band", "VARCHAR", "body"), ("ward", "clear", "VARCHAR", "address"),
        ]  # fmt: skip
        assert (
            said["grant"] == grant.id
            and said["purpose"] == "calls to residents"
            and said["until"] == str(grant.terms.until)
        )
    products = {p["name"]: p for p in doors.ask("/api/v1/products").json()}
    assert products["adults.care"]["closed"] or products["adults.care"]["tables"]
    assert doors.ask("/api/v1/products/housing.repairs").json()["tables"] == [REPAIR]
    assert "housing.repairs" in doors.ask("/api/v1/products/housing.repair").json()["mend"]


def test_the_audit_tells_of_every_answer(doors):
    doors.rows(f"{ROWS}?job.in=J1,J2&columns=job")
    (line,) = doors.told()
    assert (line.entry.who, line.entry.door, line.entry.rows, line.entry.note) == (
        "ann",
        "rest",
        2,
        "json, rows chosen by job",
    )
    doors.ask(f"{ROWS}?format=parquet")
    assert doors.told()[0].entry.rows == JOBS
    assert doors.ask(CLIENTS, "olu").status_code == 403
    assert doors.told()[0].entry.allowed is False


def test_people_are_named_in_the_audit_where_an_answer_shows_them_one_by_one(doors):
    person = TableName.parse("adults.index.person")
    path = f"/api/v1/tables/{person}/rows"
    with doors.given({"person_id": Treatment.CLEAR, "ward": Treatment.CLEAR}, table=person):
        doors.rows(f"{path}?ward=North&columns=ward")
        assert sorted(doors.told()[0].entry.people) == ["p1", "p2"], "also where the id itself is left out"
        doors.rows(path, method="POST", json={"where": [{"column": "person_id", "value": "p3"}]})
        assert doors.told()[0].entry.people == ("p3",)
        doors.rows(f"{path}?limit=1")
        assert len(doors.told()[0].entry.people) == 1, "of the page, not of the row that tells of another"
    with doors.given({"person_id": Treatment.HASHED}, table=person):
        doors.rows(path)
        assert doors.told()[0].entry.people == () and doors.told()[0].entry.rows == 3
