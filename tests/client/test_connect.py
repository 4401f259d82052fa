"""`vestry.connect`: a portal by its address and a token, a project by its folder."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import vestry
from doors import CLIENT, JOBS, ODD, REPAIR
from vestry.governance.access.treatment import Treatment
from vestry.project import VestryError
from vestry.serve.rows import answer as answers

pytestmark = pytest.mark.slow


@pytest.fixture(params=["portal", "folder"])
def council(doors, request):
    if request.param == "portal":
        return vestry.connect(doors.address, token=doors.tokens["ann"])
    return vestry.connect(doors.council.root)


def test_a_table_comes_in_every_form_with_its_types(council):
    assert REPAIR in council.tables
    chosen = (
        council.table(REPAIR).where("job", "in", ["J1", "J3"]).select("job", "cost", "done", "note").order("cost.desc")
    )
    arrow, pandas, polars = chosen.to_arrow(), chosen.to_pandas(), chosen.to_polars()
    assert isinstance(arrow, pa.Table) and isinstance(pandas, pd.DataFrame) and isinstance(polars, pl.DataFrame)
    row = ("J3", Decimal("3.03"), dt.date(2025, 4, 13), ODD["J3"])
    assert polars.row(0) == row and tuple(arrow.to_pylist()[0].values()) == row and list(pandas["job"]) == ["J3", "J1"]
    with duckdb.connect() as con:
        found = chosen.to_duckdb(con)
        assert found.filter("cost > 2").fetchall() == [row]


def test_a_whole_table_comes_whole_also_in_several_answers(council, monkeypatch):
    assert council.table(REPAIR).to_arrow().num_rows == JOBS
    monkeypatch.setattr(answers, "MOST", 5_000)
    assert len(set(council.table(REPAIR).select("job").to_arrow()["job"].to_pylist())) == JOBS
    assert council.table(REPAIR).limit(7_000).to_arrow().num_rows == 7_000


def test_columns_are_described(council):
    first = council.table(REPAIR).columns[0]
    assert (first.name, first.type, first.meaning, first.treatment) == (
        "job",
        "VARCHAR",
        "The number of a job",
        "clear",
    )


def test_each_step_gives_another_table_and_reads_nothing(council, doors):
    before = doors.told()[0].number
    table = council.table(REPAIR)
    few = table.where("cost", "<", 3).where("urgent", "==", True).limit(5)
    assert table != few and doors.told()[0].number == before
    assert few.to_arrow()["job"].to_pylist() == ["J1"]
    assert doors.told()[0].entry.note == "arrow, rows chosen by cost, urgent"
    assert table.where("ward", "is", None).where("done", ">=", dt.date(2025, 9, 1)).to_arrow().num_rows > 0


def test_what_may_not_be_read_is_said_in_words(council):
    for wrong in (
        lambda: council.table(str(CLIENT)).to_arrow(),
        lambda: council.table("../../etc/passwd").to_arrow(),
        lambda: council.table("a.b.c").columns,
        lambda: council.table(REPAIR).select("jub").to_arrow(),
        lambda: council.table(REPAIR).where("cost", "~", 1),
        lambda: council.table(REPAIR).where("cost", ">", "much").to_arrow(),
        lambda: council.table(REPAIR).limit(0).to_arrow(),
    ):
        with pytest.raises(VestryError):
            wrong()
    with pytest.raises(VestryError, match="did you mean `job`"):
        council.table(REPAIR).select("jub").to_arrow()


def test_personal_data_come_as_they_are_given(doors):
    council = vestry.connect(doors.address, token=doors.tokens["ann"])
    with doors.given({"id": Treatment.HASHED, "name": Treatment.CLEAR}, purpose="calls"):
        table = council.table(str(CLIENT), purpose="calls").where("name", "==", "Ada Testperson")
        assert [len(row["id"]) for row in table.to_arrow().to_pylist()] == [64]
    with pytest.raises(VestryError, match="no grant lets you read it"):
        table.to_arrow()


def test_a_token_goes_to_nobody_in_clear_and_a_bad_one_opens_nothing(doors, monkeypatch):
    with pytest.raises(VestryError, match="in clear"):
        vestry.connect("http://data.example.org", token="vst_x")
    with pytest.raises(VestryError, match="not good"):
        _ = vestry.connect(doors.address, token="vst_x").tables
    with pytest.raises(VestryError, match="needs no token"):
        vestry.connect(doors.council.root, token="vst_x")
    with pytest.raises(VestryError, match="does not answer"):
        _ = vestry.connect("http://127.0.0.1:9", token="vst_x").tables
    monkeypatch.setenv("VESTRY_TOKEN", doors.tokens["ann"])
    assert REPAIR in vestry.connect(doors.address).tables


def test_the_package_loads_nothing_until_it_is_asked():
    said = "import sys, vestry; print([m for m in ('duckdb', 'pyarrow', 'requests', 'polars', 'fastapi') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
