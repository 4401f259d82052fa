"""Addresses found as they are typed, and the index that follows the gazetteer."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places_town import Entry, Town, entry, gazetteer

from vestry.mdm.places.search import AddressSearch, open_search
from vestry.project import VestryError
from vestry.run.workspace import Workspace

# What the matcher itself is warned of is not ours.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning")]

MORE = [
    entry(8001, "Flat 2", "12", "High Street", "TH1 1AA"),
    entry(8002, "Flat 12", "2", "High Street", "TH1 1AA"),
    entry(8003, "", "12", "Hill Street", "TH1 1ZZ"),
    entry(8004, "", "5", "O'Hara Way", "TH3 2AA"),
    entry(8005, "", "6", "Café Row", "TH3 2AB"),
    # One home in two ways of writing, and one that is gone beside one that is there.
    entry(8006, "", "Holly House, 3", "Pound Lane", "TH3 2AD", status=3),
    entry(8006, "", "3", "Pound Lane", "TH3 2AD"),
    entry(8007, "", "7", "Elm Grove", "TH3 2AE", status=8),
    entry(8008, "", "7", "Elm Grove", "TH3 2AF", status=6),
    entry(8009, "", "7", "Elm Grove", "TH3 2AG"),
    entry(8010, "", "1", "North Hill Road", "TH3 2AH", locality="Kingsholt"),
    entry(8011, "", "1", "Acorn Row", "TH3 2AJ", locality="North Hill"),
]


class Finder:
    """A town's search, opened as the command opens it."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.told: list[str] = []
        self.started = 0

    def open(self) -> AddressSearch:
        workspace = self.town.open()
        try:
            return open_search(workspace.project, workspace.lake, lambda: self._engine(workspace), self.told.append)
        finally:
            if "engine" in vars(workspace):
                workspace.engine.close()

    def _engine(self, workspace: Workspace):
        self.started += 1
        return workspace.engine

    def first(self, text: str) -> str | None:
        hits = self.open().find(text, 5)
        return hits[0].uprn if hits else None

    def folders(self) -> list[str]:
        return sorted(f.name for f in (self.town.root / ".vestry/search/places.gazetteer.address").glob("index-*"))


def built(root: Path, rows: list[Entry]) -> Finder:
    town = Town(root)
    town.entries(rows)
    town.letters("a", ("1 High Street", "TH1 1AA"))
    town.good("+places.gazetteer")
    return Finder(town)


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> AddressSearch:
    return built(tmp_path_factory.mktemp("town") / "t", [*gazetteer(), *MORE]).open()


@pytest.mark.parametrize(
    ("text", "uprn"),
    [
        ("flat 2 12 hgh st", "8001"),
        ("FLAT 2, 12 HIGH STREET", "8001"),
        ("2 12 high street", "8001"),
        ("2/12 high st", "8001"),
        ("flat 12 2 high st", "8002"),
        ("12 high st flat 2", "8001"),
        ("12 high street", "1011"),
        ("12 high", "1011"),
        ("12a high street", "1900"),
        ("12 a high street", "1900"),
        ("th1 1aa 12", "1011"),
        ("12 th1 1aa", "1011"),
        ("12 th11aa", "1011"),
        ("12 hill TH1 1ZZ", "8003"),
        ("17 mil lane", "1116"),
        ("17 mlil lane", "1116"),
        ("17 mill lna", "1116"),
        ("5 nightingale cl", "1404"),
        ("5 nightngale close", "1404"),
        ("5 xightingale", "1404"),
        ("nightingale close 5", "1404"),
        ("5 nightingaleclose", "1404"),
        ("5 night ingale close", "1404"),
        ("5nightingale close", "1404"),
        ("st marys ave 5", "1504"),
        ("5 saint mary's avenue", "1504"),
        ("5 oharaway", "8004"),
        ("5 o'hara", "8004"),
        ("6 cafe", "8005"),
        ("flat 37 heron", "5037"),
        ("apt 37 heron twr", "5037"),
        ("37 heron tower", "5037"),
        ("second floor flat 7 quay", "6002"),
        ("flat b 9 quay", "6101"),
        ("9b quay street", "6101"),
        ("rose cottage", "6301"),
        ("rose cotage", "6301"),
        ("holly house", "8006"),
        ("1 north hill", "8010"),
    ],
)
def test_the_home_that_is_meant_comes_first(search, text, uprn):
    hits = search.find(text)
    assert hits, text
    assert hits[0].uprn == uprn, [h.address for h in hits]


def test_a_number_is_never_another(search):
    for hit in search.find("13 high street", 50):
        assert hit.address.startswith("13 ")
    assert search.find("99 high street") == []
    assert all("Flat 211," in h.address for h in search.find("flat 211 heron tower", 50))
    assert search.find("flat 411 heron tower") == []


