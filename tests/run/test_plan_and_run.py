"""What would run and why; what runs; what a failure stops."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from council import Council, json_lines
from vestry.lake.maintenance import compact
from vestry.project import TableName, VestryError

pytestmark = pytest.mark.slow

JOB, REPAIR = "bronze.repairs.job", "housing.repairs.repair"
TOTAL, OTHER = "finance.sums.total", "adults.people.person"


@pytest.fixture
def three(repairs: Council) -> Council:
    """job → repair → total; and person, which needs none of them."""
    repairs.source("people", 'connector: files\npath: people\ntables:\n  person:\n    files: "*.csv"\n')
    repairs.write("people/p.csv", "id\n1\n")
    repairs.product("adults.people", {"id": "logicalType: string"}, person_sql="SELECT id FROM bronze.people.person")
    repairs.product(
        "finance.sums",
        {"cost": 'logicalType: number, physicalType: "DECIMAL(18,2)"'},
        gold=True,
        total_sql=f"SELECT sum(cost)::DECIMAL(18,2) AS cost FROM {REPAIR}",
    )
    return repairs


def test_everything_runs_once_and_then_nothing_does(three):
    assert {o.status for o in three.good().values()} == {"done"}
    before = three.versions()
    assert {o.status for o in three.good().values()} == {"skipped"}
    assert three.versions() == before
    assert three.plan() == {}


def test_touching_one_sql_file_plans_it_and_what_follows_and_nothing_else(three):
    three.good()
    recipe = three.root / "domains/housing/repairs/repair.sql"
    recipe.write_text(recipe.read_text() + "\nWHERE job <> 'A2'")
    assert three.plan() == {REPAIR: "its code changed", TOTAL: f"{REPAIR} is built first"}
    outcomes = three.good()
    assert {n for n, o in outcomes.items() if o.status == "done"} == {REPAIR, TOTAL}


def test_a_change_that_changes_nothing_below_still_builds_it_once(three):
    three.good()
    contract = three.root / "domains/housing/repairs/contract.yaml"
    contract.write_text(
        contract.read_text().replace("uprn, logicalType: string", "uprn, logicalType: string, classification: personal")
    )
    assert three.plan()[REPAIR] == "its contract changed"
    three.good()
    contract.write_text(contract.read_text().replace("version: 1.0.0", "version: 1.0.1\ndescription: {purpose: words}"))
    assert three.plan() == {}


def test_a_new_file_is_the_reason_for_all_that_rests_on_it(three):
    three.good()
    three.drop("b.csv", "job,uprn,done,cost\nB1,5,2024-01-01,1\n")
    assert three.plan() == {
        JOB: "1 file to load",
        REPAIR: f"{JOB} comes first",
        TOTAL: f"{REPAIR} is built first",
    }
    assert three.good("bronze.repairs")[JOB].status == "done"
    assert three.plan() == {REPAIR: f"{JOB} changed", TOTAL: f"{REPAIR} is built first"}


def test_a_compaction_is_no_reason_to_build(three):
    three.good()
    three.drop("b.csv", "job,uprn,done,cost\nB1,5,2024-01-01,1\n")
    three.good()
    for name in (JOB, REPAIR):
        compact(three.lake, TableName.parse(name))
    assert three.plan() == {}


def test_a_restore_is_a_reason_to_build_what_reads_it(three):
    from vestry.lake.maintenance import restore

    three.good()
    three.drop("b.csv", "job,uprn,done,cost\nB1,5,2024-01-01,1\n")
    three.good()
    restore(three.lake, TableName.parse(JOB), 0)
    assert three.plan() == {REPAIR: f"{JOB} changed", TOTAL: f"{REPAIR} is built first"}
    three.good()
    assert three.one(f"SELECT count(*) FROM {REPAIR}") == 2


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ([REPAIR], {REPAIR}),
        (["housing.repairs"], {REPAIR}),
        ([f"+{REPAIR}"], {JOB, REPAIR}),
        (["housing.repairs+"], {REPAIR, TOTAL}),
        ([f"+{REPAIR}+"], {JOB, REPAIR, TOTAL}),
        (["domain:housing"], {REPAIR}),
        (["layer:gold"], {TOTAL}),
        (["layer:silver"], {REPAIR, OTHER}),
        (["layer:bronze"], {JOB, "bronze.people.person"}),
        (["source:repairs"], {JOB}),
        (["source:repairs+"], {JOB, REPAIR, TOTAL}),
        (["+layer:gold", "domain:adults"], {JOB, REPAIR, TOTAL, OTHER}),
    ],
)
def test_steps_are_chosen_by_what_they_are_called(three, patterns, chosen):
    workspace = three.open()
    assert {str(n) for n in workspace.graph.select(workspace.project, patterns)} == chosen


@pytest.mark.parametrize(
    ("pattern", "mend"),
    [
        ("housing.repair", "did you mean `housing.repairs`?"),
        ("layer:platinum", "name a table"),
        ("wat:x", "name a table"),
    ],
)
def test_a_name_of_nothing_is_answered_with_the_nearest(three, pattern, mend):
    workspace = three.open()
    with pytest.raises(VestryError) as caught:
        workspace.graph.select(workspace.project, [pattern])
    assert mend in caught.value.mend


def test_a_failed_step_stops_only_what_needs_it(three):
    three.write("domains/housing/repairs/repair.sql", "SELECT nothing AS job FROM bronze.repairs.job")
    outcomes = three.run()
    assert {n: o.status for n, o in outcomes.items()} == {
        JOB: "done", "bronze.people.person": "done", REPAIR: "failed", TOTAL: "blocked", OTHER: "done",
    }  # fmt: skip
    assert three.rows("SELECT table_name FROM vestry.runs.step WHERE status = 'failed'") == [(REPAIR,)]


def test_a_step_chosen_without_what_it_needs_says_what_is_missing(three):
    outcome = three.run(TOTAL)[TOTAL]
    assert outcome.status == "failed"
    assert f"{REPAIR} is not there yet" in str(outcome.error)


def test_a_cycle_is_shown_with_its_path(three):
    three.product("housing.repairs", {"cost": "logicalType: number"}, repair_sql=f"SELECT cost FROM {TOTAL}")
    done = three.cli("run")
    assert done.returncode == 2
    assert REPAIR in done.stderr
    assert "→" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_step_may_see_many_inputs_while_others_run(council):
    """Forty independent builds of ten loads, four at a time: no build sees another's views half made."""
    council.write("vestry.toml", '[council]\nname = "T"\n[engine]\nparallel = 4\n')
    for n in range(5):
        council.source(f"s{n}", f'connector: files\npath: drop\ntables:\n  t:\n    files: "{n}.csv"\n')
        council.drop(f"{n}.csv", f"n\n{n}\n")
    tables = {f"t{n}_sql": f"SELECT sum(n::INT)::BIGINT AS n FROM (FROM bronze.s{n % 5}.t UNION ALL FROM bronze.s{(n + 1) % 5}.t)" for n in range(12)}  # fmt: skip
    council.product("many.sums", {"n": "logicalType: integer"}, **tables)
    council.good()
    found = [council.one(f"SELECT n FROM many.sums.t{n}") for n in (0, 4, 11)]
    assert found == [1, 4, 3]


