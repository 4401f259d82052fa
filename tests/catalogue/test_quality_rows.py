"""Rows that break a rule, profiles and what is missing: what they tell, and that no personal value is in them."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vestry.catalogue.live import Live
from vestry.catalogue.missing import wilson
from vestry.catalogue.profile import FOLDER, LiveProfiles, kept_profile, profile
from vestry.catalogue.quality.failing import failing, set_aside
from vestry.catalogue.quality.meaning import meaning
from vestry.catalogue.quality.results import Results
from vestry.catalogue.quality.scores import product_quality
from vestry.project import TableName, VestryError

pytestmark = pytest.mark.slow

NAME = TableName("adults", "contacts", "person")
CONTRACT = """
- name: person
  properties:
  - {name: no, logicalType: string, primaryKey: true, classification: internal}
  - name: name
    logicalType: string
    classification: personal
    quality: [{name: the name is long, type: sql, query: "SELECT count(*) FROM ${table} WHERE length(${column}) < 99",
               mustBe: 0, dimension: conformity, severity: warn}]
  - {name: faith, logicalType: string, classification: special}
  - {name: notes, logicalType: string}
  - name: ward
    logicalType: string
    classification: internal
    quality: [{name: the ward is open, type: sql, query: "SELECT count(*) FROM ${table} WHERE ward = 'shut'",
               mustBe: 0, dimension: consistency, severity: quarantine}]
  - {name: born, logicalType: date, classification: personal}
  - {name: visits, logicalType: integer, classification: internal}
  quality:
  - {name: one in a home, metric: duplicateValues, arguments: {properties: [faith, ward]}, mustBe: 0, severity: warn}
  - {name: homes agree, type: sql, query: "SELECT count(DISTINCT name) - count(*) FROM ${table}", mustBe: 0,
     severity: warn, dimension: consistency}
"""
RECIPE = "SELECT no, name, faith, notes, ward, uk_date(born) AS born, visits::BIGINT AS visits FROM bronze.repairs.job"


def people(council, rows):
    council.files()
    head = "no,name,faith,notes,ward,born,visits\n"
    council.drop("a.csv", head + "".join(",".join(f'"{v}"' if v else "" for v in row) + "\n" for row in rows))
    council.product("adults.contacts", CONTRACT, person_sql=RECIPE)
    council.good()
    return Live(council.root)


@pytest.fixture
def live(council):
    """60 people: in Weir the faith is missing, in Hythe it is not; a name is Xx and digits, the first is Åse O'Neil."""
    rows = [[f"P{n}", f"Xyzzy{n:03}", "" if n % 2 else "Quaker", f"note{n}", "Weir" if n % 2 else "Hythe",
             f"0{1 + n % 9}/02/19{40 + n}", str(n)] for n in range(60)]  # fmt: skip
    rows[0][1] = "Åse O'Neil"
    rows[7][4] = rows[8][4] = "shut"
    found = people(council, rows)
    yield found
    found.workspace.close()


def entry_of(live, name=NAME):
    return live.catalogue().tables[name]


def test_rows_that_fail_are_told_with_personal_values_masked_by_their_shape(live):
    found = failing(live.workspace.engine, entry_of(live), "the name is long")
    assert found.columns[:2] == ("no", "name") and found.masked == ("name",) and len(found.rows) == 20
    by_no = {row[0]: row for row in found.rows}
    assert {row[1] for no, row in by_no.items() if no != "P0"} == {"••• Aa999"}
    assert by_no.get("P0", ("", "••• Aa A'Aa"))[1] == "••• Aa A'Aa"


def test_special_data_and_what_nobody_classified_have_no_shape_in_a_row(live):
    found = failing(live.workspace.engine, entry_of(live), "one in a home")
    assert set(found.columns) >= {"no", "faith", "ward"} and {
        row[found.columns.index("faith")] for row in found.rows
    } == {"•••"}


def test_rows_that_were_set_aside_are_shown_from_quarantine_and_counted_by_reason(live):
    found = failing(live.workspace.engine, entry_of(live), "the ward is open")
    assert found.set_aside and sorted(row[0] for row in found.rows) == ["P7", "P8"]
    aside = set_aside(live.workspace.engine, entry_of(live))
    assert aside.rows == 2 and aside.reasons == (("the ward is open", 2),)
    bronze = entry_of(live, TableName("bronze", "repairs", "job"))
    assert set_aside(live.workspace.engine, bronze) is None


