"""Addresses as people write them, and the homes that they mean: certain, or for a person to say, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from places_town import TABLE, Town

# What the matcher itself is warned of is not ours.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning")]

#: Written, postcode, and the home that it means; None where nobody could be certain.
WRITTEN = [
    ("12 High Street, Testham", "TH1 1AA", "1011"),
    ("12, HIGH ST", "th11aa", "1011"),
    ("12a high street testham", "TH1 1AA", "1900"),
    ("12 A High Street, Testham", "TH1 1AA", "1900"),
    ("17 Hihg Street, Testham", "TH1 1AA", "1016"),
    ("23 Nightingale Cl", "TH2 1AA", "1422"),
    ("5 St. Marys Ave, Testham", "TH2 1AB", "1504"),
    ("5 Saint Mary's Avenue, Testham", "TH2 1AB", "1504"),
    ("14 Victoria Terrace, Testham", "", "1313"),
    ("14 Victoria Terrace, Testham TH1 2AB", "", "1313"),
    ("Flat 1, Heron Tower, River Walk", "TH2 2AA", "5001"),
    ("FLAT 2 HERON TOWER RIVER WALK", "TH2 2AA", "5002"),
    ("Apt 37 Heron Twr, River Walk, Testham", "TH2 2AA", "5037"),
    ("Heron Tower (Flat 211), River Walk", "TH2 2AA", "5211"),
    ("Heron Tower, River Walk, Flat 212", "TH2 2AA", "5212"),
    ("12 Castle Hill, Flat 3", "TH3 1AA", "6203"),
    ("399 Heron Tower, River Walk, Testham", "TH2 2AA", "5399"),
    ("Second Floor Flat, 7 Quay Street", "TH2 2AB", "6002"),
    ("1st Floor Flat 7 Quay Street Testham", "TH2 2AB", "6001"),
    ("Flat B, 9 Quay Street", "TH2 2AB", "6101"),
    ("Flat 3, 12 Castle Hill", "TH3 1AA", "6203"),
    ("Rose Cottage, Church Lane, Testham", "TH3 1AB", "6301"),
    ("Rose Cotage, Church Ln, Testham", "TH3 1AB", "6301"),
    # What is not there is not its neighbour, and a building is not one of its flats.
    ("Flat 401, Heron Tower, River Walk, Testham", "TH2 2AA", None),
    ("Flat 7, 12 Castle Hill, Testham", "TH3 1AA", None),
    ("12 Castle Hill, Testham", "TH3 1AA", None),
    ("Heron Tower, River Walk, Testham", "TH2 2AA", None),
    ("Flat 1, 12 High Street, Testham", "TH1 1AA", None),
    ("Basement Flat, 7 Quay Street", "TH2 2AB", None),
    ("Flat D, 9 Quay Street", "TH2 2AB", None),
    ("77 High Street, Testham", "TH1 1AA", None),
    ("12B High Street, Testham", "TH1 1AA", None),
    # Gone, written alike, or elsewhere.
    ("50 High Street, Testham", "TH1 1AA", None),
    ("Marsh End, Bakers Row, Testham", "TH3 1AD", None),
    ("12 High Street, Otherton", "ZZ9 9ZZ", None),
    ("221B Baker Street, London", "NW1 6XE", None),
]
NO_ADDRESSES = [
    "NFA", "No fixed abode", "N.F.A. - sofa surfing", "UNKNOWN", "not known", "n/a", "-", "?", ".", "xxx", "TBC", "1234",
    "c/o council", "C/O Testham Borough Council, Civic Centre", "Homeless", "as above", "REFUSED",
]  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Town:
    town = Town(tmp_path_factory.mktemp("town") / "t")
    junk = [(text, "") for text in NO_ADDRESSES]
    town.letters(
        "first", *((a, p) for a, p, _ in WRITTEN), *junk, ("", "TH1 1AA"), ("   ", ""), ("note " * 200, "TH1 1AA")
    )
    town.good()
    return town


@pytest.mark.parametrize(("address", "postcode", "uprn"), WRITTEN, ids=[a for a, _, _ in WRITTEN])
def test_an_address_is_matched_to_the_home_that_it_means_or_to_none(written, address, postcode, uprn):
    found, status, why = written.matched(address)
    assert found == uprn, why
    assert (status == "matched") == (uprn is not None)
    assert why


def test_what_fills_the_box_and_is_no_address_is_never_matched_nor_asked_about(written):
    for text in NO_ADDRESSES:
        assert written.matched(text) == (None, "none", "no address"), text


def test_an_empty_box_is_no_row_and_a_note_in_the_wrong_box_is_told(written):
    assert written.rows(f"SELECT count(*) FROM {TABLE} WHERE coalesce(trim(address), '') = ''") == [(0,)]
    assert written.rows(f"SELECT uprn, status, matched_by FROM {TABLE} WHERE length(address) > 250") == [
        (None, "none", "too long for an address")
    ]


def test_what_nobody_can_be_certain_of_waits_with_its_candidate_and_reason(written):
    rows = dict(written.rows(f"SELECT address, matched_by FROM {TABLE} WHERE status = 'review'"))
    assert rows["Marsh End, Bakers Row, Testham"] == "two homes are written alike"
    assert rows["12B High Street, Testham"] == "a number, letter or floor differs"
    assert not written.rows(f"SELECT 1 FROM {TABLE} WHERE status = 'review' AND candidate_uprn IS NULL")


def test_an_address_outside_the_area_is_none_and_waits_for_nobody(written):
    assert written.matched("221B Baker Street, London")[1:] == ("none", "the postcode is outside the gazetteer's area")
    assert written.matched("12 High Street, Otherton")[1] == "none"


def test_every_flat_of_a_tower_is_itself(tmp_path):
    town = Town(tmp_path / "t")
    # Written as nobody's gazetteer has it, so that the model must tell them apart.
    town.letters("tower", *((f"Flt {n} Heron Towr Rivers Walk", "TH2 2AA") for n in range(1, 401)))
    town.good()
    rows = town.rows(f"SELECT address, uprn, candidate_uprn FROM {TABLE}")
    wrong = [(a, u) for a, u, _ in rows if u is not None and u != str(5000 + int(a.split()[1]))]
    assert not wrong
    assert sum(u is not None for _, u, _ in rows) >= 390


def test_the_sources_own_uprn_speaks_where_the_model_is_not_certain_and_never_against_the_text(tmp_path):
    town = Town(tmp_path / "t")
    town.letters(
        "a",
        ("Marsh End, Bakers Row", "TH3 1AD", "6303"),
        ("12 High Street", "TH1 1AA", "1013"),
        ("Flat 2, Heron Tower, River Walk", "TH2 2AA", "5001"),
        ("The old place by the river", "", "6301"),
        ("UNKNOWN", "", "6301"),
    )
    town.good()
    assert town.matched("12 High Street")[0] == "1011"
    assert town.matched("Flat 2, Heron Tower, River Walk")[0] == "5002"
    assert town.matched("UNKNOWN")[:2] == (None, "none")
    assert town.matched("The old place by the river")[:2] == (None, "review")
    assert town.matched("Marsh End, Bakers Row") == (
        "6303",
        "matched",
        "two homes are written alike, and the source gives which",
    )


def test_one_row_tells_how_many_records_hold_an_address_and_where(tmp_path: Path):
    recipe = """\
