"""The process that answers, with the reading of the statement taken away: its own walls hold."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import duckdb
import pytest

from vestry.governance.access.release import Release
from vestry.governance.access.view import View
from vestry.governance.sql import workers
from vestry.governance.sql.workers import Answered, NotAnswered, Worker, Workers
from vestry.project import TableName
from vestry.project.models import SqlSettings

pytestmark = pytest.mark.slow  # each test is a process of its own

NAME = TableName("a", "b", "c")
SETTINGS = SqlSettings(seconds=20, memory_mb=256, threads=2, rows=1_000)


class Lake:
    """A release of one file, and what lies beside it that is nobody's to read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.own, self.other = root / "own.parquet", root / "other.parquet"
        person = "'P' || i AS person_id, 'name ' || i AS name"
        duckdb.execute(f"COPY (SELECT i, {person} FROM range(50_000) AS r(i)) TO '{self.own}'")
        duckdb.execute(f"COPY (SELECT 'Jane' AS surname) TO '{self.other}'")
        (root / "secret.txt").write_text("hunter2")
        columns = (("i", "BIGINT"), ("person_id", "VARCHAR"), ("name", "VARCHAR"))
        view = View(NAME, (), (), (), False, False, "", ())
        self.release = Release(view, NAME, 0, (str(self.own),), columns)
        self.waiting = Workers(root / "answers", warm=True)

    def ask(self, sql: str, settings: SqlSettings = SETTINGS) -> Answered:
        """Straight into a process: nobody has read the statement."""
        worker = self.waiting.take(settings)
        try:
            return worker.answer(sql, [self.release])
        finally:
            self.waiting.done(worker)

    def refused(self, sql: str, settings: SqlSettings = SETTINGS) -> NotAnswered:
        with pytest.raises(NotAnswered) as error:
            self.ask(sql, settings)
        return error.value

    def bytes(self) -> dict[str, bytes]:
        return {str(f): f.read_bytes() for f in self.root.rglob("*") if f.is_file()}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    made = Lake(tmp_path_factory.mktemp("lake"))
    yield made
    made.waiting.close()


HOSTILE = [
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT * FROM read_text('{root}/secret.txt')",
    "SELECT * FROM read_parquet('{root}/other.parquet')",
    "SELECT * FROM read_parquet('{root}/own.parquet/../other.parquet')",
    "SELECT * FROM read_parquet(['{root}/own.parquet', '{root}/other.parquet'], union_by_name => true)",
    "SELECT * FROM read_blob('{root}/answers/*')",
    "SELECT * FROM read_csv('{root}/secret.txt')",
    "SELECT * FROM '{root}/other.parquet'",
    "SELECT * FROM glob('{root}/*')",
    "SELECT * FROM parquet_metadata('{root}/other.parquet')",
    "SELECT * FROM sqlite_scan('{root}/x.sqlite', 't')",
    "SELECT * FROM read_duckdb('{root}/x.db')",
    "SELECT * FROM query('FROM read_text(''/etc/passwd'')')",
    "SELECT * FROM 'http://127.0.0.1:9/x.parquet'",
    "SELECT getenv('HOME')",
    "ATTACH '{root}/new.db'",
    "ATTACH '{root}/new.db' AS x (TYPE sqlite)",
    "COPY (SELECT 1) TO '{root}/own.parquet'",
    "COPY (SELECT 1) TO '{root}/new.csv'",
    "COPY a.b.c FROM '{root}/other.parquet'",
    "EXPORT DATABASE '{root}/new'",
    "INSTALL httpfs",
    "LOAD sqlite",
    "PRAGMA enable_profiling",
    "SET enable_external_access = true",
    "SET allowed_paths = ['/etc/passwd']",
    "RESET lock_configuration",
    "CALL enable_logging(storage = 'file', storage_path = '{root}/new')",
    "CREATE TABLE x AS SELECT 1",
    "CREATE SECRET s (TYPE http)",
    "SELECT 1; COPY (SELECT 1) TO '{root}/new.csv'",
    "EXPLAIN ANALYZE SELECT * FROM a.b.c",
]


