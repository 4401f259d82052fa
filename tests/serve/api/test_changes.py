"""What changed since a version, as a reader saw it then and sees it now."""

from __future__ import annotations

import pytest

from doors import CLIENTS, REPAIR, ROWS, jobs, open_doors
from governed import PEOPLE
from vestry.governance.access.treatment import Treatment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """A council of its own: its tables change."""
    with open_doors(tmp_path_factory.mktemp("changes") / "testham") as opened:
        yield opened


def _changed(doors, path, before):
    """Run, and wait until the portal has seen it; the changes, and the version after."""
    doors.council.good()
    answer = doors.ask(f"{path}?since={before}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.slow
def test_rows_that_came_went_and_were_corrected_are_told_and_nothing_else(doors):
    before = doors.ask(ROWS, params={"limit": 1}).headers["vestry-version"]
    doors.council.write("jobs/jobs.csv", jobs({"J8": "corrected"}, without=("J9",)))
    said = _changed(doors, ROWS, before)
    told = sorted((row["_change"], row["job"], row["note"]) for row in said["rows"])
    assert told == [("added", "J8", "corrected"), ("removed", "J8", "plain"), ("removed", "J9", "note 9")]
    only = doors.rows(f"{ROWS}?since={before}&columns=job,_change&job=J9")
    assert only == [{"job": "J9", "_change": "removed"}]
    assert doors.ask(f"{ROWS}?since={said['version']}").json()["rows"] == []
    assert doors.ask(f"{ROWS}?since={before}&format=csv").text.splitlines()[0].endswith('"_change"')
    assert doors.council.cli("compact", REPAIR).returncode == 0
    assert doors.ask(f"{ROWS}?since={said['version']}").json()["rows"] == [], "the same rows in other files"


@pytest.mark.slow
def test_of_a_masked_table_only_what_is_seen_changes(doors):
    with doors.given({"id": Treatment.CLEAR, "postcode": Treatment.DISTRICT}):
        before = doors.ask(CLIENTS).json()["version"]
        text = PEOPLE.replace("WX1 1AB", "WX1 9ZZ").replace("WX2 2AA", "WX1 3AA").replace("grab rail", "ramp")
        doors.council.drop("clients.csv", text)
        said = _changed(doors, CLIENTS, before)
        assert sorted((r["_change"], r["id"], r["postcode"]) for r in said["rows"]) == [
            ("added", "3", "WX1"),
            ("removed", "3", "WX2"),
        ]
        assert doors.told()[0].entry.rows == 2
    with doors.given({"id": Treatment.CLEAR}):
        assert doors.ask(f"{CLIENTS}?since={before}").status_code == 410, "another rule"


@pytest.mark.parametrize("since", ["", "0", "x", "-1", "99999-000000000000", "0-000000000000", "1" * 40])
def test_what_is_no_version_of_this_table_is_refused(doors, since):
    assert doors.ask(f"{ROWS}?since={since}").status_code in (400, 410)


def test_changes_come_whole(doors):
    version = doors.ask(ROWS).headers["vestry-version"]
    for more in ("limit=1", "order=job", "offset=1", "cursor=x"):
        assert doors.ask(f"{ROWS}?since={version}&{more}").status_code == 400
