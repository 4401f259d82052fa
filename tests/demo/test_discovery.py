"""Discovery over Westmarsh's systems: every column that its generator knows to be personal or an identifier."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import pytest

from vestry.demo import Systems
from vestry.ingest.discovery.drive import files_below
from vestry.ingest.discovery.report import Column, Table
from vestry.ingest.discovery.systems import tables_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def known() -> list[dict[str, str]]:
    text = (files("vestry.demo") / "personal_columns.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture(scope="module")
def found(westmarsh: Systems) -> list[Table]:
    tables = []
    for database in sorted(westmarsh.systems.rglob("*.sqlite")):
        name = database.relative_to(westmarsh.systems).as_posix()
        tables += tables_of(f"sqlite:////{database}", westmarsh.systems, name, lambda _: None)
    for folder in sorted(p for p in westmarsh.systems.iterdir() if p.is_dir()):
        tables += [t for t in files_below(folder, folder.name, lambda _: None).tables if ".sqlite/" not in t.name]
    return tables


def _of(entry: dict[str, str], found: list[Table]) -> list[tuple[Table, Column]]:
    pairs = []
    for table in found:
        if entry["table"]:
            here = table.system == entry["file"] and table.name == entry["table"]
        else:
            here = Path(f"{table.system}/{table.name}").match(entry["file"])
        pairs += [(table, c) for c in table.columns if here and c.name == entry["column"]]
    return pairs


def test_every_personal_column_of_every_system_is_found_for_what_it_is(
    known: list[dict[str, str]], found: list[Table]
) -> None:
    missed = []
    for entry in known:
        pairs = _of(entry, found)
        assert pairs, f"{entry} is in no system: is the list still true?"
        missed += [
            f"{table.name}.{column.name} is {column.kind.name if column.kind else 'not seen'}, not {entry['holds']}"
            for table, column in pairs
            if column.filled and (column.kind is None or column.kind.name != entry["holds"])
        ]
    assert missed == []


def test_what_is_of_nobody_is_not_taken_for_personal(found: list[Table]) -> None:
    of_nobody = [t for t in found if t.system in ("gazetteer", "finance", "repairs")]
    assert of_nobody and [t.name for t in of_nobody if t.of_people] == []


def test_no_value_of_a_column_that_speaks_of_people_is_kept(found: list[Table]) -> None:
    kept = [(t.name, c.name) for t in found for c in t.columns if t.of_people and c.kind and (c.least or c.greatest)]
    assert kept == []
