"""The `vestry` command: help, formats, exit codes, errors."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from council import Council, vestry
from vestry.cli import main

pytestmark = pytest.mark.slow

COMMANDS = sorted(main.commands)
REPAIR = "housing.repairs.repair"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    answer = CliRunner().invoke(main, [command, "--help"])
    assert answer.exit_code == 0
    assert f"vestry {command}" in answer.output.split("Example", 1)[1]


def test_help_names_every_command_and_costs_little():
    answer = CliRunner().invoke(main, ["--help"])
    assert all(command in answer.output for command in COMMANDS)
    heavy = ("duckdb", "deltalake", "pydantic", "pyarrow", "sqlglot", "dlt", "rich", "yaml")
    code = (
        "import sys\nfrom vestry.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_version_is_told():
    assert CliRunner().invoke(main, ["--version"]).output.startswith("vestry, version ")


@pytest.fixture
def asked(repairs: Council):
    """Ask through the command, in this process; the answer's bytes."""
    repairs.good()

    def ask(*args: str) -> bytes:
        answer = CliRunner().invoke(main, [args[0], "-C", str(repairs.root), *args[1:]])
        assert answer.exit_code == 0, answer.output
        return answer.stdout_bytes

    return ask


QUERY = f"SELECT job, done, cost, NULL AS nothing, 'é, \"x\"' AS text FROM {REPAIR} ORDER BY job"


def test_answers_come_as_csv(asked):
    text = asked("query", QUERY, "--format", "csv").decode()
    assert list(csv.reader(io.StringIO(text))) == [
        ["job", "done", "cost", "nothing", "text"],
        ["A1", "2024-02-28", "10.50", "", 'é, "x"'],
        ["A2", "2025-01-01", "7.00", "", 'é, "x"'],
    ]


def test_answers_come_as_json(asked):
    rows = json.loads(asked("query", QUERY, "--json"))
    assert rows[0] == {"job": "A1", "done": "2024-02-28", "cost": "10.50", "nothing": None, "text": 'é, "x"'}
    assert json.loads(asked("query", f"SELECT * FROM {REPAIR} WHERE false", "--json")) == []
    assert json.loads(asked("query", "SELECT 'nan'::DOUBLE AS n, 'inf'::DOUBLE AS i", "--json")) == [
        {"n": None, "i": None}
    ]


def test_answers_come_as_parquet(asked, tmp_path):
    import duckdb

    file = tmp_path / "answer.parquet"
    file.write_bytes(asked("query", QUERY, "--format", "parquet"))
    found = duckdb.sql(f"SELECT job, done::VARCHAR, cost::VARCHAR FROM '{file}' ORDER BY 1").fetchall()
    assert found == [("A1", "2024-02-28", "10.50"), ("A2", "2025-01-01", "7.00")]


def test_answers_come_as_a_table_for_people(asked):
    text = asked("query", f"SELECT job FROM {REPAIR}", "--limit", "1").decode()
    assert "A1" in text
    assert "2 rows (the first 1" in text


@pytest.mark.parametrize("form", ["table", "csv", "json", "parquet"])
@pytest.mark.parametrize(
    "args",
    [
        ("show",),
        ("show", REPAIR),
        ("show", "bronze.repairs.job"),
        ("history", REPAIR),
        ("run",),
        ("run", "--plan"),
        ("check",),
    ],
    ids=" ".join,
)
def test_every_command_that_answers_with_data_knows_every_format(asked, args, form):
    answer = asked(*args, "--format", form)
    if form == "json":
        json.loads(answer)
    if form == "csv":
        assert answer.splitlines()[0].count(b",") >= 2
    if form == "parquet":
        assert answer[:4] == b"PAR1"


def test_sql_is_read_from_standard_input(repairs):
    repairs.good()
    done = repairs.cli("query", "-", "--format", "csv", input=f"SELECT count(*) AS n FROM {REPAIR}")
    assert done.stdout.split() == ["n", "2"]


def test_restore_and_compact_say_what_they_did(asked, repairs):
    repairs.drop("b.csv", "job,uprn,done,cost\nB1,5,2024-01-01,1\n")
    repairs.good()
    assert b"as it was at version 0; that is now version 2" in asked("restore", REPAIR, "0")
    assert repairs.one(f"SELECT count(*) FROM {REPAIR}") == 2
    assert b"bronze.repairs.job: 2 files" in asked("compact", "--vacuum")


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("query", "SELECT * FROM housing.repairs.repare"), 2, "did you mean `housing.repairs.repair`"),
        (("query", f"SELECT jobb FROM {REPAIR}"), 2, "job"),
        (("query", "SELEC 1"), 2, "the query"),
        (("query", f"SELECT job::INT FROM {REPAIR}"), 2, "the query"),
        (("show", "housing.repairs.nothing"), 2, "there is no table"),
        (("show", "housing"), 2, "is not the name of a table"),
        (("history", "housing.repairs.nothing"), 2, "there is no table"),
        (("restore", REPAIR, "99"), 2, "has no version 99"),
        (("compact", "housing.repairs.nothing"), 2, "there is no table"),
        (("run", "housing.repare"), 2, "did you mean"),
        (("run", "--format", "xml"), 2, "xml"),
    ],
)
def test_errors_are_for_people(repairs, args, code, said):
    repairs.good()
    answer = CliRunner().invoke(main, [args[0], "-C", str(repairs.root), *args[1:]])
    assert answer.exit_code == code
    assert said in answer.output
    assert "Traceback" not in answer.output
    assert answer.exception is None or isinstance(answer.exception, SystemExit)


def test_a_folder_without_a_project_says_how_to_make_one(tmp_path):
    done = vestry("run", "-C", str(tmp_path))
    assert done.returncode == 2
    assert "vestry init" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_trace_shows_where_a_run_failed(repairs):
    repairs.write("domains/housing/repairs/repair.py", "INPUTS = {'job': 'bronze.repairs.job'}\n\n\ndef build(job):\n    raise KeyError(1)\n")  # fmt: skip
    (repairs.root / "domains/housing/repairs/repair.sql").unlink()
    plain = repairs.cli("run")
    assert plain.returncode == 1
    assert "Traceback" not in plain.stderr
    traced = vestry("--trace", "run", "-C", str(repairs.root))
    assert traced.returncode == 1
    assert "KeyError" in traced.stderr
    assert "Traceback" in traced.stderr