gazetteer:
  table: places.gazetteer.address
addresses:
  - {table: bronze.letters.letter, address: address, postcode: postcode}
  - {table: bronze.letters.letter, address: "address || ', Testham'", postcode: postcode, where: "letter = '0'"}
"""
    town = Town(tmp_path / "t", recipe)
    town.letters("a", ("1 High Street", "TH1 1AA"), ("1  High Street", "th1 1aa"), ("2 High Street", "TH1 1AA"))
    town.good()
    assert sorted(town.rows(f"SELECT line, uprn, records FROM {TABLE}")) == [
        ("1 High Street, TH1 1AA", "1000", 2),
        ("1 High Street, Testham, TH1 1AA", "1000", 1),
        ("2 High Street, TH1 1AA", "1001", 1),
    ]


def test_a_gazetteer_without_the_parts_that_may_lack_is_enough(tmp_path: Path):
    recipe = """\
gazetteer:
  table: bronze.plain.entry
  columns: {uprn: id, paon: number, street: road, postcode: code}
addresses:
  - {table: bronze.letters.letter, address: address, postcode: postcode}
"""
    town = Town(tmp_path / "t", recipe)
    town.source("plain", "connector: files\npath: plain\ntables:\n  entry:\n    files: '*.csv'\n")
    town.write("plain/e.csv", "id,number,road,code\n00001,1,Low Road,TH1 1AA\n2,2,Low Road,TH1 1AA\n")
    town.letters("a", ("1 Low Rd", "TH1 1AA"))
    town.good()
    assert town.matched("1 Low Rd")[0] == "1"


def test_an_empty_gazetteer_and_no_addresses_are_no_error(tmp_path: Path):
    town = Town(tmp_path / "t")
    town.entries([])
    town.letters("a", ("1 High Street", "TH1 1AA"))
    town.good()
    assert town.matched("1 High Street")[:2] == (None, "none")
