"""The examples of CONTRIBUTING are a connector and a builder that work, found by their entry points."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from blocks import blocks

PAGE = Path(__file__).parents[2] / "CONTRIBUTING.md"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Both examples, as a package that is installed."""
    code = {block.says: block.text for block in blocks(PAGE.read_text(encoding="utf-8"))}
    site = tmp_path / "site"
    (site / "newcomer-1.0.dist-info").mkdir(parents=True)
    (site / "newcomer_connector.py").write_text(code["connector"])
    (site / "newcomer_builder.py").write_text(code["builder"])
    (site / "newcomer-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: newcomer\nVersion: 1.0\n")
    (site / "newcomer-1.0.dist-info" / "entry_points.txt").write_text(
        "[vestry.connectors]\nlines = newcomer_connector:LinesConnector\n"
        "[vestry.builders]\ncsv = newcomer_builder:CsvBuilder\n"
    )
    monkeypatch.syspath_prepend(str(site))
    yield
    for module in ("newcomer_connector", "newcomer_builder"):
        sys.modules.pop(module, None)


@pytest.mark.slow
def test_the_connector_of_the_example_loads_what_is_new(installed, council):
    council.source("notes", "connector: lines\npath: drop\ntables:\n  note:\n")
    council.drop("a.txt", "one\ntwo\n")
    council.good()
    council.drop("b.txt", "three\n")
    assert council.plan() == {"bronze.notes.note": "1 files to load"}
    council.good()
    council.drop("a.txt", "ONE\n")
    council.good()
    assert council.rows("select line, _row, _source from bronze.notes.note order by _source") == [
        ("ONE", 1, "a.txt"),
        ("three", 1, "b.txt"),
    ]
    assert council.plan() == {}


def test_the_builder_of_the_example_makes_a_table(installed, council):
    columns = {"code": "logicalType: string, primaryKey: true", "meaning": "logicalType: string"}
    council.product("housing.codes", columns, trade_csv="code,meaning\nPL,Plumbing\nEL,Electrical\n")
    council.good()
    assert council.rows("from housing.codes.trade order by code") == [("EL", "Electrical"), ("PL", "Plumbing")]
