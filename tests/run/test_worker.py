"""`vestry worker`: what is due is done, once, whatever kills it, and however many workers there are."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from council import Council, begin, json_lines
from servers.postgres import Postgres, postgres  # noqa: F401
from servers.receivers import Mailbox, Webhook, mailbox, webhook  # noqa: F401
from vestry.run.incidents import read
from vestry.run.state import runs

pytestmark = pytest.mark.slow

JOB, REPAIR = "bronze.repairs.job", "housing.repairs.repair"
#: A worker that looks twice a second and tries again soon, for nobody waits half a minute in a test.
QUICK = """
import os, sys
from datetime import timedelta
from pathlib import Path
from vestry.run.events import JsonLines
from vestry.run.worker import Worker
Worker(Path(sys.argv[1]), JsonLines(), tick=0.5, pause=timedelta(seconds=1)).work()
os._exit(0)
"""


class Process:
    """A worker of a project, and what it logs."""

    def __init__(self, council: Council, log: Path, script: str) -> None:
        self.log = log
        with log.open("a") as stream:
            self.process = begin(str(council.root), script=script, stderr=stream, stdout=stream)

    @property
    def events(self) -> list[dict[str, str]]:
        return json_lines(self.log.read_text().rpartition("\n")[0])

    def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=60)


@contextmanager
def working(council: Council, log: Path, script: str = QUICK) -> Iterator[Process]:
    worker = Process(council, log, script)
    try:
        yield worker
    finally:
        if worker.process.poll() is None:
            worker.kill()


def until(true: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


def schedule(
    council: Council, source: str = "repairs", when: str = "changes", more: str = "", glob: str = "*.csv"
) -> None:
    council.source(
        source,
        f'connector: files\npath: drop\nschedule: "{when}"\n{more}tables:\n  job:\n    files: "{glob}"\n',
    )


def done(events: Sequence[dict[str, str]], step: str) -> int:
    return sum(e["kind"] == "done" and e["step"] == step for e in events)


def count(council: Council, table: str) -> int:
    return int(council.one(f"SELECT count(*) FROM {table}"))


def test_once_runs_what_is_due_and_all_that_follows_and_ends(repairs):
    schedule(repairs)
    repairs.product("finance.sums", {"n": "logicalType: integer"}, total_sql=f"SELECT count(*) AS n FROM {REPAIR}")
    first = repairs.cli("worker", "--once", "--log", "json")
    assert first.returncode == 0, first.stderr
    assert [e["step"] for e in json_lines(first.stderr) if e["kind"] == "done"] == [JOB, REPAIR, "finance.sums.total"]
    second = repairs.cli("worker", "--once")
    assert second.returncode == 0
    assert "started" not in second.stderr
    assert repairs.plan() == {}
    assert not list(Path.cwd().glob("dbos-config*"))
    assert "dbos" not in (first.stdout + first.stderr).casefold()


def test_a_source_that_says_nothing_of_a_schedule_is_left_alone(repairs):
    ended = repairs.cli("worker", "--once")
    assert ended.returncode == 0
    assert repairs.versions() == {}


def test_a_time_that_was_missed_is_made_up_for_once(repairs):
    schedule(repairs, when="0 2 1 * *")
    assert "its time" in repairs.cli("worker", "--once").stderr
    assert count(repairs, REPAIR) == 2
    repairs.drop("b.csv", "job,uprn,done,cost\nB1,5,2024-01-01,1\n")
    assert "its time" not in repairs.cli("worker", "--once").stderr
    assert count(repairs, JOB) == 2


def test_a_failure_ends_with_an_exit_code_and_stops_nothing_else(repairs):
    schedule(repairs, more="retries: 0\n", glob="a.csv")
    schedule(repairs, "broken", more="retries: 0\n", glob="b.csv")
    repairs.drop("b.csv", "")
    ended = repairs.cli("worker", "--once")
    assert ended.returncode == 1
    assert "the file is empty" in ended.stderr
    assert count(repairs, REPAIR) == 2


def test_what_is_written_into_the_project_is_taken_up_while_it_works(repairs, tmp_path):
    with working(repairs, tmp_path / "log") as worker:
        until(lambda: "working" in (e["kind"] for e in worker.events))
        time.sleep(1)
        assert repairs.versions() == {}
        schedule(repairs)
        until(lambda: done(worker.events, REPAIR) == 1)
        recipe = repairs.root / "domains/housing/repairs/repair.sql"
        recipe.write_text(recipe.read_text() + "\nWHERE job <> 'A2'")
        until(lambda: done(worker.events, REPAIR) == 2)
        repairs.write("sources/repairs.yaml", "connector: fils\n")
        until(lambda: any(e["kind"] == "opened" and e["step"] == "project" for e in worker.events))
        schedule(repairs)
        until(lambda: any(e["kind"] == "over" and e["step"] == "project" for e in worker.events))
    assert count(repairs, REPAIR) == 1


def slow_council(council: Council, tables: int = 4) -> list[str]:
    """Sources with recipes after them that take a while, so that a kill meets them at work."""
    rows = "\n".join(f"{n},{n % 997},some words of the note {n}" for n in range(60_000))
    for n in range(tables):
        council.drop(f"{n}.csv", f"id,place,note\n{rows}\n")
        schedule(council, f"s{n}", glob=f"{n}.csv")
        council.product(
            f"housing.p{n}",
            {"id": "logicalType: integer, primaryKey: true", "same": "logicalType: integer"},
            thing_sql=f"SELECT id::BIGINT AS id, count(*) OVER (PARTITION BY place) AS same FROM bronze.s{n}.job",
        )
    return [f"housing.p{n}.thing" for n in range(tables)]


def loads_and_builds(council: Council, names: Sequence[str]) -> dict[str, int]:
    """How often each table was written."""
    lake = council.lake
    from vestry.project import TableName

    return {n: sum(bool(v.record) for v in lake.history(TableName.parse(n))) for n in names}


def complete(council: Council, names: Sequence[str], rows: int = 60_000) -> bool:
    versions = council.versions()
    return all(n in versions for n in names) and all(r.is_over for r in runs(council.open().project))


def test_kill_9_at_any_moment_and_all_is_complete_and_once(council, tmp_path):
    names = slow_council(council)
    tables = [*names, *(f"bronze.s{n}.job" for n in range(4))]
    for n in range(6):
        with working(council, tmp_path / f"log{n}") as worker:
            until(lambda w=worker: any(e["kind"] == "started" for e in w.events) or complete(council, tables))
            time.sleep(0.15 * n)
            worker.kill()
    with working(council, tmp_path / "log") as worker:
        until(lambda: complete(council, tables) and any(e["kind"] == "working" for e in worker.events))
        assert worker.kill(signal.SIGTERM) == 0
    assert {count(council, n) for n in tables} == {60_000}
    assert set(loads_and_builds(council, tables).values()) == {1}
    assert council.plan() == {}
    assert {r.status for r in runs(council.open().project)} == {"done"}


def test_a_run_of_many_tables_goes_on_after_the_step_that_was_killed(council, tmp_path):
    rows = "\n".join(f"{n},note {n}" for n in range(40_000))
    listed = ""
    for n in range(6):
        council.drop(f"{n}.csv", f"id,note\n{rows}\n")
        listed += f'  t{n}:\n    files: "{n}.csv"\n'
    council.source("big", f"connector: files\npath: drop\nschedule: changes\ntables:\n{listed}")
    with working(council, tmp_path / "log1") as worker:
        until(lambda: sum(e["kind"] == "done" for e in worker.events) >= 2)
        worker.kill()
    (run,) = runs(council.open().project)
    assert (run.status, run.worker) == ("running", "worker-1")
    with working(council, tmp_path / "log2") as again:
        until(lambda: complete(council, [f"bronze.big.t{n}" for n in range(6)]))
        assert [e["run"] for e in again.events if e["kind"] == "queued"] == []
    (run,) = runs(council.open().project)
    assert (run.status, run.job.number) == ("done", 1)
    assert set(loads_and_builds(council, [f"bronze.big.t{n}" for n in range(6)]).values()) == {1}


def test_sigterm_lets_the_step_end_and_leaves_the_rest_for_the_next(council, tmp_path):
    rows = "\n".join(f"{n},note {n}" for n in range(40_000))
    listed = "".join(f'  t{n}:\n    files: "{n}.csv"\n' for n in range(5))
    for n in range(5):
        council.drop(f"{n}.csv", f"id,note\n{rows}\n")
    council.source("big", f"connector: files\npath: drop\nschedule: changes\ntables:\n{listed}")
    with working(council, tmp_path / "log") as worker:
        until(lambda: any(e["kind"] == "started" for e in worker.events))
        assert worker.kill(signal.SIGTERM) == 0
        kinds = Counter(e["kind"] for e in worker.events)
    assert kinds["started"] == kinds["done"] < 5
    assert kinds["stopped"] == 1
    with working(council, tmp_path / "log2"):
        until(lambda: complete(council, [f"bronze.big.t{n}" for n in range(5)]))
    assert set(loads_and_builds(council, [f"bronze.big.t{n}" for n in range(5)]).values()) == {1}


def test_a_step_that_brings_the_worker_down_each_time_is_given_up_and_told(repairs, tmp_path):
    schedule(repairs)
    (repairs.root / "domains/housing/repairs/repair.sql").unlink()
    recipe = repairs.write(
        "domains/housing/repairs/repair.py",
        "INPUTS = {'job': 'bronze.repairs.job'}\n\n\ndef build(job):\n    import os\n\n    os.kill(os.getpid(), 9)\n",
    )
    script = "import vestry.run.jobs\nvestry.run.jobs._ATTEMPTS = 1\n" + QUICK
    for n in range(2):
        with working(repairs, tmp_path / f"log{n}", script) as worker:
            assert worker.process.wait(60) == -signal.SIGKILL
    with working(repairs, tmp_path / "log", script) as worker:
        until(lambda: any(e["kind"] == "opened" and e["step"] == REPAIR for e in worker.events))
        recipe.unlink()
        repairs.write(
            "domains/housing/repairs/repair.sql",
            f"SELECT job, uprn, NULL::DATE AS done, 1::DECIMAL(18,2) AS cost FROM {JOB}",
        )
        until(lambda: any(e["kind"] == "over" and e["step"] == REPAIR for e in worker.events))


def test_old_runs_are_forgotten_but_for_the_last_of_each(repairs, tmp_path):
    schedule(repairs)
    repairs.cli("worker", "--once")
    repairs.drop("b.csv", "job,uprn,done,cost\nB1,5,2024-01-01,1\n")
    repairs.cli("worker", "--once")
    with closing(sqlite3.connect(repairs.root / ".vestry/state.sqlite")) as con:
        ids = "SELECT workflow_uuid FROM workflow_status ORDER BY 1"
        assert len(con.execute(ids).fetchall()) == 4
        script = "import vestry.run.worker\nvestry.run.worker._KEEP *= 0\n" + QUICK
        with working(repairs, tmp_path / "log", script):
            until(lambda: len(con.execute(ids).fetchall()) == 2)
        assert con.execute(ids).fetchall() == [("build/housing.repairs/2",), ("load/repairs/2",)]
    assert "started" not in repairs.cli("worker", "--once").stderr


def most_at_once(events: Sequence[dict[str, str]]) -> int:
    now = most = 0
    for event in events:
        now += (event["kind"] == "started") - (
            event["kind"] in ("done", "skipped", "failed") and bool(event.get("step"))
        )
        most = max(most, now)
    return most


def shared(council: Council, server: Postgres, database: str) -> None:
    server.execute(f"CREATE DATABASE {database}")
    council.write(
        "vestry.toml", f'[council]\nname = "T"\n[engine]\nparallel = 2\n[state]\nurl = "{server.url(database)}"\n'
    )


def test_two_workers_share_the_work_and_do_no_run_twice(council, postgres, tmp_path):  # noqa: F811
    shared(council, postgres, "shared")
    names = slow_council(council, 6)
    tables = [*names, *(f"bronze.s{n}.job" for n in range(6))]
    with working(council, tmp_path / "one") as one, working(council, tmp_path / "two") as two:
        until(lambda: complete(council, tables), 150)
        status = json.loads(council.cli("status", "--json").stdout)
        assert status["workers"] == 2
        assert {most_at_once(one.events), most_at_once(two.events)} <= {1, 2}
        steps = [[e["step"] for e in w.events if e["kind"] == "done"] for w in (one, two)]
    assert steps[0], "the first worker did nothing"
    assert steps[1], "the second worker did nothing"
    assert Counter(steps[0] + steps[1]) == dict.fromkeys(tables, 1)
    assert set(loads_and_builds(council, tables).values()) == {1}


def test_a_worker_takes_over_what_a_killed_one_left(council, postgres, tmp_path):  # noqa: F811
    shared(council, postgres, "orphans")
    names = slow_council(council, 4)
    tables = [*names, *(f"bronze.s{n}.job" for n in range(4))]
    with working(council, tmp_path / "one") as one:
        until(lambda: any(e["kind"] == "started" for e in one.events))
        with working(council, tmp_path / "two") as two:
            until(lambda: any(e["kind"] == "working" for e in two.events))
            one.kill()
            until(lambda: complete(council, tables), 150)
    assert set(loads_and_builds(council, tables).values()) == {1}
    assert {count(council, n) for n in tables} == {60_000}


def test_a_state_that_cannot_be_reached_is_said_without_its_secrets(repairs, monkeypatch):
    monkeypatch.setenv("STATE_PASSWORD", "correct-horse")
    repairs.write(
        "vestry.toml",
        '[council]\nname = "T"\n[state]\nurl = "postgresql://vestry:${STATE_PASSWORD}@127.0.0.1:9/vestry"\n',
    )
    for command in (("worker", "--once"), ("status",)):
        ended = repairs.cli(*command)
        assert ended.returncode == 1, ended.stderr
        assert "cannot be reached" in ended.stderr
        assert "correct-horse" not in ended.stderr + ended.stdout


@pytest.mark.parametrize(("when", "more"), [("0 25 * * *", ""), ("nightly", ""), ("0 2 * * *", "retries: -1\n")])
def test_a_schedule_that_cannot_be_is_a_fault_with_its_line(repairs, when, more):
    schedule(repairs, when=when, more=more)
    said = repairs.cli("check").stdout
    assert "sources/repairs.yaml:" in said
    wanted = (
        "`retries` must be at least 0" if more else "`schedule` must be a cron line such as `0 2 * * *`, or `changes`"
    )
    assert wanted in said


def test_a_products_schedule_that_cannot_be_is_a_fault_with_its_line(repairs):
    contract = repairs.root / "domains/housing/repairs/contract.yaml"
    contract.write_text(
        contract.read_text().replace("schema:", "customProperties:\n  - {property: schedule, value: often}\nschema:")
    )
    said = repairs.cli("check").stdout
    assert "domains/housing/repairs/contract.yaml:7: the schedule `often` is not a cron line" in said


def test_the_night(council, tmp_path, webhook, mailbox):  # noqa: F811
    """Two sources; a kill; a source breaks, is mended, and each is told once to everybody."""
    council.write(
        "vestry.toml",
        f'[council]\nname = "Testham"\n[alerts]\nwebhook = "{webhook.url}"\n[alerts.email]\nhost = "127.0.0.1"\n'
        f'port = {mailbox.port}\nstarttls = false\nfrom = "vestry@example.org"\nto = ["night@example.org"]\n',
    )
    schedule(council, more="retries: 0\n", glob="jobs*.csv")
    council.source(
        "works", "connector: database\nurl: sqlite:///works.sqlite\nschedule: changes\ntables:\n  visit: {cursor: id}\n"
    )
    with closing(sqlite3.connect(council.root / "works.sqlite")) as con:
        con.executescript(
            "CREATE TABLE visit (id INTEGER PRIMARY KEY, job TEXT); INSERT INTO visit (job) VALUES ('A1'), ('A1')"
        )
    council.drop("jobs.csv", "job,cost\nA1,5\n")
    council.product(
        "housing.repairs",
        {"job": "logicalType: string, primaryKey: true", "visits": "logicalType: integer"},
        repair_sql=f"SELECT j.job, count(v.id) AS visits FROM {JOB} AS j LEFT JOIN bronze.works.visit AS v ON v.job = j.job GROUP BY ALL",
    )
    with working(council, tmp_path / "log1") as worker:
        until(lambda: any(e["kind"] == "started" for e in worker.events))
        worker.kill()
    with working(council, tmp_path / "log2") as worker:
        until(lambda: REPAIR in council.versions() and council.plan() == {})
        bad = council.drop("jobs2.csv", "")
        until(lambda: len(webhook.posted) == 1 and len(mailbox.letters) == 1)
        until(lambda: not read(council.lake).untold)  # a kill before it is written down tells it again
        worker.kill()
    with working(council, tmp_path / "log3") as worker:
        until(lambda: sum(e["kind"] == "failed" for e in worker.events) >= 2)
        bad.write_text("job,cost\nB1,7\n")
        until(lambda: len(webhook.posted) == 2 and len(mailbox.letters) == 2)
        until(lambda: REPAIR in council.versions() and council.plan() == {})
        time.sleep(2)
    assert council.rows(f"SELECT job, visits FROM {REPAIR} ORDER BY job") == [("A1", 2), ("B1", 0)]
    assert [(p["event"], p["kind"], p["subject"]) for p in webhook.posted] == [
        ("opened", "failed", JOB),
        ("over", "failed", JOB),
    ]
    assert [m["Subject"] for m in mailbox.letters] == [f"[Testham] failed: {JOB}", f"[Testham] Over: failed: {JOB}"]
    shown = council.cli("status")
    assert shown.returncode == 0
    assert "All is well; no worker runs" in shown.stdout