@pytest.mark.slow
def test_the_log_is_json_line_by_line(three):
    done = three.cli("run", "--log", "json")
    events = json_lines(done.stderr)
    assert done.returncode == 0
    assert events[-1]["kind"] == "finished"
    assert events[-1]["facts"] == {"done": 5}
    assert {e["step"] for e in events if e["kind"] == "done"} == {JOB, "bronze.people.person", REPAIR, TOTAL, OTHER}
    assert len({e["run"] for e in events}) == 1
    loaded = next(e for e in events if e["kind"] == "done" and e["step"] == JOB)
    assert loaded["facts"]["rows_in"] == 2


@pytest.mark.slow
def test_exit_codes_tell_a_broken_run_from_a_broken_project(three):
    assert three.cli("run").returncode == 0
    three.drop("bad.csv", b"")
    failed = three.cli("run")
    assert failed.returncode == 1
    assert "bad.csv" in failed.stderr
    three.write("sources/repairs.yaml", "connector: fils\ntables: {}\n")
    wrong = three.cli("run")
    assert wrong.returncode == 2
    assert "did you mean `files`" in wrong.stderr
    assert three.cli("run", "--nothing").returncode == 2
    assert "Traceback" not in failed.stderr + wrong.stderr


@pytest.mark.slow
def test_runs_at_the_same_time_end_with_the_right_tables(three):
    """Four processes on one project, files added between: every row once, nothing left to do."""
    for round_ in range(2):
        three.drop(f"r{round_}.csv", f"job,uprn,done,cost\nR{round_},5,2024-01-01,1\n")
        with ThreadPoolExecutor(4) as threads:
            several = list(threads.map(lambda _: three.cli("run"), range(4)))
        assert [p.returncode for p in several] == [0] * 4, [p.stderr for p in several]
        assert three.plan() == {}
        assert three.one(f"SELECT count(*) FROM {JOB}") == 3 + round_
        assert three.one(f"SELECT count(*) FROM {REPAIR}") == 3 + round_
        assert float(three.one(f"SELECT cost FROM {TOTAL}")) == 18.5 + round_


