"""kill -9 at any moment: no reader sees half a table, and the next run makes all of them right."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from council import Council, begin
from vestry.project import TableName

KILLS = 12
STEPS = 2
ALL = (
    "bronze.repairs.job", "bronze.repairs.job__rejected", "bronze.works.visit", "bronze.planning.change",
    "housing.repairs.repair", "housing.repairs.repair__quarantine", "housing.sums.total",
    "planning.cases.case", "planning.cases.case_history",
)  # fmt: skip
#: What differs from run to run by its nature.
APART = ("_load_id", "_loaded_at", "_run")


def jobs(step: int, part: int) -> str:
    lines = [f"J{step}-{part}-{n},{n % 997},{n % 28 + 1:02}/03/2024,{n}.5" for n in range(8_000)]
    lines[7] += ",one,too,many"
    lines[9] = f"J{step}-{part}-9,,,not money"
    return "ref,uprn,done,cost\n" + "\n".join(lines) + "\n"


def changes(step: int) -> str:
    lines = [
        f"{n},{'deleted' if (n + step) % 11 == 0 else f's{step}'},2024-0{step + 1}-01"
        for n in range(0, 8_000, step + 1)
    ]
    return "id,state,changed\n" + "\n".join(lines) + "\n"


def advance(council: Council, step: int) -> None:
    """What happens in the world before the run `step`: new files, a corrected one, a database that moved on."""
    for part in range(2):
        council.drop(f"{step}-{part}.csv", jobs(step, part))
    if step:
        council.drop("0-0.csv", jobs(9, step))
    council.write(f"changes/{step}.csv", changes(step))
    con = sqlite3.connect(council.root / "works.sqlite")
    con.execute("CREATE TABLE IF NOT EXISTS visit (id INTEGER PRIMARY KEY, at INTEGER, note TEXT)")
    con.executemany(
        "INSERT INTO visit (at, note) VALUES (?, ?)", ((step * 100_000 + n, f"note {n}") for n in range(8_000))
    )
    con.commit()
    con.close()


def build(root: Path) -> Council:
    council = Council(root)
    council.files()
    council.source("planning", 'connector: files\npath: changes\ntables:\n  change:\n    files: "*.csv"\n')
    council.source("works", "connector: database\nurl: sqlite:///works.sqlite\ntables:\n  visit: {cursor: at}\n")
    council.product(
        "housing.repairs",
        {
            "ref": "logicalType: string, primaryKey: true",
            "done": "logicalType: date",
            "cost": 'logicalType: number, physicalType: "DECIMAL(18,2)", '
            "quality: [{metric: nullValues, mustBe: 0, severity: quarantine}]",
        },
        repair_sql="SELECT ref, uk_date(done) AS done, money(cost) AS cost FROM bronze.repairs.job",
    )
    council.product(
        "housing.sums",
        {"visits": "logicalType: integer", "cost": 'logicalType: number, physicalType: "DECIMAL(38,2)"'},
        total_sql="SELECT (SELECT count(*) FROM bronze.works.visit) AS visits, sum(cost) AS cost FROM housing.repairs.repair",
    )
    council.product(
        "planning.cases",
        """
          - name: case
            properties:
              - {name: id, logicalType: string, primaryKey: true}
              - {name: state, logicalType: string}
          - name: case_history
            properties:
              - {name: id, logicalType: string}
              - {name: state, logicalType: string}
              - {name: valid_from, logicalType: string}
              - {name: valid_to, logicalType: string}
        """,
        case_snapshot="from: bronze.planning.change\nkey: id\norder_by: changed\n"
        "deleted_when: state = 'deleted'\nhistory: true\n",
    )
    return council


State = dict[str, tuple[int, str] | None]


def state(council: Council) -> State:
    """Every table that a reader sees: rows and a sum over all of them that does not depend on their order."""
    workspace = council.open()
    found: State = {}
    with workspace.engine.cursor() as con:
        for text in ALL:
            name = TableName.parse(text)
            columns = [c for c in workspace.lake.columns(name) if c not in APART]
            if not columns:
                found[text] = None
                continue
            listed = ", ".join(f'"{c}"' for c in sorted(columns))
            row = con.execute(
                f"SELECT count(*), coalesce(sum(hash({listed})::HUGEINT), 0)::VARCHAR FROM {workspace.engine.relation(name)}"
            ).fetchone()
            assert row is not None
            found[text] = row if row[0] else None
    workspace.engine.close()
    return found


@pytest.mark.slow
def test_kill_9_at_any_moment_harms_nothing(tmp_path):
    seed = int(time.time())
    print(f"seed {seed}")
    chance = random.Random(seed)
    calm, wild = build(tmp_path / "calm"), build(tmp_path / "wild")
    states: list[State] = [dict.fromkeys(ALL)]
    took = 0.0
    for step in range(STEPS):
        advance(calm, step)
        began = time.monotonic()
        done = calm.cli("run")
        assert done.returncode == 0, done.stderr
        took = max(took, time.monotonic() - began)
        states.append(state(calm))

    for step in range(STEPS):
        advance(wild, step)
        before, after = states[step], states[step + 1]
        kept = tmp_path / f"before-{step}"
        shutil.copytree(wild.root, kept)
        kills = 0
        while kills < KILLS // STEPS + (step < KILLS % STEPS):
            process = begin("run", "-C", str(wild.root))
            time.sleep(chance.uniform(0.2, 0.9) * took)
            process.send_signal(signal.SIGKILL)
            ended = process.wait()
            for name, seen in state(wild).items():
                assert seen in (before[name], after[name]), f"{name} was seen half-written (seed {seed})"
            kills += ended == -signal.SIGKILL
            if ended == 0:  # all was done already: once more from before, and sooner
                took *= 0.85
                shutil.rmtree(wild.root)
                shutil.copytree(kept, wild.root)
        done = wild.cli("run")
        assert done.returncode == 0, done.stderr
        assert state(wild) == after, f"seed {seed}"
        assert wild.plan() == {}
