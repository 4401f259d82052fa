"""Reading a server gently: in parts, one connection, with pauses, within hours, and on from where it stopped."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conftest import Database
from council import Council, begin
from vestry.ingest.database.gently import Window
from vestry.project import VestryError
from vestry.run.status import status_of

ROWS = 6_000


def source(council: Council, url: str, more: str, table: str = "{}") -> None:
    council.source("old", f"connector: database\nurl: '{url}'\nevery: 1s\n{more}\ntables:\n  person: {table}\n")


def hours(begins: int, ends: int) -> str:
    """A window from so many hours from now to so many, in the council's time."""
    from zoneinfo import ZoneInfo

    now = datetime.now(ZoneInfo("Europe/London"))
    return f"{now + timedelta(hours=begins):%H:%M}-{now + timedelta(hours=ends):%H:%M}"


@pytest.mark.parametrize(
    ("text", "hour", "is_open"),
    [
        ("22:00-05:00", 23, True), ("22:00–05:00", 4, True), ("22:00-05:00", 5, False), ("22:00-05:00", 12, False),
        ("09:00-17:00", 9, True), ("09:00-17:00", 17, False),
    ],
)  # fmt: skip
def test_a_window_may_run_over_midnight(text: str, hour: int, is_open: bool) -> None:
    window = Window.of(text, "Europe/London", "x")
    assert window.open_at(datetime(2026, 1, 15, hour, tzinfo=UTC)) is is_open
    # In summer the council's clocks are an hour before.
    assert window.open_at(datetime(2026, 7, 15, hour - 1, tzinfo=UTC)) is is_open


def test_a_window_says_when_it_opens_next() -> None:
    window = Window.of("22:00-05:00", "Europe/London", "x")
    assert window.opens_after(datetime(2026, 1, 15, 12, tzinfo=UTC)) == datetime(2026, 1, 15, 22, tzinfo=UTC)
    assert window.opens_after(datetime(2026, 1, 15, 23, tzinfo=UTC)) == datetime(2026, 1, 16, 22, tzinfo=UTC)


@pytest.mark.parametrize("text", ["at night", "25:00-05:00", "22:00", "22:75-05:00"])
def test_what_is_no_window_is_told(text: str) -> None:
    with pytest.raises(VestryError, match="no span of hours"):
        Window.of(text, "Europe/London", "x")


@pytest.fixture
def people(pg: Database) -> Database:
    pg.execute(
        f"CREATE TABLE person (a INT, b TEXT, name TEXT, PRIMARY KEY (b, a)); "
        f"INSERT INTO person SELECT i, 'k' || (i % 7), 'n' || i FROM generate_series(1, {ROWS}) AS i"
    )
    return pg


@pytest.mark.slow
def test_a_table_is_read_in_parts_each_row_once(council: Council, people: Database) -> None:
    source(council, people.url, "", "{chunk_rows: 700}")
    assert council.good()["bronze.old.person"].facts["loaded"] == ROWS
    assert council.one("SELECT count(DISTINCT name) FROM bronze.old.person") == ROWS
    people.execute("INSERT INTO person VALUES (0, 'k9', 'new')")
    (council.root / ".vestry/asked/bronze.old.person.json").unlink()
    assert council.good()["bronze.old.person"].facts["loaded"] == ROWS + 1
    assert council.version("bronze.old.person") == 1


@pytest.mark.slow
def test_outside_of_its_hours_nothing_is_asked(council: Council, people: Database) -> None:
    source(council, people.url, f"window: {hours(2, 4)}")
    assert council.run()["bronze.old.person"].status == "skipped"
    assert not (council.root / "lake/bronze").exists()
    (wait,) = status_of(council.open()).waiting
    assert wait.subject == "bronze.old.person" and "for the hours of its source" in wait.why and wait.until
    source(council, people.url, f"window: {hours(-1, 1)}")
    council.good()
    assert not status_of(council.open()).waiting
    assert council.one("SELECT count(*) FROM bronze.old.person") == ROWS