def test_a_stale_plan_does_not_put_older_data_over_newer(three):
    """Another run has built newer data between our plan and our build: ours looks again."""
    three.good()
    recipe = three.root / "domains/housing/repairs/repair.sql"
    recipe.write_text(recipe.read_text() + "\nWHERE true")
    late = three.open()
    decisions = late.plan()
    three.drop("b.csv", "job,uprn,done,cost\nB1,5,2024-01-01,1\n")
    three.good()
    from vestry.run.execute import execute

    execute(
        late.project, late.graph, late.lake, decisions, late.fingerprints, late._facts, lambda _: None, 1,
        lambda: late.engine,
    )  # fmt: skip
    assert three.one(f"SELECT count(*) FROM {REPAIR}") == 3
    assert three.plan() == {}


def test_time_travel_by_version_and_by_time(three):
    three.good()
    first = three.lake.history(TableName.parse(REPAIR))[0].at
    three.drop("b.csv", "job,uprn,done,cost\nB1,5,2024-01-01,1\n")
    three.good()
    count = f"SELECT count(*) FROM {REPAIR}"
    assert three.one(count) == 3
    assert three.one(f"{count} AT (VERSION => 0)") == 2
    assert three.one(f"{count} AT (TIMESTAMP => '{first.isoformat()}') AS r WHERE r.job IS NOT NULL") == 2
    assert three.one(f"{count} at (timestamp => '2999-01-01')") == 3
    assert three.one(f"SELECT count(*) FROM {REPAIR} ANTI JOIN {REPAIR} AT (VERSION => 0) AS was USING (job)") == 1
    with pytest.raises(VestryError, match="has no version 7"):
        three.one(f"{count} AT (VERSION => 7)")
    with pytest.raises(VestryError, match="did not exist"):
        three.one(f"{count} AT (TIMESTAMP => '2001-01-01')")


def test_a_personal_value_is_nowhere_but_in_the_data(council):
    """Not in the log of any table, not in what a run prints, not in what it keeps of itself."""
    council.files()
    council.drop("a.csv", "name,born\nZebedee Quillfeather,1901-02-03\nOttoline Brackenbury,31/02/1902\n")
    council.product(
        "adults.people",
        {
            "name": "logicalType: string, classification: personal, quality: [{metric: duplicateValues, mustBe: 0}]",
            "born": "logicalType: date, classification: special, quality: [{metric: nullValues, mustBe: 0, severity: quarantine}]",
        },
        person_sql="SELECT name, uk_date(born) AS born FROM bronze.repairs.job",
    )
    done = council.cli("run", "--log", "json")
    assert done.returncode == 0, done.stderr
    lake = council.lake
    for name in council.versions():
        table = lake.existing(TableName.parse(name))
        if len(table.file_uris()) > 0:
            compact(lake, TableName.parse(name))
            table = lake.existing(TableName.parse(name))
            table.create_checkpoint()
    logs = b"".join(f.read_bytes() for f in council.root.rglob("_delta_log/*"))
    kept = b"".join(f.read_bytes() for f in (council.root / ".vestry").rglob("*") if f.is_file())
    shown = (done.stdout + done.stderr).encode() + json.dumps(
        council.rows("FROM vestry.runs.step"), default=str
    ).encode()
    for word in (b"Zebedee", b"Quillfeather", b"Ottoline", b"Brackenbury", b"1901-02-03"):
        assert word not in logs
        assert word not in kept
        assert word not in shown