@pytest.mark.parametrize("sql", HOSTILE)
def test_it_reads_and_writes_nothing_but_its_release(lake: Lake, sql: str) -> None:
    before = lake.bytes()
    error = lake.refused(sql.format(root=lake.root))
    assert lake.bytes() == before
    assert "hunter2" not in str(error) and "Jane" not in str(error) and str(lake.root) not in str(error)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM enable_logging('QueryLog', storage => 'file', storage_config => {{'path': '{root}/new'}})",
        "SELECT * FROM enable_logging('QueryLog', storage => 'file', storage_path => '{root}/new')",
        "SELECT * FROM enable_logging('QueryLog', storage => 'stdout')",
        "SELECT * FROM enable_profiling(format => 'json', save_location => '{root}/new.json')",
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
        "SELECT * FROM parquet_metadata('{root}/own.parquet')",
    ],
)
def test_what_the_engine_answers_by_itself_writes_nothing(lake: Lake, sql: str) -> None:
    before = lake.bytes()
    lake.ask(sql.format(root=lake.root))
    assert lake.bytes() == before


def test_the_release_itself_is_read(lake: Lake) -> None:
    assert lake.ask("SELECT count(*) AS n, min(name) AS m FROM a.b.c").rows.to_pylist() == [
        {"n": 50_000, "m": "name 0"}
    ]


def test_more_rows_than_an_answer_brings_are_told(lake: Lake) -> None:
    found = lake.ask("SELECT i FROM a.b.c ORDER BY i DESC")
    assert (found.rows.num_rows, found.is_cut, found.rows.column(0)[0].as_py()) == (1_000, True, 49_999)
    found = lake.ask("SELECT i FROM a.b.c LIMIT 1000")
    assert (found.rows.num_rows, found.is_cut) == (1_000, False)


def test_columns_of_one_name_are_told_apart(lake: Lake) -> None:
    assert lake.ask("SELECT i, name AS i, 1 AS i_2 FROM a.b.c LIMIT 1").rows.column_names == ["i", "i_2", "i_2_2"]


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [
        ("SELECT repeat('x', 3000000000)", {"memory", "value", "ended"}),
        ("SELECT length(list(repeat('x', 1000) || i)::VARCHAR) FROM range(1000000000) AS r(i)", {"memory", "ended"}),
        ("SELECT DISTINCT md5(i::VARCHAR) FROM range(100000000) AS r(i) ORDER BY 1", {"memory", "ended"}),
        ("SELECT count(*) FROM range(1000000000000)", {"time", "ended"}),
        ("SELECT count(*) FROM a.b.c x, a.b.c y, a.b.c z WHERE x.i + y.i + z.i = 3", {"time", "ended"}),
        ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r", {"time", "ended"}),
    ],
)
def test_a_bomb_ends_with_its_limit(lake: Lake, sql: str, kinds: set[str]) -> None:
    settings = SETTINGS.model_copy(update={"seconds": 2.0} if kinds >= {"time"} else {"seconds": 60.0})
    assert lake.refused(sql, settings).kind in kinds


def test_an_answer_is_no_larger_than_one_may_be(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "ANSWER", 2**20)
    worker = Worker(SETTINGS, lake.root / "answers")
    try:
        with pytest.raises(NotAnswered) as error:
            worker.answer("SELECT repeat('x', 10_000) FROM a.b.c", [lake.release])
    finally:
        worker.close()
    assert error.value.kind == "size"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT name::INT FROM a.b.c", "a value cannot be converted to the type asked for"),
        # Late, when rows are on their way already.
        ("SELECT CASE WHEN i > 45_000 THEN name::INT END FROM a.b.c", "a value cannot be converted"),
        ("SELECT error(name) FROM a.b.c", "a function was given a value that it cannot take"),
        ("SELECT strptime(name, '%Y') FROM a.b.c", "a function was given a value that it cannot take"),
        ("SELECT nmae FROM a.b.c", "there is no column `nmae`"),
        ("SELECT c.nmae FROM a.b.c", "there is no column `nmae`"),
        ("SELECT name, count(*) FROM a.b.c", "`name` is neither grouped by nor counted"),
        ("SELECT sum(name) FROM a.b.c", "`sum` does not take columns of these types"),
        ("SELECT upper(name, 1) FROM a.b.c", "`upper` does not take columns of these types"),
        ("SELECT name FROM a.b.c x, a.b.c y", "`name` could be a column of several tables"),
        ("SELECT z.name FROM a.b.c", "there is no table `z` in the question"),
        ("SELECT * FROM a.b.d", "the question does not fit the tables"),
    ],
)
def test_the_engines_own_words_are_not_shown(lake: Lake, sql: str, said: str) -> None:
    settings = SETTINGS.model_copy(update={"rows": 100_000})
    error = lake.refused(sql, settings)
    assert error.what.startswith(said)
    assert "name 0" not in str(error) and "name 45001" not in str(error)


