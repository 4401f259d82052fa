"""Tables made by a Python function."""

from __future__ import annotations

import pytest

from council import Council

pytestmark = pytest.mark.slow

TABLE = "housing.repairs.repair"


@pytest.fixture
def recipe(council: Council):
    council.files()
    council.drop("a.csv", "ref,n\nA1,1\nA2,2\n")

    def write(body: str, inputs: str = '{"job": "bronze.repairs.job"}') -> Council:
        text = f"INPUTS = {inputs}\n\n\ndef build(job):\n" + "".join(f"    {line}\n" for line in body.splitlines())
        council.product("housing.repairs", {"ref": "logicalType: string"}, repair_py=text)
        return council

    return write


@pytest.mark.parametrize(
    "body",
    [
        'return job.project("ref")',
        'return job.filter("n::INT > 0").project("ref").to_arrow_table()',
        'return job.project("ref").to_arrow_reader(1)',
        "import pyarrow as pa\nreturn pa.table({'ref': ['A1', 'A2']})",
        "import pytest\npd = pytest.importorskip('pandas')\nreturn pd.DataFrame({'ref': ['A1', 'A2']})",
    ],
)
def test_build_may_return_a_relation_arrow_or_a_frame(recipe, body):
    if "pandas" in body:
        pytest.importorskip("pandas")
    council = recipe(body)
    council.good()
    assert council.rows(f"SELECT ref FROM {TABLE} ORDER BY 1") == [("A1",), ("A2",)]
    assert council.plan() == {}


@pytest.mark.parametrize(
    ("body", "said", "line"),
    [
        ("rows = job.fetchall()\nraise ValueError(rows[0])", "`build` failed with ValueError", 6),
        ("return None", "`build` gave NoneType, which is no table", None),
        ("return job.project('nothing')", "`build` failed with BinderException", 5),
    ],
)
def test_a_recipe_that_fails_shows_its_line_and_no_data(recipe, body, said, line):
    council = recipe(body)
    outcome = council.run()[TABLE]
    assert outcome.error is not None
    assert said in outcome.error.what
    assert "A1" not in str(outcome.error)
    assert outcome.error.where == "domains/housing/repairs/repair.py" + (f":{line}" if line else "")


def test_a_recipe_that_cannot_be_imported_shows_its_line(recipe):
    council = recipe("return job")
    file = council.root / "domains/housing/repairs/repair.py"
    file.write_text(file.read_text() + "\nimport nothing_of_that_name\n")
    outcome = council.run()[TABLE]
    assert outcome.error is not None
    assert "ModuleNotFoundError" in outcome.error.what
    assert outcome.error.where.endswith("repair.py:7")


def test_a_changed_recipe_builds_anew(recipe):
    council = recipe('return job.project("ref")')
    council.good()
    recipe("return job.filter(\"ref = 'A2'\").project('ref')")
    assert council.plan() == {TABLE: "its code changed"}
    council.good()
    assert council.rows(f"SELECT ref FROM {TABLE}") == [("A2",)]