def test_a_house_comes_before_its_neighbour_with_a_letter_and_before_a_flat(search):
    found = [h.uprn for h in search.find("12 high street")]
    assert found.index("1011") < found.index("1900")
    assert found.index("1011") < found.index("8001")


def test_a_number_that_is_being_typed_begins_others_after_itself(search):
    found = [h.address for h in search.find("mill lane 1", 40)]
    assert found[0].startswith("1 Mill Lane")
    assert any(a.startswith("10 Mill Lane") for a in found)
    assert [h.address for h in search.find("mill lane 1 ", 40)] == ["1 Mill Lane, Testham"]


@pytest.mark.parametrize("text", ["th", "th2", "th2 ", "TH2 1", "th2 1a", "th21a"])
def test_a_part_of_a_postcode_is_enough(search, text):
    hits = search.find(text, 30)
    assert len(hits) == 30
    wanted = text.strip().upper().replace(" ", "")
    assert all(h.postcode.replace(" ", "").startswith(wanted) for h in hits), [h.postcode for h in hits]


def test_what_is_approved_comes_before_what_is_not_built_or_gone(search):
    assert [h.uprn for h in search.find("7 elm grove")] == ["8009", "8008", "8007"]
    assert [h.status for h in search.find("7 elm grove")] == [1, 6, 8]


def test_a_property_is_found_once_however_often_it_is_written(search):
    assert [h.uprn for h in search.find("3 pound lane")] == ["8006"]


def test_there_are_as_many_as_asked_for_at_most(search):
    assert len(search.find("high street", 3)) == 3
    assert search.find("high street", 0) == []
    assert search.find("") == search.find("  ") == search.find("?!") == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_no_text_breaks_the_search(search, text):
    assert len(search.find(text, 5)) <= 5


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.data())
def test_a_whole_address_is_found_with_one_typing_error_in_any_word(search, data):
    rows = [r for r in gazetteer() if r[7] == "1" and r[2] != "Marsh End"]
    uprn, saon, paon, road, _, town, postcode, _ = data.draw(st.sampled_from(rows))
    words = f"{saon} {paon} {road} {town} {postcode}".split()
    places = [n for n, w in enumerate(words) if w.isalpha() and len(w) > 3 and w not in ("Flat", "Floor")]
    if places:
        place = data.draw(st.sampled_from(places))
        words[place] = data.draw(errors(words[place]))
    assert uprn in [h.uprn for h in search.find(" ".join(words).lower(), 5)]


@st.composite
def errors(draw: Callable[..., int], word: str) -> str:
    at = draw(st.integers(0, len(word) - 2))
    letter = draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    return draw(
        st.sampled_from(
            [
                word[:at] + word[at + 1 :],
                word[:at] + letter + word[at:],
                word[:at] + letter + word[at + 1 :],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            ]
        )
    )


# The index and the gazetteer


def test_the_index_is_made_once_and_then_only_opened(tmp_path):
    finder = built(tmp_path / "t", gazetteer())
    assert finder.first("12 high street") == "1011"
    assert finder.started == 1
    assert "takes a while" in finder.told[0]
    assert finder.first("13 high street") == "1012"
    assert finder.started == 1
    assert len(finder.told) == 1


def test_a_change_of_few_properties_is_written_into_the_index_that_is_there(tmp_path):
    rows = gazetteer()
    finder = built(tmp_path / "t", rows)
    before = finder.open()
    folders = finder.folders()
    changed = [r for r in rows if r[0] not in ("1011", "1012")]
    finder.town.entries(
        [*changed, entry(1012, "", "13", "Renamed Street", "TH1 1AA"), entry(9999, "", "1", "New Road", "TH9 9AA")]
    )
    finder.town.good("+places.gazetteer")
    assert [h.uprn for h in finder.open().find("12 high street ")] == ["1900"]  # 12A
    assert finder.first("13 renamed") == "1012"
    assert finder.open().find("13 high street") == []
    assert finder.first("new road") == "9999"
    assert len(finder.open()) == len(rows)
    assert finder.folders() == folders
    # Who has it open already sees what was.
    assert [h.uprn for h in before.find("13 high street")] == ["1012"]


def test_a_change_of_much_makes_the_index_anew_and_the_old_one_stays_for_those_who_read_it(tmp_path):
    finder = built(tmp_path / "t", gazetteer())
    before = finder.open()
    finder.town.entries(MORE)
    finder.town.good("+places.gazetteer")
    assert finder.first("flat 2 12 high street") == "8001"
    assert len(finder.open()) == len(MORE)
    assert before.find("flat 37 heron")[0].uprn == "5037"
    for _ in range(2):
        finder.town.entries(gazetteer())
        finder.town.good("+places.gazetteer")
        finder.open()
        finder.town.entries(MORE)
        finder.town.good("+places.gazetteer")
        finder.open()
    assert len(finder.folders()) <= 2