def test_a_process_that_hangs_is_killed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_GRACE", 0.2)
    worker = Worker(SETTINGS.model_copy(update={"seconds": 0.5}), lake.root / "answers")
    try:
        assert worker.tables("SELECT * FROM a.b.c") == [NAME]
        os.kill(worker._process.pid, signal.SIGSTOP)
        with pytest.raises(NotAnswered) as error:
            worker.answer("SELECT 1", [lake.release])
        assert error.value.kind == "ended"
        assert not worker.is_alive
    finally:
        worker.close()


def test_nobody_finds_the_file_of_an_answer(lake: Lake) -> None:
    worker = Worker(SETTINGS, lake.root / "answers")
    try:
        assert worker.answer("SELECT 1", [lake.release]).rows.num_rows == 1
        assert list((lake.root / "answers").iterdir()) == []
    finally:
        worker.close()


def test_processes_that_wait_end_with_whoever_began_them(tmp_path: Path) -> None:
    code = f"""
        import os, sys, time
        from pathlib import Path
        from vestry.governance.sql.workers import Worker
        from vestry.project.models import SqlSettings
        worker = Worker(SqlSettings(), Path({str(tmp_path)!r}))
        assert worker.tables("SELECT 1") == []
        print(worker._process.pid, flush=True)
        os._exit(1)
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(code)], capture_output=True, text=True, timeout=120, check=False
    )
    pid, end = int(done.stdout), time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]:
        assert time.monotonic() < end
        time.sleep(0.1)


_ENCLOSED = """
    import socket, sys
    import duckdb
    from vestry.governance.sql import walls
    from vestry.governance.sql.worker import Limits, _engine
    own, other = sys.argv[1:]
    con = _engine(Limits(2**28, 4, 10, 10, 2**20))
    if not walls.enclose([own]):
        sys.exit(77)
    con.execute("SET threads = 4")
    print(con.execute("SELECT count(DISTINCT name) FROM read_parquet(?)", [own]).fetchone()[0])
    for sql in ("FROM read_parquet($other)", "FROM read_text('/etc/passwd')", "COPY (SELECT 1) TO '" + own + "'",
                "COPY (SELECT 1) TO '" + other + ".new'", "ATTACH '" + other + ".db'"):
        try:
            con.execute(sql, {"other": other} if "$" in sql else None).fetchall()
            print("opened", sql)
        except duckdb.Error as error:
            print(type(error).__name__)
    try:
        socket.create_connection(("127.0.0.1", 9), 1)
    except OSError as error:
        print(type(error).__name__)
"""


def test_the_kernel_holds_where_the_engine_does_not(lake: Lake) -> None:
    """The engine's own lock is left out: all of it is the operating system's."""
    command = [sys.executable, "-c", dedent(_ENCLOSED), str(lake.own), str(lake.other)]
    before = lake.bytes()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=workers._ENVIRONMENT)
    if done.returncode == 77:
        pytest.skip("this kernel has no Landlock")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split()
    assert lines[0] == "50000", done.stderr
    assert lines[1:] == ["IOException"] * 5 + ["PermissionError"], done.stdout
    assert lake.bytes() == before


def test_a_process_is_enclosed_when_it_answers(lake: Lake) -> None:
    if not _has_landlock():
        pytest.skip("this kernel has no Landlock")
    worker = Worker(SETTINGS, lake.root / "answers")
    try:
        found = worker._ask({"sql": "SELECT 1", "views": [], "files": [], "named": 0}, 60)
    finally:
        worker.close()
    assert found["enclosed"] is True


def _has_landlock() -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint32(1)) >= 1)
