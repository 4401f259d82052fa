"""Recipes in Python and snapshots: inputs read without running, and their faults."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from vestry.project import ProjectError, TableName, load_project
from vestry.project.inputs import Inputs, inputs_of
from vestry.project.python import python_inputs
from vestry.project.sql import made_columns, mentions, parse, references

from .conftest import Folder

Said = Callable[[Folder], list[str]]
REPAIR = TableName("housing", "repairs", "repair")
JOB = TableName("bronze", "repairs", "job")
SNAPSHOT = "domains/housing/repairs/repair.snapshot.yaml"
RECIPE = "domains/housing/repairs/repair.py"
GOOD = 'INPUTS = {"jobs": "bronze.repairs.job"}\n\ndef build(jobs):\n    return jobs\n'


def as_python(folder: Folder, text: str) -> None:
    (folder.root / "domains/housing/repairs/repair.sql").unlink()
    folder.write(RECIPE, text)


def as_snapshot(folder: Folder, text: str) -> None:
    (folder.root / "domains/housing/repairs/repair.sql").unlink()
    folder.write(SNAPSHOT, text)


def test_python_inputs_are_read_without_running() -> None:
    found = python_inputs("raise SystemExit\n" + GOOD, "repair.py")
    assert {name: (str(r.name), r.line) for name, r in found.items()} == {"jobs": ("bronze.repairs.job", 2)}


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            GOOD.replace("def build(", "def repair("),
            ["1: the recipe does not define the function `build`\n    write def build(jobs): …; it defines `repair`"],
        ),
        (
            GOOD.replace("def build(jobs):", "def build(jobs:"),
            ["3: Python that does not parse: '(' was never closed\n    mend this line"],
        ),
        (
            GOOD.replace("build(jobs)", "build(job)"),
            [
                "1: `build` does not take the input `jobs`\n    write def build(jobs)",
                "3: `build` takes `job`, which is not in INPUTS\n    did you mean `jobs`?",
            ],
        ),
        (
            "def build(): ...\n",
            ['1: the recipe does not say its INPUTS\n    write INPUTS = {"jobs": "bronze.repairs.job"}'],
        ),
        (
            "import os\nINPUTS = dict(a=1)\ndef build(a): ...\n",
            [
                "2: INPUTS must be written out as {…}: it is read without running\n"
                '    write INPUTS = {"jobs": "bronze.repairs.job"}'
            ],
        ),
        (
            GOOD.replace("repairs.job", "repairs.jab"),
            ["1: there is no table `bronze.repairs.jab`\n    did you mean `bronze.repairs.job`?"],
        ),
    ],
)
def test_python_recipes_that_cannot_be_used(folder: Folder, said: Said, text: str, faults: list[str]) -> None:
    as_python(folder, text)
    assert said(folder) == [f"{RECIPE}:{fault}" for fault in faults]


def test_a_snapshot_without_fault(folder: Folder, said: Said) -> None:
    as_snapshot(folder, "from: bronze.repairs.job\nkey: repair_id\norder_by: changed\ncolumns: {repair_id: job}\n")
    assert said(folder) == []


def test_snapshots_that_cannot_be_used(folder: Folder, said: Said) -> None:
    as_snapshot(
        folder,
        """
        from: bronze.repairs.jobs
        key: repair
        order_by: changed
        deleted_when: action = 'D
        history: true
        columns:
          repair_id: trim(job
          urpn: uprn
        """,
    )
    assert said(folder) == [
        f"{SNAPSHOT}:1: there is no table `bronze.repairs.jobs`\n    did you mean `bronze.repairs.job`?",
        f"{SNAPSHOT}:2: the key `repair` is not a column of `repair` in the contract\n    did you mean `repair_id`?",
        f"{SNAPSHOT}:4: `deleted_when`: SQL that does not parse: unterminated quoted string at or near `'D`\n    close the quote",
        f"{SNAPSHOT}:5: history is asked for, and the contract promises no table `repair_history`\n"
        "    add `repair_history` to the contract, with the columns valid_from and valid_to, or take `history` out",
        f"{SNAPSHOT}:7: `repair_id`: SQL that does not parse: syntax error at end of input\n"
        "    a bracket is not closed, or the last part is missing",
        f"{SNAPSHOT}:8: the column `urpn` is made, and the contract does not promise it\n    did you mean `uprn`?",
    ]


def test_a_snapshot_is_made_of_bronze_and_knows_its_keys(folder: Folder, said: Said) -> None:
    as_snapshot(folder, "form: bronze.repairs.job\nkey: repair_id\norder_by: changed\n")
    assert said(folder) == [
        f"{SNAPSHOT}:1: the key `from` is missing\n    add `from:`",
        f"{SNAPSHOT}:1: unknown key `form`\n    did you mean `from`?",
    ]
    folder.write(SNAPSHOT, "from: housing.costs.month\nkey: repair_id\norder_by: changed\n")
    assert [line.splitlines()[0] for line in said(folder)] == [
        "domains/housing/costs/month.sql:4: tables that need each other: "
        "housing.costs.month → housing.repairs.repair → housing.costs.month",
        f"{SNAPSHOT}:1: `housing.costs.month` is not a bronze table, and a snapshot is made of a feed as it was received",
    ]


def test_inputs_are_the_same_from_every_kind_of_recipe(folder: Folder) -> None:
    project = load_project(folder.root)
    assert [r.name for r in inputs_of(project.tables[REPAIR])] == [JOB]
    as_python(folder, GOOD)
    assert [r.name for r in inputs_of(load_project(folder.root).tables[REPAIR])] == [JOB]
    (folder.root / RECIPE).unlink()
    folder.write(SNAPSHOT, "from: bronze.repairs.job\nkey: repair_id\norder_by: changed\n")
    assert [r.name for r in inputs_of(load_project(folder.root).tables[REPAIR])] == [JOB]


def test_inputs_are_remembered_by_the_recipe_content(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    project = load_project(folder.root)
    with Inputs(project) as inputs:
        assert inputs.of(project.tables[REPAIR]) == (JOB,)
    kept = json.loads((project.state / "inputs.json").read_text())
    assert list(kept.values()) == [[["bronze.repairs.job", 6]]]
    monkeypatch.setattr("vestry.project.inputs._read", lambda *_: pytest.fail("the recipe was read again"))
    with Inputs(project) as inputs:
        assert inputs.of(project.tables[REPAIR]) == (JOB,)


def test_a_cache_that_is_broken_is_made_anew(folder: Folder) -> None:
    project = load_project(folder.root)
    folder.write(".vestry/inputs.json", "{")
    with Inputs(project) as inputs:
        assert inputs.of(project.tables[REPAIR]) == (JOB,)
    assert json.loads((project.state / "inputs.json").read_text())


def test_a_recipe_that_cannot_be_read_says_so_when_it_is_asked(folder: Folder) -> None:
    folder.write("domains/housing/repairs/repair.sql", "")
    project = load_project(folder.root)
    with Inputs(project) as inputs, pytest.raises(ProjectError) as error:
        inputs.of(project.tables[REPAIR])
    assert "domains/housing/repairs/repair.sql:1: there is no SQL in the file" in str(error.value)


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("WITH a AS (SELECT 1) SELECT * FROM a, x.y.z", ["x.y.z"]),
        ("SELECT * FROM (PIVOT x.y.z ON a USING sum(b))", ["x.y.z"]),
        ("SELECT 1 FROM x.y.z t WHERE EXISTS (FROM p.q.r) AND a IN (SELECT b FROM k.l.m)", ["k.l.m", "p.q.r", "x.y.z"]),
        ("SELECT a FROM x.y.z AT (VERSION => 3) UNION ALL SELECT a FROM p.q.r", ["p.q.r", "x.y.z"]),
        ('FROM "x"."y"."z" ASOF JOIN p.q.r USING (a)', ["p.q.r", "x.y.z"]),
        ("SELECT i FROM range(3) r(i), unnest([1]) u", []),
    ],
)
def test_references_are_the_lineage(sql: str, tables: list[str]) -> None:
    assert [r.text for r in references(parse(sql, "x.sql"))] == tables


def test_columns_that_sql_makes_where_it_says_them() -> None:
    made = made_columns(parse("SELECT\n  a.x,\n  count(*) AS n,\n  z: 3,\n  b::INT\nFROM t", "x.sql"))
    assert made is not None
    assert [(m.name, m.line) for m in made] == [("x", 2), ("n", 3), ("z", 4), (None, 5)]
    for hidden in ("SELECT * FROM t", "SELECT COLUMNS('a') FROM t", "SELECT a FROM t UNION BY NAME SELECT b FROM u"):
        assert made_columns(parse(hidden, "x.sql")) is None


def test_columns_that_sql_mentions() -> None:
    assert mentions(parse("SELECT a, count(*) FROM t JOIN u USING (k) WHERE b > 1", "x.sql")) == (
        {"a", "b", "k"},
        False,
    )
    assert mentions(parse("SELECT * FROM t", "x.sql"))[1]
