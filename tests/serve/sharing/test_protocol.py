"""The protocol as clients other than the official one may speak it."""

from __future__ import annotations

import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from council import Council
from serve.people import account
from serve.sharing.conftest import CLEAR, CLIENT, SHARED, SHOWN, TABLE, Partner, Sharing, lines
from vestry.governance import audit
from vestry.governance.access.terms import Condition
from vestry.governance.identity.tokens import add_token
from vestry.lake.maintenance import compact
from vestry.project import TableName

pytestmark = pytest.mark.slow

CAPABILITIES = "delta-sharing-capabilities"


def version(partner: Partner, **more: object) -> int:
    answer = partner.ask(f"{TABLE}/version", **more)
    assert answer.ok and not answer.content
    return int(answer.headers["delta-table-version"])


def changes(partner: Partner, **params: object) -> requests.Response:
    return partner.ask(f"{TABLE}/changes", params=params)


def refusal(answer: requests.Response) -> str:
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_PARAMETER_VALUE")
    return answer.json()["message"]


def test_lists_come_page_by_page(sharing: Sharing) -> None:
    account(sharing.council, "pat", ("staff",))
    token = add_token(sharing.project, "pat", "notebook", ["read"], "1d")
    pat = Partner("pat", sharing.partner().credential, sharing.address, sharing.folder)
    sharing.council.product(
        "adults.days", {"day": "logicalType: string, classification: internal"}, day_sql="SELECT 'x' AS day"
    )
    sharing.council.good("adults.days.day")
    for _ in range(200):
        everything = [item["name"] for item in pat.ask("/shares", token).json()["items"]]
        if "adults-days" in everything:
            break
        time.sleep(0.1)
    found, after = [], None
    while after != "end":
        page = pat.ask("/shares", token, params={"maxResults": 1, **({"pageToken": after} if after else {})}).json()
        assert len(page["items"]) == 1
        found += [item["name"] for item in page["items"]]
        after = page.get("nextPageToken", "end")
    assert found == everything == ["adults-days", "adults-wards"]
    assert pat.ask("/shares", token, params={"maxResults": 0}).json()["items"] == []
    assert "none of ours" in refusal(pat.ask("/shares", token, params={"pageToken": "%%%"}))
    for wrong in ("-1", "x", "1e3", "9" * 30):
        assert "not a number" in refusal(pat.ask("/shares", token, params={"maxResults": wrong}))


def test_shares_schemas_and_tables_are_named_alike_in_every_list(sharing: Sharing) -> None:
    partner = sharing.partner()
    table = {"share": "trust", "schema": "adults-care", "name": "client"}
    assert partner.ask("/shares/trust").json() == {"share": {"name": "trust"}}
    assert partner.ask("/shares/trust/schemas").json() == {"items": [{"name": "adults-care", "share": "trust"}]}
    assert partner.ask("/shares/trust/schemas/adults-care/tables").json() == {"items": [table]}
    assert partner.ask("/shares/trust/all-tables").json() == {"items": [table]}


@pytest.mark.parametrize(
    ("asked", "form"),
    [
        (None, "parquet"),
        ("responseformat=delta", "delta"),
        ("responseFormat=DELTA;readerfeatures=deletionvectors", "delta"),
        ("responseformat=delta,parquet;readerfeatures=columnmapping", "parquet"),
        ("nonsense", "parquet"),
    ],
)
def test_every_answer_says_its_form_and_its_version(sharing: Sharing, asked: str | None, form: str) -> None:
    partner = sharing.partner()
    headers = {CAPABILITIES: asked} if asked else {}
    for method, path in (
        ("GET", "metadata"),
        ("POST", "query"),
        ("GET", "version"),
        ("GET", f"changes?startingVersion={version(partner)}"),
    ):
        answer = partner.ask(f"{TABLE}/{path}", method=method, headers=headers)
        assert answer.headers[CAPABILITIES] == f"responseformat={form}", path
        assert int(answer.headers["delta-table-version"]) == version(partner)
        if path != "version":
            assert answer.headers["content-type"].startswith("application/x-ndjson")
            protocol, metadata = lines(answer)[:2]
            assert (
                ("deltaProtocol" in protocol["protocol"])
                == ("deltaMetadata" in metadata["metaData"])
                == (form == "delta")
            )


def test_a_list_of_files_has_an_end_where_it_is_wanted(sharing: Sharing) -> None:
    partner = sharing.partner()
    headers = {CAPABILITIES: "responseformat=parquet;includeEndStreamAction=true"}
    answer = partner.ask(f"{TABLE}/query", method="POST", headers=headers)
    assert "includeEndStreamAction=true" in answer.headers[CAPABILITIES]
    until = lines(answer)[-1]["endStreamAction"]["minUrlExpirationTimestamp"] / 1000
    assert 14 * 60 < until - time.time() < 16 * 60
    assert "endStreamAction" not in partner.query().text


