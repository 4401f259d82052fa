"""The council project of Westmarsh: made by one command, run whole, and true to the systems that it came from."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from council import begin, command, vestry
from vestry.demo.command import KEY, LIST, URL, serve
from vestry.demo.folder import NOTE
from vestry.products.check import check
from vestry.project import TableName
from vestry.project.secrets import environment
from vestry.run.workspace import Workspace

from .conftest import PEOPLE, Demo

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2] / "src" / "vestry" / "demo" / "project"
NO_API = {URL: "http://127.0.0.1:9", KEY: "none"}


@pytest.fixture
def changed(demo: Demo) -> Iterator[Path]:
    """One SQL file with a comment more, and afterwards as it was."""
    file = demo.root / "domains/places/gazetteer/property.sql"
    before = file.read_text()
    file.write_text(before + "-- touched\n")
    yield file
    file.write_text(before)


def rows_of(workspace: Workspace, names: list[TableName]) -> dict[TableName, int]:
    """The rows of each table, counted by the engine; 0 where there is no table."""
    with workspace.engine.cursor() as con:
        counts = {}
        for name in names:
            relation = workspace.engine.relation(name) if workspace.lake.open(name) else "(SELECT 1 WHERE false)"
            found = con.execute(f"SELECT count(*) FROM {relation}").fetchone()
            counts[name] = found[0] if found else 0
    return counts


def published(text: str) -> Decimal:
    """An amount as it was published, read by other means than the platform's."""
    bare = text.replace(",", "").replace("£", "").strip()
    return -Decimal(bare.strip("()")) if bare.startswith("(") else Decimal(bare)


def test_shows_products_list_and_what_to_try_next(demo: Demo) -> None:
    assert re.search(r"housing\.repairs\.repair +silver +\d+ +\d+\.\d % +\S.* +\d+\.\d\d s", demo.output)
    listed = demo.output.split("For link workers to call")[1]
    assert re.search(r"years old; alone since \w+ \d{4} by the tenancy", listed)
    assert demo.output.count("\n  vestry ") == 7


def test_commands_to_try_next_work(demo: Demo) -> None:
    for line in re.findall(r"^  vestry (.+)$", demo.output, re.MULTILINE):
        words = next(csv.reader([line.partition("  #")[0].strip()], delimiter=" "))
        if words[0] == "serve":  # until interrupted
            serving = subprocess.Popen(command(*words, "--port", "0"), stdout=subprocess.PIPE, text=True)
            assert serving.stdout and serving.stdout.readline().startswith("the portal is at http://127.0.0.1:")
            serving.terminate()
            serving.communicate(timeout=60)
            continue
        done = vestry(*words)
        assert done.returncode == 0, line + done.stderr