def test_changed_and_made_anew_end_the_same(tmp_path):
    draw = random.Random(5)
    rows = gazetteer()
    finder = built(tmp_path / "a", rows)
    finder.open()
    for number in range(3):
        gone = set(draw.sample([r[0] for r in rows], 10))
        rows = [r for r in rows if r[0] not in gone]
        rows += [entry(20_000 + number * 100 + n, "", str(n), f"Fresh{number} Street", "TH5 1AA") for n in range(1, 10)]
        finder.town.entries(rows)
        finder.town.good("+places.gazetteer")
        finder.open()
    other = built(tmp_path / "b", rows)
    for text in ("1 fresh1 street", "high street", "flat 1", "fresh2 3", "th5", "12 hgh"):
        ours = sorted((h.uprn, h.score) for h in finder.open().find(text, 1000))
        assert ours == sorted((h.uprn, h.score) for h in other.open().find(text, 1000)), text


def test_the_cache_may_be_deleted_or_broken(tmp_path):
    import shutil

    finder = built(tmp_path / "t", gazetteer())
    assert finder.first("12 high street") == "1011"
    folder = tmp_path / "t" / ".vestry" / "search"
    shutil.rmtree(folder)
    assert finder.first("12 high street") == "1011"
    (folder / "places.gazetteer.address" / "state.json").write_text("{")
    assert finder.first("12 high street") == "1011"


def test_two_at_once_make_it_once(tmp_path):
    finder = built(tmp_path / "t", gazetteer())
    found: list[str | None] = []
    finders = [Finder(finder.town) for _ in range(2)]
    threads = [threading.Thread(target=lambda f=f: found.append(f.first("12 high street"))) for f in finders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["1011", "1011"]
    assert sum(f.started for f in finders) == 1
    assert len(finder.folders()) == 1


def test_a_project_without_a_gazetteer_is_told_how_to_name_one(council):
    workspace = council.open()
    with pytest.raises(VestryError, match="names no gazetteer"):
        open_search(workspace.project, workspace.lake, lambda: workspace.engine)


def test_a_gazetteer_that_is_not_made_yet_is_told(tmp_path):
    finder = Finder(Town(tmp_path / "t"))
    with pytest.raises(VestryError, match=r"no table places\.gazetteer\.address in the lake yet"):
        finder.open()


# The command


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    town = Town(tmp_path_factory.mktemp("town") / "t")
    town.entries([*gazetteer(), *MORE])
    town.letters("a", ("Marsh End, Bakers Row", "TH3 1AD"), ("1 High Street", "TH1 1AA"))
    town.good()
    return town


def test_the_command_prints_what_is_like_the_text(town):
    done = town.cli("address", "flat", "2", "12", "hgh", "st")
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[2]
    assert first.split() == ["Flat", "2,", "12", "High", "Street,", "Testham", "TH1", "1AA", "8001", "approved"]
    again = town.cli("address", "rose cotage", "--json", "--limit", "1")
    assert '"uprn": "6301"' in again.stdout
    assert again.stderr == ""


def test_the_command_says_when_nothing_is_like_it_and_what_it_wants(town):
    assert "No address is like that" in town.cli("address", "zzzzzz").stdout
    assert town.cli("address", "zzzzzz", "--json").stdout.strip() == "[]"
    wrong = town.cli("address")
    assert wrong.returncode == 2
    assert "give a TEXT" in wrong.stderr
    assert town.cli("address", "--uprn", "1", "high").returncode == 2
    assert town.cli("address", "--decide", "x").returncode == 2


def test_an_address_that_waits_is_listed_decided_and_gone_from_the_queue(town):
    assert "two homes are written alike" in town.cli("address", "--review").stdout
    line = "Marsh End, Bakers Row, TH3 1AD"
    assert f'"line": "{line}"' in town.cli("address", "--review", "--json").stdout
    unsaid = town.cli("address", "--decide", line, "--none")
    assert unsaid.returncode == 2
    assert "who made it and why" in unsaid.stderr
    done = town.cli("address", "--decide", line, "--uprn", "6302", "--why", "rang them", "--by", "Jo Bloggs")
    assert done.returncode == 0, done.stderr
    assert "No address waits" in town.cli("address", "--review").stdout
    town.good()
    assert town.matched("Marsh End, Bakers Row") == ("6302", "matched", "decided by a person")


def test_a_key_takes_a_few_milliseconds(search):
    text = "flat 37 hron tower river walk testham"
    started = time.perf_counter()
    for length in range(1, len(text) + 1):
        search.find(text[:length])
    # Of 600 addresses; `python -m bench.places search` measures it over a million.
    assert (time.perf_counter() - started) / len(text) < 0.05