def test_only_files_enough_for_the_limit_are_given(sharing: Sharing) -> None:
    partner = sharing.partner()
    partner.query()
    for number in range(3):
        sharing.append((str(90 + number), "1990-01-01", "North"))
    assert len(lines(partner.query())) - 2 >= 4
    few = lines(partner.query(limitHint=1))[2:]
    assert len(few) == 1 and json.loads(few[0]["file"]["stats"])["numRecords"] >= 1
    assert (
        next(audit.lines(sharing.project, who=partner.id)).entry.rows
        == json.loads(few[0]["file"]["stats"])["numRecords"]
    )


def test_statistics_are_a_number_of_rows_and_nothing_more(sharing: Sharing) -> None:
    for form in ("parquet", "delta"):
        for line in lines(sharing.partner().query(form))[2:]:
            file = line["file"]
            stats = file["stats"] if form == "parquet" else file["deltaSingleAction"]["add"]["stats"]
            assert set(json.loads(stats)) == {"numRecords"}


def test_a_range_and_the_head_of_a_file(sharing: Sharing) -> None:
    url = sharing.partner().file()
    whole = requests.get(url, timeout=60)
    head = requests.head(url, timeout=60)
    assert int(head.headers["content-length"]) == len(whole.content) and not head.content
    assert whole.content[:4] == b"PAR1" and whole.headers["cache-control"] == "no-store"
    end = requests.get(url, headers={"Range": "bytes=-4"}, timeout=60)
    assert (end.status_code, end.content) == (206, b"PAR1")
    part = requests.get(url, headers={"Range": "bytes=4-7"}, timeout=60)
    assert part.content == whole.content[4:8] and part.headers["content-range"] == f"bytes 4-7/{len(whole.content)}"
    assert requests.get(url, headers={"Range": f"bytes={len(whole.content)}-"}, timeout=60).status_code == 416


def test_time_travel_goes_as_far_as_the_release_was_kept_and_says_so(sharing: Sharing) -> None:
    partner = sharing.partner(SHOWN, Condition("ward", ("North", "Time")))
    before = datetime.now(UTC).isoformat()
    old = lines(partner.query())
    first = version(partner)
    time.sleep(1.1)
    between = datetime.now(UTC).isoformat()
    sharing.append(("70", "1990-01-01", "Time"))
    sharing.append(("71", "1990-01-01", "Time"))  # nobody reads the version between them
    new = lines(partner.query())
    assert len(new) == len(old) + 2
    ids = [line["file"]["id"] for line in old[2:]]
    assert [line["file"]["id"] for line in lines(partner.query(version=first))[2:]] == ids
    assert [line["file"]["id"] for line in lines(partner.query(timestamp=between))[2:]] == ids
    assert f"the nearest that is kept is {first}" in refusal(partner.query(version=first + 1))
    assert "is not kept" in refusal(partner.query(version=first + 3))
    assert "the first that is kept is of" in refusal(partner.query(timestamp=before))
    assert "give one of them" in refusal(partner.query(timestamp=between, version=first))
    assert "not a time" in refusal(partner.query(timestamp="yesterday"))
    assert version(partner, params={"startingTimestamp": between}) == first + 2
    assert version(partner, params={"startingTimestamp": before}) == first
    assert "nothing is as new" in refusal(
        partner.ask(f"{TABLE}/version", params={"startingTimestamp": "2090-01-01T00:00:00Z"})
    )


def test_changes_are_refused_clearly_where_they_cannot_be_said(sharing: Sharing) -> None:
    partner = sharing.partner(SHOWN, Condition("ward", ("North", "Change")))
    partner.query()
    first = version(partner)
    sharing.append(("80", "1990-01-01", "Change"))
    assert f"changes are kept from version {first + 1} on" in refusal(changes(partner, startingVersion=0))
    assert f"the newest version is {first + 1}" in refusal(changes(partner, startingVersion=first + 2))
    assert "turn them round" in refusal(changes(partner, startingVersion=first + 1, endingVersion=first))
    assert "from where" in refusal(changes(partner))
    assert "from where" in refusal(changes(partner, startingVersion=first, startingTimestamp="2026-01-01"))
    assert [next(iter(line)) for line in lines(changes(partner, startingVersion=first + 1))[2:]] == ["add"]
    assert "changes are kept from" in refusal(changes(partner, startingVersion=first, endingVersion=first))


def test_rows_that_went_are_named_while_their_files_are_kept_and_refused_after(sharing: Sharing) -> None:
    partner = sharing.partner(SHOWN, Condition("ward", ("North", "Gone")))
    partner.query()
    first = version(partner)
    sharing.council.drop("gone.csv", "id,name,born,postcode,ward,note\n60,Di,1977-07-07,WX1 1AA,Gone,\n")
    sharing.council.good()
    found = lines(changes(partner, startingVersion=first + 1))[2:]
    went = [line["remove"] for line in found if "remove" in line]
    assert went and all(requests.get(file["url"], timeout=60).ok for file in went)
    lake = sharing.council.lake
    release = TableName("vestry", "release", release_of(sharing, went[0]["url"]).name)
    lake.open(release).vacuum(0, enforce_retention_duration=False, dry_run=False, full=True)
    assert "read the whole table" in refusal(changes(partner, startingVersion=first + 1))
    assert partner.query().ok


