"""The master data map: what sketches tell of columns, without joins and without values."""

from __future__ import annotations

import hashlib
import json
import math
import random
import stat
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from council import Council
from vestry.catalogue.live import Live
from vestry.catalogue.overlap import DataMap, LiveMap
from vestry.catalogue.overlap.estimate import estimate, interval
from vestry.catalogue.overlap.sketch import K, Sketch, Sketches, sketches_of
from vestry.project import TableName

pytestmark = pytest.mark.slow

KEY = b"k" * 32


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": "2"}) as con:
        yield con


def sketch(db: duckdb.DuckDBPyConnection, first: int, many: int, key: bytes = KEY) -> Sketch:
    """Of the values `id first` to `id first+many-1`, each three times, in no order."""
    relation = f"(SELECT 'REF' || hash({first} + range % {many}) AS v FROM range({3 * many}))"
    (made,) = sketches_of(db, relation, TableName("a", "b", f"t{first}_{many}"), ["v"], key)
    return made


def test_a_small_table_and_a_large_one_are_sketched_alike(db: duckdb.DuckDBPyConnection) -> None:
    relation = "(SELECT CASE WHEN range % 9 > 0 THEN 'REF' || range % 2000 END AS v FROM range(5000))"
    one, two = (sketches_of(db, relation, TableName("a", "b", "c"), ["v"], KEY, small)[0] for small in (True, False))
    assert one.values == two.values and one.hashes.tolist() == two.hashes.tolist()