def test_a_rule_of_the_whole_table_shows_no_rows_and_says_why_and_one_that_is_not_there_is_refused(live):
    engine, entry = live.workspace.engine, entry_of(live)
    assert "as a whole" in failing(engine, entry, "homes agree").because
    with pytest.raises(VestryError, match="no rule") as refused:
        failing(engine, entry, "the name is lon")
    assert "the name is long" in refused.value.mend


def test_a_rule_about_a_column_that_the_table_has_not_got_yet_says_so(live):
    entry = entry_of(live)
    later = dataclasses.replace(entry, promised=entry.promised.model_validate(
        {"name": "person", "properties": [{"name": "shoe", "required": True}]}))  # fmt: skip
    assert "no shoe yet" in failing(live.workspace.engine, later, "shoe is missing").because


def test_a_profile_tells_values_of_open_columns_and_only_shapes_of_personal_ones(live):
    made = profile(live.workspace.engine, live.root / ".vestry" / FOLDER, entry_of(live))
    by = made.by_name
    # Somebody has the most visits, and nobody without a grant is told how many.
    assert made.rows == 58 and by["visits"].least is None and by["visits"].example == ""
    assert dict(by["ward"].values) == {"Hythe": 29, "Weir": 29} and by["ward"].filled == 58
    assert by["name"].shapes == (("Aaaaa999", 57),) and not by["name"].values  # the one with another shape is not told
    assert by["born"].least is None and by["born"].shapes[0][0] == "9999-99-99"
    assert by["faith"].personal and by["faith"].shapes == (("Aaaaaa", 29),) and by["faith"].distinct == 1


def test_what_is_missing_names_the_groups_whom_it_hides(live):
    made = profile(live.workspace.engine, live.root / ".vestry" / FOLDER, entry_of(live))
    faith = next(m for m in made.missing if m.column == "faith")
    assert faith.rows == 29 and faith.share == 50
    group = faith.hidden[0]
    assert (group.by, group.value, group.rows, group.share, group.of_whom) == ("ward", "Weir", 29, 100, True)
    assert 50 < group.low < group.share <= group.high + 1e-9
    catalogue = live.catalogue()
    product = catalogue.project.products["adults.contacts"]
    quality = product_quality(catalogue, Results(live.workspace.lake), None, product, datetime.now(UTC))
    assert meaning(catalogue, quality, None, [(NAME, faith)])[-1] == (
        "faith is missing in 50 % of rows, and in 100 % of the 29 where ward is Weir: figures by faith see those less."
    )


def test_groups_of_fewer_than_ten_are_not_told_and_ages_are_told_in_bands(council):
    rows = [[f"P{n}", "" if n < 30 else "x", "q", "n", "Tiny" if n < 9 else "Large", "01/01/1940" if n < 30 else "01/01/2000",
             "1"] for n in range(300)]  # fmt: skip
    live = people(council, rows)
    made = profile(live.workspace.engine, live.root / "p", entry_of(live))
    groups = {(g.by, g.value) for g in next(m for m in made.missing if m.column == "name").hidden}
    assert groups == {("age by born", "75 or over")}
    live.workspace.close()


def test_a_profile_is_kept_by_version_and_thrown_away_when_a_column_becomes_personal(live):
    profiles = LiveProfiles(live)
    assert profiles.of(entry_of(live)) is None
    profiles.update()
    made = profiles.of(entry_of(live))
    assert kept_profile(live.root / ".vestry" / FOLDER, entry_of(live)) == made and made.by_name["ward"].values
    contract = live.root / "domains/adults/contacts/contract.yaml"
    text = contract.read_text()
    contract.write_text(text.replace("name: ward\n    logicalType: string\n    classification: internal",
                                     "name: ward\n    logicalType: string\n    classification: special"))  # fmt: skip
    assert contract.read_text() != text
    live.refresh()
    assert profiles.of(entry_of(live)) is None
    profiles.update()
    assert profiles.of(entry_of(live)).by_name["ward"].values == ()
    kept = (live.root / ".vestry" / FOLDER / f"{NAME}.json").read_text()
    assert '"values": [["Weir"' not in kept and '"values": [["Hythe"' not in kept


def test_a_broken_cache_is_made_again_and_a_table_never_built_has_no_profile(repairs):
    live = Live(repairs.root)
    entry = entry_of(live, TableName("housing", "repairs", "repair"))
    assert (
        kept_profile(live.root / "p", entry) is None and profile(live.workspace.engine, live.root / "p", entry) is None
    )
    repairs.good()
    live.refresh()
    entry = entry_of(live, entry.name)
    assert profile(live.workspace.engine, live.root / "p", entry).rows == 2
    (live.root / "p" / f"{entry.name}.json").write_text('{"of": 3}')
    assert kept_profile(live.root / "p", entry) is None
    live.workspace.close()