@pytest.mark.slow
def test_where_the_hours_end_before_the_table_does_it_says_when_it_goes_on(
    council: Council, people: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    source(council, people.url, f"window: {hours(-1, 1)}", "{chunk_rows: 300}")
    looks = iter([True, True])  # at the plan and before the first piece; then the hours are over
    monkeypatch.setattr(Window, "open_at", lambda *_: next(looks, False))
    outcome = council.run()["bronze.old.person"]
    assert outcome.status == "skipped" and "its hours are over; it goes on at" in outcome.detail
    monkeypatch.undo()
    assert council.good()["bronze.old.person"].facts["loaded"] == ROWS


@pytest.mark.slow
def test_killed_three_times_it_goes_on_and_the_server_sees_one_reader_that_pauses(
    council: Council, people: Database
) -> None:
    source(council, people.url, f"rows_per_second: 300\nwindow: {hours(-1, 2)}", "{chunk_rows: 300}")
    seen: list[tuple[int, str]] = []
    states: list[str] = []
    started = time.monotonic()
    for attempt in range(4):
        said = Path(council.root, f"said-{attempt}")
        with said.open("wb") as stream:
            process = begin("run", "-C", str(council.root), stdout=stream, stderr=stream)
        ends = time.monotonic() + 5 if attempt < 3 else time.monotonic() + 120
        while process.poll() is None and time.monotonic() < ends:
            rows = people.execute(
                "SELECT count(*), string_agg(DISTINCT state, ',') FROM pg_stat_activity "
                "WHERE application_name = 'vestry'"
            )
            seen.append((rows[0][0], rows[0][1] or ""))
            states.append(rows[0][1] or "")
            time.sleep(0.05)
        if attempt < 3:
            assert process.poll() is None, said.read_text()
            process.kill()
        process.wait()
    assert process.returncode == 0, said.read_text()
    assert council.one("SELECT count(*) FROM bronze.old.person") == ROWS
    assert council.one("SELECT count(DISTINCT name) FROM bronze.old.person") == ROWS
    assert max(n for n, _ in seen) == 1, "one connection"
    assert sum("idle" in s for s in states) > sum("active" in s for s in states), "it pauses more than it asks"
    assert time.monotonic() - started > ROWS / 300 * 0.6
    written = people.execute(
        "SELECT tup_inserted + tup_updated + tup_deleted, xact_rollback FROM pg_stat_database "
        f"WHERE datname = '{people.name}'"
    )
    assert written[0][0] <= ROWS + 500, "it reads and writes nothing"


@pytest.mark.slow
def test_a_server_in_trouble_is_left_at_once_and_the_next_load_goes_on(council: Council, people: Database) -> None:
    people.execute(
        "ALTER TABLE person RENAME TO person_; CREATE INDEX ON person_ (a);"
        "CREATE VIEW person AS SELECT a, b, name, CASE WHEN a = 5003 THEN 1 / (a - 5003) END AS x FROM person_"
    )
    source(council, people.url, "", "{chunk_rows: 500, key: [a]}")
    error = council.run()["bronze.old.person"].error
    assert error is not None and "is in trouble" in error.what and "after 5,000 rows" in error.what
    assert "goes on from there" in (error.mend or "") and "division" not in str(error)
    people.execute("CREATE OR REPLACE VIEW person AS SELECT a, b, name, 0 AS x FROM person_")
    council.good()
    assert council.one("SELECT count(DISTINCT name) FROM bronze.old.person") == ROWS


@pytest.mark.slow
def test_parts_follow_the_servers_own_order_of_text(council: Council, pg: Database) -> None:
    pg.execute(
        'CREATE TABLE person (name TEXT COLLATE "en-x-icu" PRIMARY KEY);'
        "INSERT INTO person VALUES ('a'), ('B'), ('c'), ('D'), ('e'), ('F'), ('g')"
    )
    source(council, pg.url, "", "{chunk_rows: 2}")
    council.good()
    names = [name for (name,) in council.rows("SELECT name FROM bronze.old.person ORDER BY lower(name)")]
    assert names == ["a", "B", "c", "D", "e", "F", "g"]