def test_a_compaction_is_a_version_without_changes(sharing: Sharing) -> None:
    partner = sharing.partner(dict.fromkeys(("id", "name", "born", "postcode", "ward", "note"), CLEAR))
    sharing.append(("30", "1990-01-01", "North"))
    sharing.append(("31", "1990-01-01", "North"))
    before, first = lines(partner.query())[2:], version(partner)
    compact(sharing.council.lake, CLIENT)
    after = lines(partner.query())[2:]
    assert version(partner) == first + 1 and len(after) < len(before)
    counted = [sum(json.loads(line["file"]["stats"])["numRecords"] for line in found) for found in (before, after)]
    assert counted[0] == counted[1] == next(audit.lines(sharing.project, who=partner.id)).entry.rows
    assert lines(changes(partner, startingVersion=first + 1))[2:] == []
    sharing.append(("32", "1990-01-01", "North"))
    assert [next(iter(line)) for line in lines(changes(partner, startingVersion=first + 1))[2:]] == ["add"]
    assert len(lines(partner.query(version=first))[2:]) == len(before)


def test_an_older_file_with_a_column_that_is_gone_is_not_given(sharing: Sharing) -> None:
    columns = ("id", "name", "born", "postcode", "ward", "note")
    partner = sharing.partner(dict.fromkeys(columns, CLEAR))
    partner.query()
    first = version(partner)
    workspace = sharing.council.open()
    listed = ", ".join(columns)
    with workspace.lake.lock(CLIENT), workspace.engine.cursor() as con:
        shown = f"SELECT {listed}, 'Quillfeather' AS secret FROM (VALUES ('1', 'Di', DATE '1990-01-01', 'WX1 1AA', 'North', 'x')) AS new({listed})"
        workspace.lake.publish(workspace.lake.stage(con, CLIENT, shown), replace=True, skip_by=["ward"])
        workspace.lake.publish(
            workspace.lake.stage(con, CLIENT, f"SELECT {listed} FROM ({shown})"), replace=True, skip_by=["ward"]
        )
    workspace.close()
    assert version(partner) == first + 2 and lines(partner.query())
    for asked in (
        partner.query(version=first + 1),
        changes(partner, startingVersion=first + 1),
        partner.query(version=first),
    ):
        assert refusal(asked) and "Quillfeather" not in asked.text
    sharing.council.good()


def test_a_release_made_anew_begins_its_history_there(sharing: Sharing) -> None:
    partner = sharing.partner(SHOWN, Condition("ward", ("North", "Anew")))
    partner.query()
    first = version(partner)
    sharing.append(("50", "1990-01-01", "Anew"))
    shutil.rmtree(release_of(sharing, partner.file()))
    assert partner.query().ok and version(partner) == first + 1
    said = refusal(changes(partner, startingVersion=first + 1))
    assert f"changes are kept from version {first + 2} on" in said and "read the whole table" in said
    sharing.append(("51", "1990-01-01", "Anew"))
    assert [next(iter(line)) for line in lines(changes(partner, startingVersion=first + 2))[2:]] == ["add"]


def release_of(sharing: Sharing, url: str) -> Path:
    return next(f for f in Path(sharing.council.lake.location, "vestry/release").iterdir() if f.name in url)


def test_what_is_no_question_is_refused(sharing: Sharing) -> None:
    partner = sharing.partner()
    for body in (b"[]", b"{", b"\xff", b"1", b"[" * 500_000):
        answer = partner.ask(f"{TABLE}/query", method="POST", data=body)
        assert "send a JSON object" in refusal(answer)
    assert "too long" in refusal(partner.ask(f"{TABLE}/query", method="POST", data=b" " * (2**20 + 1)))
    for hint in ({"limitHint": -1}, {"limitHint": "x"}, {"version": True}, {"version": 1.5}, {"version": []}):
        assert "not a number" in refusal(partner.query(**hint))
    assert "/changes" in refusal(partner.query(startingVersion=1))
    assert partner.query(predicateHints=["ward = 'North'"], jsonPredicateHints="{nonsense").ok
    assert partner.ask("/nothing").status_code == 404 and partner.ask("/shares", method="DELETE").status_code == 404


def test_another_vestry_loads_the_share_and_its_changes(sharing: Sharing, tmp_path: Path) -> None:
    partner = sharing.partner(SHOWN)
    trust = Council(tmp_path / "trust")
    profile = partner.url().partition("#")[0]
    trust.source(
        "council",
        f"connector: delta_sharing\nprofile: {profile}\ntables:\n  client: {{table: {SHARED}, changes: true}}\n",
    )
    trust.good()
    before = trust.one("SELECT count(*) FROM bronze.council.client")
    assert before == sum(json.loads(line["file"]["stats"])["numRecords"] for line in lines(partner.query())[2:])
    sharing.append(("40", "1966-06-06", "South"))
    trust.good()
    assert trust.one("SELECT count(*) FROM bronze.council.client") == before + 1
    assert trust.rows("SELECT born FROM bronze.council.client WHERE _change_type = 'insert' AND born = '1966'")