def test_an_empty_table_has_a_profile_of_nothing(council):
    live = people(council, [["P1", "x", "", "", "w", "", ""]])
    council.product("adults.contacts", CONTRACT, person_sql=RECIPE + " WHERE false")
    council.good()
    live.refresh()
    made = profile(live.workspace.engine, live.root / "p", entry_of(live))
    assert made.rows == 0 and made.missing == () and {c.filled for c in made.columns} == {0}
    assert failing(live.workspace.engine, entry_of(live), "the name is long").rows == []
    live.workspace.close()


def test_wilson_is_the_interval_of_the_books():
    low, high = wilson(10, 100, 1.96)
    assert round(low, 4) == 0.0552 and round(high, 4) == 0.1744
    assert wilson(0, 20)[0] == 0 and wilson(20, 20)[1] == pytest.approx(1)


@pytest.mark.slow
def test_a_table_with_3000_columns_is_profiled_and_its_failing_rows_are_shown(council):
    council.files()
    council.drop("a.csv", "no\n" + "\n".join(f"P{n}" for n in range(20)) + "\n")
    columns = {"no": "logicalType: string, primaryKey: true, classification: internal"}
    columns |= {f"c{n}": f"logicalType: string, required: {'true' if n == 7 else 'false'}, classification: "
                f"{'personal' if n % 2 else 'internal'}" for n in range(3000)}  # fmt: skip
    select = ", ".join(f"CASE WHEN no = 'P3' THEN NULL ELSE no || 'v{n}' END AS c{n}" for n in range(3000) if n != 7)
    council.product("housing.wide", columns, wide_sql=f"SELECT no, no AS c7, {select} FROM bronze.repairs.job")
    council.good()
    live = Live(council.root)
    entry = entry_of(live, TableName("housing", "wide", "wide"))
    made = profile(live.workspace.engine, live.root / "p", entry)
    assert len(made.columns) == 3001 and 15 <= made.by_name["c2998"].distinct <= 19 and len(made.missing) == 2999
    assert made.by_name["c2999"].shapes == (("A99a9999", 10),)  # of P0 to P9 but P3 there are nine
    assert kept_profile(live.root / "p", entry) == made
    assert failing(live.workspace.engine, entry, "c7 is missing").because
    live.workspace.close()


def words(found):
    """Every text in an object, whatever holds it."""
    return json.dumps(
        found, default=lambda o: dataclasses.asdict(o) if dataclasses.is_dataclass(o) else str(o), ensure_ascii=False
    )


@pytest.mark.slow
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text("abcxyzÅßЖ字0189-'. ", min_size=1, max_size=12), min_size=12, max_size=30), st.randoms())
def test_no_personal_value_is_in_anything_that_is_returned(tmp_path_factory, texts, random):
    from council import Council

    marks = [f"Qz{n:02}{text.strip()}Kj" for n, text in enumerate(texts)]
    many = random.choice(marks)  # one value that many share, where it is not a group that may be told
    rows = [[f"P{n}", many if n % 3 else mark, mark + "f", mark + "n", random.choice(["Weir", "Hythe", "shut"]),
             f"{1 + n % 28:02}/07/1963", str(n)] for n, mark in enumerate(marks)]  # fmt: skip
    council = Council(tmp_path_factory.mktemp("town") / "testham")
    live = people(council, rows)
    engine, catalogue = live.workspace.engine, live.catalogue()
    every = []
    for entry in (entry_of(live), entry_of(live, TableName("bronze", "repairs", "job"))):
        every += [profile(engine, live.root / "p", entry), set_aside(engine, entry)]
    every += [failing(engine, entry_of(live), rule)
              for rule in ("the name is long", "the ward is open", "one in a home", "homes agree")]  # fmt: skip
    quality = product_quality(
        catalogue, Results(live.workspace.lake), None, catalogue.project.products["adults.contacts"], datetime.now(UTC)
    )
    missing = [(NAME, m) for m in every[0].missing]
    every += [quality, meaning(catalogue, quality, None, missing)]
    told = words(every) + council.cli("quality", "adults.contacts", "--json").stdout
    told += "".join(file.read_text() for file in (live.root / ".vestry" / FOLDER).glob("*.json"))
    live.workspace.close()
    assert "the name is long" in told and "Qz" not in told and "1963" not in told
    assert [mark for mark in marks if mark in told] == []