def test_has_no_faults(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NO_API.items():
        monkeypatch.setenv(name, value)
    assert check(demo.root) == []


def test_every_step_is_done_and_no_table_is_empty(demo: Demo) -> None:
    workspace = Workspace.open(demo.root)
    counts = rows_of(workspace, list(workspace.graph.steps))
    assert [str(n) for n, rows in counts.items() if not rows and n.table != "missing_episode"] == []
    steps = demo.council.rows("select status, count(*) from vestry.runs.step group by all")
    assert steps == [("done", len(counts))]
    assert len(workspace.project.tables) >= 20


def test_rows_in_are_rows_loaded_and_rows_rejected(demo: Demo) -> None:
    workspace = Workspace.open(demo.root)
    loads = list(workspace.project.bronze)
    loaded, rejected = rows_of(workspace, loads), rows_of(workspace, [n.beside("rejected") for n in loads])
    for name in loads:
        record = demo.council.record(str(name))
        assert record["rows_in"] == record["loaded"] + record["rejected"], name
        assert record["loaded"] == loaded[name], name
        assert record["rejected"] == rejected[name.beside("rejected")], name


def test_only_totals_and_notes_of_workbooks_are_rejected(demo: Demo) -> None:
    workspace = Workspace.open(demo.root)
    aside = [n.beside("rejected") for n in workspace.project.bronze]
    assert [str(n) for n in aside if workspace.lake.open(n)] == ["bronze.repairs.brightspark__rejected"]
    reasons = demo.council.rows("select distinct reason from bronze.repairs.brightspark__rejected order by 1")
    assert reasons == [("a note under the table, not a row",), ("a total, not a row",)]


def test_second_time_nothing_is_done(demo: Demo) -> None:
    before = demo.council.versions()
    note = (demo.root / NOTE).stat().st_mtime_ns
    done = vestry("demo", str(demo.root), "--people", str(PEOPLE))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Nothing to do")
    assert demo.council.versions() == before
    assert (demo.root / NOTE).stat().st_mtime_ns == note


def test_nothing_to_do_loads_no_engine(demo: Demo) -> None:
    code = (
        "import sys; from pathlib import Path; from vestry.demo.command import demo; "
        f"demo(Path({str(demo.root)!r}), {PEOPLE}); "
        "print(sorted({'duckdb', 'pyarrow', 'numpy', 'dlt', 'sqlglot', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("other", [("--people", "3000"), ("--people", str(PEOPLE), "--seed", "8")])
def test_another_westmarsh_in_the_same_folder_is_refused(demo: Demo, other: tuple[str, ...]) -> None:
    done = vestry("demo", str(demo.root), *other)
    assert done.returncode == 2
    assert f"holds the Westmarsh of {PEOPLE:,} people and seed 7" in done.stderr


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = vestry("demo", str(tmp_path))
    assert done.returncode == 2
    assert "is not empty, and the demo did not make what it holds: thesis.txt" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_too_few_people_are_refused_in_words(tmp_path: Path) -> None:
    done = vestry("demo", str(tmp_path / "w"), "--people", "3")
    assert done.returncode == 2
    assert "Westmarsh has from 500" in done.stderr


def test_three_contractors_are_in_one_table(demo: Demo) -> None:
    systems = demo.root / "systems" / "repairs"
    jobs = {}
    for contractor, encoding, delimiter in (("fixwell", "utf-8-sig", ","), ("mendit", "cp1252", ";")):
        refs = set()
        for file in (systems / contractor).glob("*.csv"):
            with file.open(encoding=encoding, newline="") as stream:
                refs |= {row[0] for row in list(csv.reader(stream, delimiter=delimiter))[1:]}
        jobs[contractor] = len(refs)
    found = dict(demo.council.rows("select lower(contractor), count(*) from housing.repairs.repair group by all"))
    assert {c: found[c] for c in jobs} == jobs
    assert found["brightspark"] == demo.council.one("select count(distinct job_ref) from bronze.repairs.brightspark")
    unread = demo.council.one("select count(*) from housing.repairs.repair where reported_on is null or trade is null")
    assert unread == 0


def test_homes_of_repairs_are_found(demo: Demo) -> None:
    """Against the truth: of the jobs, how many are placed, and how many of those at the wrong home."""
    with duckdb.connect() as con:
        con.execute(f"create view address as from '{demo.root}/truth/address.parquet'")
        truth = dict(con.execute("select record_id, uprn from address where system = 'repairs'").fetchall())
    found = dict(demo.council.rows("select job_ref, uprn from housing.repairs.repair"))
    placed = {job: uprn for job, uprn in found.items() if uprn}
    assert len(placed) >= 0.98 * len(found)
    assert sum(truth[job] != uprn for job, uprn in placed.items()) <= 0.01 * len(placed)


def test_spending_is_what_was_published_to_the_penny(demo: Demo) -> None:
    total, lines = Decimal(0), 0
    for file in sorted((demo.root / "systems" / "finance").glob("*.csv")):
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
        head = next(n for n, row in enumerate(rows) if any(c.startswith("Amount") for c in row))
        place = next(n for n, c in enumerate(rows[head]) if c.startswith("Amount"))
        total += sum(published(row[place]) for row in rows[head + 1 :])
        lines += len(rows) - head - 1
    assert demo.council.rows("select sum(amount), count(*) from finance.spending.payment") == [(total, lines)]


def test_planning_is_the_vendors_own_table(demo: Demo) -> None:
    state: dict[str, tuple[str, dict[str, str]]] = {}
    with sqlite3.connect(demo.root / "systems/planning/changes.sqlite") as db:
        for change, reference, at, body in db.execute(
            "select change, reference, changed_at, body from change order by seq"
        ):
            if change == "deleted":
                state.pop(reference, None)
            else:
                state[reference] = (at, json.loads(body))
    rows = demo.council.rows(
        "select reference, strftime(changed_at, '%Y-%m-%dT%H:%M:%SZ'), proposal, status, uprn, decision, "
        "decided_on::varchar, applicant_name, estimated_cost from planning.applications.application"
    )
    assert {r[0]: r[1:] for r in rows} == {
        ref: (
            at,
            *(b[k] for k in ("proposal", "status", "uprn", "decision", "decided_on", "applicant_name")),
            Decimal(b["estimated_cost"]),
        )
        for ref, (at, b) in state.items()
    }


def test_history_of_planning_has_no_gap_and_no_overlap(demo: Demo) -> None:
    table = "planning.applications.application_history"
    assert demo.council.one(f"select count(*) from {table} where valid_to <= valid_from") == 0
    # Each state ends where the next begins; only a deletion ends one for good.
    broken = f"""
        select count(*) from (select *, lead(valid_from) over (partition by reference order by valid_from) as next
        from {table}) where next is not null and valid_to is distinct from next"""
    assert demo.council.one(broken) == 0
    with sqlite3.connect(demo.root / "systems/planning/changes.sqlite") as db:
        gone = {r for (r,) in db.execute("select reference from change where change = 'deleted'")}
    ended = f"select reference from {table} group by reference having count(*) = count(valid_to)"
    assert {r for (r,) in demo.council.rows(ended)} == gone
    current = f"select count(*) from {table} where valid_to is null"
    assert demo.council.one(current) == demo.council.one("select count(*) from planning.applications.application")


def test_link_workers_list_is_right(demo: Demo) -> None:
    with duckdb.connect() as con:
        true = dict(con.execute(f"select uprn, dob from '{demo.root}/truth/link_work.parquet'").fetchall())
    rows = demo.council.rows(f"select uprn, date_of_birth, age, last_repair_on, why, as_of, alone_from from {LIST}")
    listed = {r[0] for r in rows}
    right = len(listed & set(true))
    assert true
    assert right == len(listed), f"precision {right}/{len(listed)}"
    assert right >= 0.97 * len(true), f"recall {right}/{len(true)}"
    for _, _, age, last_repair, why, as_of, alone_from in rows:
        assert age >= 70
        assert why.startswith(f"{age} years old; alone since {alone_from:%B %Y}")
        assert last_repair is None or (as_of - last_repair).days >= 730


def test_list_is_of_the_datas_day_not_of_todays(demo: Demo) -> None:
    days = demo.council.rows(f"select distinct as_of::varchar from {LIST}")
    assert len(days) == 1
    assert "2026-09-20" <= days[0][0] <= "2026-09-30"


def test_wards_add_up(demo: Demo) -> None:
    homes = demo.council.rows("select sum(council_homes)::int, sum(homes)::int, count(*) from community.wards.profile")
    council_homes = demo.council.one("select count(*) from housing.tenancies.property")
    all_homes = demo.council.one("select count(*) from places.gazetteer.property where is_home")
    assert homes == [(council_homes, all_homes, 12)]


def test_plan_names_what_was_touched_and_what_follows(demo: Demo, changed: Path) -> None:
    done = demo.council.cli("run", "--plan", "--json")
    planned = {row["table"]: row["why"] for row in json.loads(done.stdout)}
    workspace = Workspace.open(demo.root)
    touched = TableName("places", "gazetteer", "property")
    assert set(planned) == {str(n) for n in workspace.graph.downstream([touched])}
    assert planned.pop(str(touched)) == "its code changed"
    assert "adults.link_work.resident" in planned
    assert all(why.endswith("is built first") for why in planned.values())
    assert demo.council.plan("housing.repairs") == {}


def test_contracts_say_what_every_column_is() -> None:
    classes = {"public", "internal", "pseudonymous", "personal", "special", "criminal"}
    project = Workspace.open(PROJECT).project
    for name, table in project.tables.items():
        assert table.contract.description, name
        for column in table.contract.columns:
            assert column.description, f"{name}.{column.name}"
            assert column.logical_type, f"{name}.{column.name}"
            assert column.classification in classes, f"{name}.{column.name}"


def test_wards_in_numbers_hold_nothing_personal() -> None:
    table = Workspace.open(PROJECT).project.tables[TableName("community", "wards", "profile")]
    assert not any(c.is_personal for c in table.contract.columns)


@pytest.mark.slow
@pytest.mark.parametrize("contract", sorted(PROJECT.rglob("contract.yaml")), ids=lambda p: f"{p.parent.name}")
def test_contract_passes_the_standards_lint(contract: Path) -> None:
    from datacontract.data_contract import DataContract

    run = DataContract(data_contract_file=str(contract)).lint()
    assert run.result == "passed", [c.reason for c in run.checks]


def test_api_that_is_down_says_how_to_start_it(demo: Demo) -> None:
    asked = demo.root / ".vestry" / "asked" / "bronze.planning.application_change.json"
    before = asked.read_text()
    entry = json.loads(before)
    asked.write_text(json.dumps(entry | {"at": 0}))
    try:
        done = demo.council.cli("run", env=NO_API)
    finally:
        asked.write_text(before)
    assert done.returncode == 1
    assert "vestry demo --serve" in done.stderr


def test_serve_gives_the_api_and_says_what_to_set(demo: Demo) -> None:
    said: list[str] = []
    stop = threading.Event()
    ready = threading.Event()

    def tell(line: str) -> None:
        said.append(line)
        if line.startswith("  vestry run"):
            ready.set()

    thread = threading.Thread(target=serve, args=(demo.root, tell, stop))
    thread.start()
    try:
        assert ready.wait(10)
        told = dict(re.findall(r"(WESTMARSH_\w+)=(\S+)", "\n".join(said)))
        env = {**environment(demo.root), **told}
        request = urllib.request.Request(
            f"{env[URL]}/api/applications/changes?since=2026-01-01", headers={"X-Api-Key": env[KEY]}
        )
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["changes"]
    finally:
        stop.set()
        thread.join()


def test_demo_that_was_killed_while_it_was_made_is_made_again(tmp_path: Path) -> None:
    (tmp_path / NOTE).write_text(json.dumps({"people": 500, "seed": 7, "generator": "", "whole": False}))
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems" / "half.csv").write_text("a,b\n")
    process = begin("demo", str(tmp_path), "--people", "500")
    end = time.monotonic() + 300
    while not json.loads((tmp_path / NOTE).read_text())["whole"]:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.1)
    process.kill()  # what a run makes of it, the other tests tell
    process.wait()
    assert not (tmp_path / "systems" / "half.csv").exists()
    assert list((tmp_path / "systems").rglob("*.csv"))
