"""`<table>.uprn.yaml`: what is wrong with one is said with its line, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from places_town import RECIPE, TABLE, Town

from vestry.mdm.places.decisions import addresses_of, decide
from vestry.products.check import check
from vestry.project import Fault

pytestmark = pytest.mark.slow

FILE = "domains/places/matched/address.uprn.yaml"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A town that has run and where somebody has decided, so that the columns of all that the recipe reads are known."""
    town = Town(tmp_path_factory.mktemp("town") / "t")
    town.letters("a", ("1 High Street", "TH1 1AA"))
    town.good()
    workspace = town.open()
    addresses = addresses_of(workspace.project, workspace.lake, workspace.engine.cursor())
    decide(addresses, "1 High Street, TH1 1AA", "uprn", "Jo Bloggs", "seen", uprn="1000")
    workspace.engine.close()
    return town


def faults(town: Town, recipe: str) -> list[Fault]:
    town.write(FILE, recipe)
    return check(town.root)


def test_a_right_recipe_has_no_faults(built):
    assert faults(built, RECIPE) == []


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("address: address", "address: adress", 6, "no column `adress`"),
        ("postcode: postcode", "postcode: post_code", 7, "no column `post_code`"),
        ("uprn: uprn", "uprn: uprm", 8, "no column `uprm`"),
        ("bronze.letters.letter", "bronze.letters.leter", 5, "no table `bronze.letters.leter`"),
        ("places.gazetteer.address\n", "places.gazeteer.address\n", 2, "no table `places.gazeteer.address`"),
        ("logical_status <> 8", "logical_statu <> 8", 3, "no column `logical_statu`"),
        ("  where:", "  columns: {street: road}\n  where:", 3, "no column `road`"),
        ("  where:", "  columns: {stret: road}\n  where:", 3, "stret"),
        ("  where:", "  wher:", 3, "unknown key"),
        ("uprn: uprn\n", "uprn: uprn\nthresholds: {match: 1, review: 2}\n", 9, "above"),
        ("bronze.letters.letter", "letters", 5, "three parts"),
    ],
)
def test_a_fault_is_told_with_its_line(built, before, after, line, said):
    found = faults(built, RECIPE.replace(before, after, 1))
    assert any(f.file == FILE and f.line == line and said in f.what + f.mend for f in found), [str(f) for f in found]


def test_a_fault_is_told_before_anybody_has_decided(tmp_path):
    town = Town(tmp_path / "t")
    town.letters("a", ("1 High Street", "TH1 1AA"))
    town.good("layer:bronze")
    found = faults(town, RECIPE.replace("address: address", "address: adress", 1))
    assert [(f.file, f.line) for f in found] == [(FILE, 6)]
    assert "no column `adress`" in found[0].what


def test_a_gazetteer_without_what_is_needed_is_told(built):
    found = faults(built, RECIPE.replace("places.gazetteer.address", "bronze.letters.letter"))
    assert any(f.line == 2 and "no column `paon`" in f.what for f in found), [str(f) for f in found]


def test_a_recipe_without_addresses_is_told(built):
    found = faults(built, "gazetteer:\n  table: places.gazetteer.address\naddresses: []\n")
    assert any(f.file == FILE and "empty" in f.what for f in found), [str(f) for f in found]


def test_the_recipe_reads_its_tables_and_what_people_decided(tmp_path: Path):
    from vestry.run.graph import graph_of

    town = Town(tmp_path / "t")
    graph = graph_of(town.open().project)
    (step,) = [s for n, s in graph.steps.items() if str(n) == TABLE]
    assert {str(n) for n in step.inputs} == {"places.gazetteer.address", "bronze.letters.letter", f"{TABLE}__decision"}
