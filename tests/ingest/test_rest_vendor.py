"""A vendor's API that misbehaves in each of the ways that there are, against a real server."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ingest.rest_council import CASE, CHANGE, SINCE, RestCouncil, tells
from servers import vendor as moods
from servers.vendor import Vendor, days
from vestry.ingest.rest import connector
from vestry.ingest.rest.answers import retry_after
from vestry.project import ProjectError, load_project
from vestry.project.source_models import AUTH, PAGINATORS

pytestmark = pytest.mark.slow


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with moods.vendor() as made:
        for number in range(10):
            made.change(f"A{number}", made.now - days(9 - number), status="new")
        yield made


@pytest.fixture
def planning(tmp_path: Path, vendor: Vendor) -> RestCouncil:
    council = RestCouncil(tmp_path / "testham", vendor)
    council.reads()
    return council


def pages_asked(vendor: Vendor) -> int:
    return sum(path == "/changes" for path, _ in vendor.asked)


@pytest.mark.parametrize(
    ("mood", "incident"),
    [
        (moods.errs, "vendor-down"),
        (moods.wants_a_log_in, "vendor-login"),
        (moods.refuses_the_key, "vendor-login"),
        (moods.is_busy("3600"), "vendor-busy"),
        (moods.on_page(2, moods.cut), "answer-cut"),
        (moods.on_page(2, moods.hangs_up), "answer-cut"),
        (moods.repeats_pages(), "page-repeated"),
        (moods.goes_back, "cursor-back"),
        (moods.on_page(2, lambda good: (200, {}, b'{"message": "Zebedee"}')), "answer-changed"),
        (moods.on_page(2, lambda good: (200, {}, b'{"items": [{"reference": "Zebedee"}]}')), "answer-changed"),
        (moods.on_page(2, lambda good: (200, {}, b'{"items": [], "next": "http://example.org/x"}')), "elsewhere"),
        (moods.on_page(2, lambda good: (302, {"Location": "http://example.org/login"}, b"")), "vendor-login"),
        (moods.on_page(2, lambda good: (404, {}, b"Zebedee")), "vendor-refuses"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_came_is_kept_the_rest_is_owed_and_comes_when_the_vendor_is_well(planning, vendor, mood, incident):
    planning.reads(SINCE)
    vendor.mood = mood
    outcome = planning.load()
    assert outcome.status == "failed"
    assert outcome.error.incident == incident
    assert "Zebedee" not in str(outcome.error)
    assert [(o.start, o.end, o.gap.incident) for o in planning.owed()] == [
        ("2026-02-20T00:00:00+00:00", None, incident)
    ]
    vendor.now += timedelta(hours=5)
    vendor.change("A1", status="later")
    vendor.mood = None
    assert planning.load().status == "done"
    assert planning.told() == tells(vendor)
    assert planning.owed() == []


def test_nobody_at_home_for_days_leaves_no_gap(planning, vendor):
    assert planning.load().status == "done"
    vendor.close()
    for _ in range(6):
        vendor.now += timedelta(hours=16)
        vendor.change("A1", status=f"at {vendor.now:%d %H}")
        outcome = planning.load()
        assert outcome.error.incident == "vendor-down"
    first = planning.owed()[0].gap
    assert first.attempts == 6
    assert datetime.fromtimestamp(first.since, UTC) == vendor.now - timedelta(hours=80)
    vendor.open()
    assert planning.load().status == "done"
    assert planning.told() == tells(vendor)
    assert planning.owed() == []


def test_a_busy_vendor_is_waited_for_as_long_as_it_asks(planning, vendor):
    planning.reads(SINCE)
    vendor.mood = moods.is_busy("0", times=2)
    assert planning.load().status == "done"
    assert planning.told() == tells(vendor)
    assert planning.one("SELECT attempts - pages FROM vestry.ingest.request WHERE page IS NULL") == 2


def test_retry_after_is_seconds_or_a_date():
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert retry_after("120", now.timestamp()) == 120
    assert retry_after(format_datetime(now + timedelta(seconds=90), usegmt=True), now.timestamp()) == 90
    assert retry_after(format_datetime(now - timedelta(seconds=90), usegmt=True), now.timestamp()) == 0
    assert retry_after("soon", now.timestamp()) is None


def test_a_window_that_fails_by_itself_holds_up_no_other(planning, vendor):
    bad = "2026-02-25T"
    vendor.mood = lambda path, query, good: (400, {}, b"") if query["since"].startswith(bad) else good
    outcome = planning.load()
    assert outcome.error.incident == "vendor-refuses"
    missing = {c["reference"] for c in vendor.log if c["changed_at"].startswith("2026-02-26")}
    assert {r[0] for r in planning.told()} == {c["reference"] for c in vendor.log} - missing
    assert [(o.start, o.end) for o in planning.owed()] == [("2026-02-26T00:00:00+00:00", "2026-02-27T00:00:00+00:00")]
    vendor.mood = None
    vendor.asked.clear()
    planning.load()
    assert vendor.asked[0][1]["since"] == "2026-02-25T23:00:00Z", "what is owed is asked for first"
    assert planning.told() == tells(vendor)


def test_a_product_is_built_from_what_came_and_says_what_it_lacks(planning, vendor):
    planning.product(
        "planning.cases",
        {"reference": "logicalType: string, primaryKey: true", "status": "logicalType: string"},
        case_snapshot=f"from: {CHANGE}\nkey: reference\norder_by: changed_at\n",
    )
    vendor.mood = moods.on_page(2, moods.cut)
    planning.reads(SINCE)
    outcomes = planning.run()
    assert outcomes[CHANGE].status == "failed"
    assert outcomes[CASE].status == "done"
    assert f"without all of {CHANGE}" in outcomes[CASE].detail
    assert planning.one(f"SELECT count(*) FROM {CASE}") == vendor.page_size


def test_an_answer_in_the_promised_order_is_gone_on_from_where_it_broke(planning, vendor):
    planning.reads(SINCE.replace("}", ", ordered: true}"))
    vendor.mood = moods.on_page(3, moods.cut)
    assert planning.load().status == "failed"
    reached = vendor.log[2 * vendor.page_size - 1]["changed_at"]
    assert planning.owed()[0].start == reached.replace("Z", "+00:00")
    vendor.mood = None
    vendor.asked.clear()
    planning.load()
    assert vendor.asked[0][1]["since"] == reached
    assert planning.told() == tells(vendor)


def test_a_load_killed_between_its_two_commits_loses_and_doubles_nothing(planning, vendor, monkeypatch):
    """Bronze is committed, and the ledger does not know it yet."""
    enter = connector.Book.enter

    def killed(book, engine, con, entries, key):
        if any(e.status == "got" for e in entries):
            raise KeyboardInterrupt
        return enter(book, engine, con, entries, key)

    vendor.mood = lambda path, query, good: (400, {}, b"") if query["since"].startswith("2026-02-25T") else good
    with monkeypatch.context() as patched:
        patched.setattr(connector.Book, "enter", killed)
        with pytest.raises(KeyboardInterrupt):
            planning.load()
    assert planning.one(f"SELECT count(*) FROM {CHANGE}") == 9
    assert len(planning.owed()) == 1, "what failed was written down first"
    vendor.mood = None
    planning.load()
    assert planning.told() == tells(vendor)
    assert planning.owed() == []


def test_what_bronze_lost_when_it_was_put_back_is_owed_again(planning, vendor):
    planning.load()
    first = planning.version(CHANGE)
    vendor.now += days(5)
    vendor.change("A1", vendor.now - days(4), status="between")
    planning.load()
    vendor.now += days(5)
    planning.load()
    assert planning.owed() == []
    assert planning.cli("restore", CHANGE, str(first)).returncode == 0
    assert ("A1", "between") not in [(r[0], r[2]) for r in planning.told()]
    assert planning.owed()
    planning.load()
    assert planning.told() == tells(vendor)


def test_a_slip_of_the_vendors_clock_is_not_gone_on_from(planning, vendor):
    planning.reads(SINCE)
    vendor.change("A1", datetime(2999, 1, 1, tzinfo=UTC), status="slip")
    planning.load()
    vendor.now += days(1)
    vendor.change("A2", status="after")
    planning.load()
    assert planning.told() == tells(vendor)


def test_a_vendor_whose_clock_is_an_hour_behind_is_not_missed(planning, vendor):
    for _ in range(12):
        vendor.now += timedelta(hours=5)
        planning.load()
        vendor.change("A3", vendor.now - timedelta(hours=1), status=f"{vendor.now:%d %H}")
    planning.load()
    assert planning.told() == tells(vendor)


def test_names_in_camel_case_are_known_in_bronze(planning, vendor):
    vendor.mood = lambda path, query, good: (good[0], good[1], good[2].replace(b"changed_at", b"changedAt"))
    planning.reads(SINCE.replace("changed_at", "changedAt"))
    planning.load()
    vendor.asked.clear()
    planning.load()
    assert vendor.asked[0][1]["since"] == vendor.log[-1]["changed_at"]
    assert planning.told() == tells(vendor)


def test_a_schema_that_changes_between_two_pages_loses_nothing(planning, vendor):
    planning.reads(SINCE)
    page = vendor.page_size
    for number, change in enumerate(vendor.log):
        if number >= page:
            change["state"] = {"name": change.pop("status")}
            change["cost"] = [1.5]
        else:
            change["cost"] = 12
    planning.load()
    assert planning.rows(f"SELECT count(*), count(status), count(state), count(cost) FROM {CHANGE}") == [
        (10, page, 10 - page, 10)
    ]
    assert planning.one(f"SELECT state FROM {CHANGE} WHERE reference = 'A9'") == '{"name": "new"}'
    assert planning.one(f"SELECT cost FROM {CHANGE} WHERE reference = 'A9'") == "[1.5]"


KEYS = "    deletes: {every: 1d, endpoint: keys, rows: keys, paginator: single_page}\n"


def test_what_the_vendor_deletes_without_a_word_is_found(planning, vendor):
    planning.reads(SINCE, table=KEYS)
    planning.product(
        "planning.cases",
        {"reference": "logicalType: string, primaryKey: true", "status": "logicalType: string"},
        case_snapshot=f"from: {CHANGE}\nkey: reference\norder_by: changed_at\ndeleted_when: _change = 'delete'\n",
    )
    planning.good()
    vendor.delete("A3")
    planning.good()
    assert planning.one(f"SELECT count(*) FROM {CASE}") == 10, "the keys are compared once a day"
    vendor.now += days(1)
    planning.good()
    assert planning.rows(f"SELECT reference, changed_at, status FROM {CHANGE} WHERE _change = 'delete'") == [
        ("A3", vendor.log[-1]["changed_at"], None)
    ]
    assert sorted(r[0] for r in planning.rows(f"SELECT reference FROM {CASE}")) == sorted(vendor.table)
    vendor.now += days(1)
    planning.good()
    assert planning.one(f"SELECT count(*) FROM {CHANGE}") == 11, "and told once"
    vendor.change("A3", status="used again")
    vendor.now += days(1)
    planning.good()
    assert planning.one(f"SELECT status FROM {CASE} WHERE reference = 'A3'") == "used again"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (lambda good: (200, {}, b'{"keys": ["A1"]}'), "far too short"),
        (lambda good: (200, {}, b'{"keys": []}'), "far too short"),
        (moods.cut, "not whole"),
        (lambda good: (200, {}, b'{"keys": [{"id": 1}]}'), "another form"),
    ],
)
def test_a_list_of_keys_that_is_not_to_be_believed_deletes_nothing(planning, vendor, keys, said):
    planning.reads(SINCE, table=KEYS)
    vendor.delete("A3")
    vendor.mood = lambda path, query, good: keys(good) if path == "/keys" else good
    outcome = planning.load()
    assert outcome.status == "failed"
    assert said in str(outcome.error)
    assert planning.told() == tells(vendor), "what came is there"
    assert planning.one(f"SELECT count(_change) FROM {CHANGE}") == 0
    vendor.mood = None
    assert planning.load().status == "done"
    assert planning.rows(f"SELECT reference FROM {CHANGE} WHERE _change = 'delete'") == [("A3",)]


def test_a_key_that_one_reading_skips_is_not_deleted(planning, vendor):
    planning.reads(SINCE, table=KEYS)
    readings = iter([[k for k in vendor.table if k != "A5"]])

    def mood(path, query, good):
        return good if path != "/keys" else (200, {}, json.dumps({"keys": next(readings, list(vendor.table))}).encode())

    vendor.mood = mood
    assert planning.load().status == "done"
    assert planning.one(f"SELECT count(_change) FROM {CHANGE}") == 0


PARTY = "  party: {from: change, rows: parties}\n"


def test_lists_within_records_are_a_table_of_their_own_and_each_counts_once(planning, vendor):
    vendor.change("A1", parties=[{"name": "Jo", "share": 1.5}, {"name": "Al"}])
    vendor.change("A2", parties=[])
    planning.reads(SINCE, more=PARTY)
    party = "bronze.planning.party"

    def parties():
        return planning.rows(f"SELECT parent_reference, parent_changed_at, name, share FROM {party} ORDER BY ALL")

    planning.good()
    first = f"{vendor.now:%Y-%m-%dT%H:%M:%SZ}"
    assert parties() == [("A1", first, "Al", None), ("A1", first, "Jo", "1.5")]
    before = planning.version(party)
    planning.good()
    assert planning.version(party) == before
    vendor.now += days(1)
    second = vendor.change("A1", parties=[{"name": "Jo", "share": 2}])["changed_at"]
    outcomes = planning.good()
    assert outcomes[party].status == "done"
    assert parties()[2:] == [("A1", second, "Jo", "2")]
    planning.cli("restore", CHANGE, "0")
    planning.good()
    assert len(parties()) == 3, "what was taken away above is taken away here, and comes again with it"


def test_every_paginator_and_every_way_of_signing_in_of_the_client_is_known():
    from dlt.sources.rest_api.config_setup import AUTH_MAP, PAGINATOR_MAP

    assert set(PAGINATORS) == set(PAGINATOR_MAP) - {"json_response"}
    assert set(AUTH) == set(AUTH_MAP)


@pytest.mark.parametrize(
    "paginator",
    [
        "auto",
        "{type: json_link, next_url_path: next}",
        "{type: header_link}",
        "{type: header_cursor, cursor_key: X-Next, cursor_param: page}",
        "{type: cursor, cursor_path: page, cursor_param: page}",
        "{type: offset, limit: 4, total_path: null}",
        "{type: page_number, base_page: 1, total_path: null}",
    ],
)
def test_every_way_of_paging_reads_every_page(planning, vendor, paginator):
    def answer(path, query, good):
        page = int(query["offset"]) // 4 + 1 if "offset" in query else int(query.get("page", 1))
        items = vendor.log[(page - 1) * 4 : page * 4]
        more = page * 4 < len(vendor.log)
        url = f"{vendor.url}/changes?page={page + 1}"
        body = {"items": items}
        headers = {}
        if "auto" in paginator or "json_link" in paginator:
            body["next"] = url if more else None
        elif "header_link" in paginator and more:
            headers["Link"] = f'<{url}>; rel="next"'
        elif "header_cursor" in paginator and more:
            headers["X-Next"] = str(page + 1)
        elif "type: cursor" in paginator:
            body["page"] = page + 1 if more else None
        return 200, headers, json.dumps(body).encode()

    vendor.mood = answer
    planning.reads(SINCE)
    source = planning.root / "sources/planning.yaml"
    source.write_text(source.read_text().replace("{type: json_link, next_url_path: next}", paginator))
    assert planning.load().error is None
    assert planning.told() == tells(vendor)


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ("{type: api_key, name: X-Key, api_key: '${SECRET}'}", ("X-Key", "s3cret-Quillfeather")),
        ("{type: bearer, token: '${SECRET}'}", ("Authorization", "Bearer s3cret-Quillfeather")),
        (
            "{type: http_basic, username: jo, password: '${SECRET}'}",
            ("Authorization", "Basic " + base64.b64encode(b"jo:s3cret-Quillfeather").decode()),
        ),
    ],
)
def test_a_way_of_signing_in(planning, vendor, monkeypatch, auth, header):
    monkeypatch.setenv("SECRET", "s3cret-Quillfeather")
    planning.reads(SINCE, source=f"auth: {auth}\n")
    assert planning.load().status == "done"
    assert vendor.headers[0][header[0]] == header[1]


def test_a_token_that_is_no_longer_good_is_renewed(planning, vendor, monkeypatch):
    """OAuth 2, client credentials: a token lasts for three requests here."""
    monkeypatch.setenv("SECRET", "s3cret-Quillfeather")
    tokens: list[int] = []

    def mood(path, query, good):
        if path == "/token":
            tokens.append(3)
            return 200, {}, json.dumps({"access_token": f"t{len(tokens)}", "expires_in": 3600}).encode()
        if vendor.headers[-1].get("Authorization") != f"Bearer t{len(tokens)}" or tokens[-1] == 0:
            return 401, {}, b""
        tokens[-1] -= 1
        return good

    vendor.mood = mood
    vendor.page_size = 2
    signs_in = (
        f"auth: {{type: oauth2_client_credentials, access_token_url: '{vendor.url}/token', "
        "client_id: jo, client_secret: '${SECRET}'}\n"
    )
    planning.reads(SINCE, source=signs_in)
    assert planning.load().error is None
    assert planning.told() == tells(vendor)
    assert len(tokens) == 2


def test_a_wrong_password_is_told_and_never_echoed(planning, vendor, monkeypatch):
    monkeypatch.setenv("SECRET", "s3cret-Quillfeather")
    vendor.mood = moods.refuses_the_key
    planning.reads(SINCE, source="auth: {type: http_basic, username: jo, password: '${SECRET}'}\n")
    said = planning.cli("run", CHANGE, env={"SECRET": "s3cret-Quillfeather"})
    assert said.returncode == 1
    assert "wants us to log in (status 401)" in said.stderr
    gaps = planning.cli("gaps", "--json")
    assert "Quillfeather" not in said.stderr + said.stdout + gaps.stdout


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (", until: until", "", "a cursor with `until` where it has `window`"),
        ("1d, overlap", "1 day, overlap", "a length of time such as 30s, 15m, 1h or 1d"),
        ("'2026-02-20T00:00:00Z'", "'0'", "a cursor with a time as `start`"),
        ("json_link", "json_lnk", "of a type that there is"),
        ("endpoint: changes", "from: nothing", "either `endpoint` or `from`|with `rows`"),
        ("every: 0s", "every: often", "a length of time"),
        ("every: 0s", "every: 0s\nauth: {type: magic}", "`oauth2_client_credentials`"),
    ],
)
def test_a_wrong_setting_is_told_with_its_line(planning, old, new, said):
    import re

    source = planning.root / "sources/planning.yaml"
    assert old in source.read_text()
    source.write_text(source.read_text().replace(old, new))
    with pytest.raises(ProjectError) as error:
        load_project(planning.root)
    assert re.search(said, str(error.value))
    assert re.search(r"sources/planning.yaml:\d+", str(error.value))


def test_a_paginator_with_a_wrong_setting_names_those_there_are(planning):
    source = planning.root / "sources/planning.yaml"
    source.write_text(source.read_text().replace("next_url_path", "next_path"))
    assert "`next_url_path`" in str(planning.load().error)


def test_gaps_are_listed_for_people_and_machines(planning, vendor):
    assert "Nothing is owed." in planning.cli("gaps").stdout
    vendor.mood = moods.wants_a_log_in
    planning.load()
    shown = planning.cli("gaps", "planning").stdout
    assert CHANGE in shown and "wants us to log in" in shown
    (gap,) = json.loads(planning.cli("gaps", "--json").stdout)
    assert (gap["from"], gap["to"], gap["attempts"]) == ("2026-02-20T00:00:00+00:00", None, 1)
    wrong = planning.cli("gaps", "planing")
    assert wrong.returncode == 2 and "did you mean `planning`?" in wrong.stderr


def test_replay_makes_again_what_follows_and_leaves_bronze_as_it_is(planning, vendor):
    columns = {"reference": "logicalType: string, primaryKey: true", "status": "logicalType: string"}
    planning.product("planning.cases", columns, case_snapshot=f"from: {CHANGE}\nkey: reference\norder_by: changed_at\n")
    planning.product("planning.counts", columns, count_sql=f"SELECT reference, status FROM {CASE}")
    planning.product(
        "planning.latest", columns, last_sql=f"SELECT reference, max(status) AS status FROM {CHANGE} GROUP BY 1"
    )
    planning.good()
    products = (CASE, "planning.counts.count", "planning.latest.last")
    assert planning.plan(*products) == {}
    before = planning.versions()
    said = planning.cli("replay", "planning", "--from", "2020-01-01")
    assert said.returncode == 0, said.stderr
    assert "3 steps made again." in said.stdout
    after = planning.versions()
    assert after[CHANGE] == before[CHANGE]
    for table in products:
        assert after[table] > before[table]
        assert planning.one(f"SELECT count(*) FROM {table}") == 10
    assert planning.plan(*products) == {}


def test_replay_can_ask_the_vendor_again_for_a_past_that_it_corrected(planning, vendor):
    planning.load()
    vendor.now += days(20)
    vendor.change("A1", status="new year")
    planning.load()
    corrected = vendor.log[4]
    corrected["status"] = "corrected"
    vendor.table["A4"]["status"] = "corrected"
    planning.load()
    assert "corrected" not in [r[2] for r in planning.told()]
    said = planning.cli("replay", "planning", "--from", "2026-02-20", "--to", "2026-03-01", "--ask-again")
    assert said.returncode == 0, said.stderr
    assert sorted(r[2] for r in planning.told() if r[0] == "A4") == ["corrected", "new"]
    assert len(planning.told()) == len(vendor.log) + 1
    assert planning.owed() == []