@pytest.mark.parametrize("many", [12, 500, K - 1, K, K + 1, 20_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_a_sketch_tells_how_many_values_there_are(db: duckdb.DuckDBPyConnection, many: int) -> None:
    made = sketch(db, 0, many)
    assert made.values == 3 * many and len(made.hashes) == min(K, many)
    assert abs(made.distinct - many) <= (4 * many / math.sqrt(K) if many >= K else 0)
    assert made.uniqueness == pytest.approx(1 / 3, rel=0.15)


@pytest.mark.parametrize(
    ("a", "b", "both"),
    [
        (300, 300, 0), (300, 300, 150), (300, 900, 300), (5_000, 5_000, 5_000), (5_000, 8_000, 2_500),
        (40_000, 60_000, 4_000), (40_000, 60_000, 39_600), pytest.param(80_000, 40_000, 20_000, marks=pytest.mark.slow), (900, 20_000, 450),
    ],
)  # fmt: skip
def test_estimates_agree_with_an_exact_join(db: duckdb.DuckDBPyConnection, a: int, b: int, both: int) -> None:
    exact = db.execute(
        f"SELECT count(*) FROM (SELECT hash(range) h FROM range({a})) SEMI JOIN "
        f"(SELECT hash({a - both} + range) h FROM range({b})) USING (h)"
    ).fetchone()
    assert exact == (both,)
    said = estimate(sketch(db, 0, a), sketch(db, a - both, b))
    for part, true, seen in ((said.a_in_b, both / a, said.seen[0]), (said.b_in_a, both / b, said.seen[1])):
        bound = 0.0 if max(a, b) < K else 4 * math.sqrt(true * (1 - true) / seen) + 2 / seen
        assert abs(part - true) <= bound, (part, true, seen)
    assert said.turned.turned == said and said.turned.a_in_b == said.b_in_a


@pytest.mark.slow
def test_the_bounds_hold_nineteen_times_in_twenty(db: duckdb.DuckDBPyConnection) -> None:
    drawn = random.Random(5)
    held = 0
    tries = 40
    for number in range(tries):
        a, b = drawn.randrange(1_500, 3_000), drawn.randrange(1_500, 3_000)
        both = drawn.randrange(0, min(a, b))
        first = 10_000_000 * (number + 1)
        low, high = estimate(sketch(db, first, a), sketch(db, first + a - both, b)).a_between
        held += low <= both / a <= high
    assert held >= tries - 7  # of 40 with 19 in 20, fewer hold less than once in 1,000 times
    assert interval(1.0, 14)[0] < 0.8 and interval(0.0, 0) == (0.0, 1.0)


def test_how_a_value_is_written_does_not_part_it(db: duckdb.DuckDBPyConnection) -> None:
    other = "printf('%012d', 100 + range)"
    written = {
        "upper('ab' || range || 'x')": "'aB ' || range || '-X.'",
        "100000000 + range": "'000' || 100000000 + range",
    }
    for one, two in {**written, other: other}.items():
        pair = [
            sketches_of(db, f"(SELECT {sql} AS v FROM range(40))", TableName("a", "b", name), ["v"], KEY)[0]
            for sql, name in ((one, "x"), (two, "y"))
        ]
        assert estimate(*pair).jaccard == 1.0, one


def test_flags_codes_dates_and_amounts_have_no_sketch(db: duckdb.DuckDBPyConnection) -> None:
    columns = {
        "flag": "CASE WHEN range % 2 = 0 THEN 'Y' ELSE 'N' END",
        "ward": "'E0500' || range % 40",
        "born": "strftime(DATE '1950-01-01' + range::INTEGER, '%d/%m/%Y')",
        "at": "strftime(TIMESTAMP '1950-01-01 10:00:00' + INTERVAL 7 HOUR * range, '%Y-%m-%d %H:%M:%S')",
        "told": "strftime(DATE '1950-01-01' + range::INTEGER, '%d %b %Y')",
        "cost": "printf('£%.2f', range * 1.37)",
        "nothing": "NULL::VARCHAR",
        "blank": "''",
        "nhs": "printf('999 %03d %04d', range % 1000, range)",
        "counted": "range",
        "street": "range % 90 || ' High Street, Flat ' || range",
        "phone": "printf('01632 960 %03d', range % 1000)",
    }
    relation = f"(SELECT {', '.join(f'{sql} AS {name}' for name, sql in columns.items())} FROM range(3000))"
    made = sketches_of(db, relation, TableName("a", "b", "c"), list(columns), KEY)
    assert {s.column: s.kind for s in made} == {
        "nhs": "text", "counted": "number", "street": "text", "phone": "text",
    }  # fmt: skip


def nhs(number: int) -> str:
    return f"999 {number // 10_000:03d} {number % 10_000:04d}"


def rows(first: int, many: int, own: str) -> str:
    """A file of people: a number of the system's own, an NHS number, a surname, a UPRN, and a note."""
    lines = [
        f"{own}{n},{nhs(first + n)},Name{(first + n) % 60},{100_000_000 + (first + n) // 2},{n % 2},note {own} {n}"
        for n in range(many)
    ]
    return "ref,nhs_number,surname,uprn,flag,note\n" + "\n".join(lines) + "\n"


SYSTEMS = {"big": rows(0, 3000, "B"), "part": rows(2900, 400, "P"), "copy": rows(500, 120, "C"), "apart": rows(8000, 200, "A")}  # fmt: skip
GLOSSARY = """\
terms:
  nhs_number: {name: NHS number, definition: x, columns: nhs_number}
  uprn: {name: UPRN, definition: x, columns: uprn}
  name: {name: Name, definition: x, columns: surname}
"""


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Council:
    """Four systems: one large, one that overlaps it by a quarter, one that is wholly in it, and one apart."""
    council = Council(tmp_path_factory.mktemp("overlap") / "testham")
    for name, text in SYSTEMS.items():
        council.source(name, f'connector: files\npath: drop/{name}\ntables:\n  person:\n    files: "*.csv"\n')
        council.drop(f"{name}/a.csv", text)
    council.write("glossary.yaml", GLOSSARY)
    council.good()
    return council


@pytest.fixture(scope="module")
def made(systems: Council) -> DataMap:
    live = Live(systems.root)
    made = LiveMap(live).update()
    live.workspace.close()
    return made


@pytest.fixture(scope="module")
def said(systems: Council, made: DataMap) -> tuple[str, str, str]:
    """What the command says: for a program, of all systems, and of one."""
    return systems.cli("map", "--json").stdout, systems.cli("map").stdout, systems.cli("map", "copy").stdout


def test_systems_that_share_values_are_tied_and_others_are_not(made: DataMap) -> None:
    assert made.systems == ("apart", "big", "copy", "part")
    assert {(t.a, t.b) for t in made.ties if t.strong} == {("big", "copy"), ("big", "part")}
    (tie,) = (t for t in made.ties if (t.a, t.b) == ("big", "part"))
    columns = {column.term: column for column in tie.columns}
    assert columns["nhs_number"].shares.b_in_a == pytest.approx(100 / 400, abs=0.05)
    assert columns["nhs_number"].shares.a_in_b == pytest.approx(100 / 3000, abs=0.02)
    assert columns["uprn"].is_strong and {c.term for c in tie.strong} == {"nhs_number", "uprn"}
    assert tie.homes == 50 and made.homes.known == {"big": 1500, "part": 200, "copy": 60, "apart": 100}
    assert all("flag" not in column.a and "note" not in column.a for t in made.ties for column in t.columns)


def test_a_small_column_in_a_large_one_is_looked_for_whole(made: DataMap) -> None:
    (tie,) = (t for t in made.ties if (t.a, t.b) == ("big", "copy"))
    column = next(column for column in tie.columns if column.term == "nhs_number")
    assert column.shares.b_in_a == 1.0 and column.shares.b_between == (1.0, 1.0)
    assert column.shares.a_in_b == pytest.approx(120 / 3000, rel=0.15)


def test_a_system_that_is_wholly_elsewhere_may_be_retired_and_what_is_its_own_is_told(made: DataMap) -> None:
    (one,) = made.retirable
    assert (one.system, one.held_by, one.part) == ("copy", ("big",), 1.0)
    assert set(one.columns) == {"bronze.copy.person.nhs_number", "bronze.copy.person.uprn"}
    assert {c.rpartition(".")[2] for c in one.own} == {"ref", "flag", "note"}
    assert one.people is None and one.homes == 1.0


def test_no_file_and_no_output_holds_a_value_or_a_hash_that_can_be_tried(
    systems: Council, made: DataMap, said: tuple[str, str, str]
) -> None:
    state = systems.root / ".vestry"
    files = list((state / "sketches").iterdir())
    assert len(files) == 4 and all(file.suffix == ".parquet" for file in files)
    held = b"".join(file.read_bytes() for file in files) + "".join(said).encode()
    with duckdb.connect() as con:
        stored = {h for (h,) in con.execute(f"SELECT unnest(hashes) FROM '{state}/sketches/*.parquet'").fetchall()}
        for number in range(500, 620):
            text, plain = nhs(number), nhs(number).replace(" ", "")
            assert text.encode() not in held and plain.encode() not in held
            tried = con.execute("SELECT hash(?), hash(?), md5_number_lower(?)", [plain, text, plain]).fetchone()
            assert tried and not stored & set(tried)
    assert b"Name7" not in held and b"note C" not in held
    key = state / "sketch.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and key.read_bytes() not in held
    assert key.read_bytes().hex().encode() not in held and hashlib.md5(key.read_bytes()).digest() not in held


def test_another_key_makes_other_hashes(db: duckdb.DuckDBPyConnection) -> None:
    said = estimate(sketch(db, 0, 500), sketch(db, 0, 500, b"o" * 32))
    assert said.jaccard == 0.0


def test_the_command_shows_ties_and_what_may_be_retired(systems: Council, said: tuple[str, str, str]) -> None:
    told, whole, one = said
    assert [one["system"] for one in json.loads(told)["retirable"]] == ["copy"]
    assert "nhs_number" in whole and "bronze.copy.person.nhs_number" in one
    assert "copy may be retired: what it holds is in big too" in one and "nobody" not in one
    wrong = systems.cli("map", "cop")
    assert wrong.returncode == 2 and "did you mean `copy`?" in wrong.stderr


def test_a_sketch_is_made_once_for_a_version_and_again_where_its_file_is_spoilt(
    systems: Council, made: DataMap
) -> None:
    live = Live(systems.root)
    tables, state = live.catalogue().tables.values(), systems.root / ".vestry"
    kept = Sketches(state).of(tables, lambda: pytest.fail("a sketch was made that was there"))
    assert len(kept) == 18
    file = next((state / "sketches").glob("bronze.copy.person-*"))
    file.write_bytes(file.read_bytes()[:100])
    again = Sketches(state).of(tables, lambda: live.workspace.engine)
    assert {name: s.hashes.tolist() for name, s in again.items()} == {n: s.hashes.tolist() for n, s in kept.items()}
    live.workspace.close()


def test_new_data_make_a_new_sketch_and_the_old_one_goes(tmp_path: Path) -> None:
    council = Council(tmp_path / "testham")
    council.files("people", "person")
    council.drop("a.csv", rows(0, 50, "X"))
    council.good()
    live = Live(council.root)
    maps = LiveMap(live)
    assert maps.current is None
    first = maps.update()
    assert maps.update() is first and maps.current is first
    council.drop("b.csv", rows(50, 30, "Y"))
    council.good()
    live.refresh()
    assert maps.update() is not first
    assert len(list((council.root / ".vestry/sketches").iterdir())) == 1
    made = Sketches(council.root / ".vestry").of(live.catalogue().tables.values(), lambda: pytest.fail("made again"))
    assert made["bronze.people.person.nhs_number"].distinct == 80
    live.workspace.close()


def test_a_system_whose_places_are_in_the_list_of_addresses_is_not_held_elsewhere_for_that(tmp_path: Path) -> None:
    council = Council(tmp_path / "testham")
    for name, lines in {
        "gazetteer": [f"{100_000_000 + n},{n} High Street" for n in range(300)],
        "planning": [f"{100_000_000 + n},A proposal to build {n}" for n in range(40)],
        "list": [f"{100_000_000 + n},{n} High Street" for n in range(40)],
    }.items():
        council.source(name, f'connector: files\npath: drop/{name}\ntables:\n  row:\n    files: "*.csv"\n')
        council.drop(f"{name}/a.csv", "uprn,what\n" + "\n".join(lines) + "\n")
    council.good()
    live = Live(council.root)
    made = LiveMap(live).update()
    live.workspace.close()
    assert [one.system for one in made.retirable] == ["list"]
    assert made.homes.elsewhere("planning") == 1.0


def test_a_project_without_data_has_an_empty_map(repairs: Council) -> None:
    live = Live(repairs.root)
    made = LiveMap(live).update()
    assert made.systems == ("repairs",) and made.ties == () and made.retirable == ()
    live.workspace.close()


def test_a_file_of_one_person_does_not_tell_in_which_systems_that_person_is(tmp_path: Path) -> None:
    made = {}
    for whom, first in (("known", 7), ("unknown", 9_000)):
        council = Council(tmp_path / whom)
        for name, text in {"big": rows(0, 300, "B"), "mine": rows(first, 1, "M")}.items():
            council.source(name, f'connector: files\npath: drop/{name}\ntables:\n  person:\n    files: "*.csv"\n')
            council.drop(f"{name}/a.csv", text)
        council.write("glossary.yaml", GLOSSARY)
        council.good()
        live = Live(council.root)
        made[whom] = LiveMap(live).update()
        live.workspace.close()
    assert made["known"] == made["unknown"] and made["known"].homes.known["mine"] == 1
