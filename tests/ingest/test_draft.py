"""An analyst's spreadsheet becomes a source and a draft product."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from openpyxl import Workbook

from vestry.ingest.draft import add_file
from vestry.products.check import check
from vestry.project import VestryError, load_project
from vestry.project.scaffold import init_project
from vestry.run.query import ask
from vestry.run.workspace import Workspace

pytestmark = pytest.mark.slow

LIST = """Allotments 2026

Plot No,Holder Surname,DOB,Start,Rent (£),Paid
1,Testperson,01/02/1950,03/04/2020,"1,025.50",Y
2,Exampleton,31/12/1960,05/06/2021,30.00,N
3,Sampleby,,07/08/2022,(2.50),Y
Total,,,,1053.00,
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    init_project(tmp_path / "council")
    return tmp_path / "council"


def test_spreadsheet_with_a_title_and_a_total_is_a_table_after_the_next_run(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "Allotment list.csv"
    file.write_text(LIST)
    draft = add_file(load_project(root), file, domain="leisure")
    assert draft.table == "leisure.allotment_list.allotment_list"
    assert check(root) == []
    workspace = Workspace.open(root)
    outcomes = workspace.run(["+leisure.allotment_list"], lambda event: None)
    assert {o.status for o in outcomes} == {"done"}
    rows = ask(workspace, f"select * from {draft.table} order by plot_no").to_pylist()
    assert [(r["plot_no"], str(r["start"]), str(r["rent"]), r["paid"]) for r in rows] == [
        (1, "2020-04-03", "1025.50", True),
        (2, "2021-06-05", "30.00", False),
        (3, "2022-08-07", "-2.50", True),
    ]
    rejected = ask(workspace, "select line, reason from bronze.allotment_list.allotment_list__rejected").to_pylist()
    assert rejected == [{"line": 7, "reason": "a total, not a row"}]


def test_draft_says_what_it_decided_and_never_a_value(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "Allotment list.csv"
    file.write_text(LIST)
    draft = add_file(load_project(root), file)
    said = "\n".join([*draft.decided, *draft.look_at])
    assert "header on line 3" in said
    assert "dob: a date (day, month, year), filled in 67% of rows" in said
    assert "the key is plot_no" in said
    assert "these look personal, by their names: holder_surname, dob" in said
    written = "\n".join(path.read_text() for path in draft.written)
    for value in ("Testperson", "Exampleton", "1950", "1,025"):
        assert value not in said
        assert value not in written


def test_draft_classifies_what_looks_personal(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "Allotment list.csv"
    file.write_text(LIST)
    draft = add_file(load_project(root), file)
    contract = yaml.safe_load(next(p for p in draft.written if p.name == "contract.yaml").read_text())
    classes = {c["name"]: c["classification"] for c in contract["schema"][0]["properties"]}
    assert classes["holder_surname"] == classes["dob"] == "personal"
    assert classes["rent"] == "internal"


def test_workbook_names_its_other_sheets(root: Path, tmp_path: Path) -> None:
    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "Plots"
    for row in [["Plot", "Size"], *[[n, n * 10] for n in range(1, 9)]]:
        first.append(row)
    second = book.create_sheet("Waiting")
    for row in [["Ref", "Since"], ["W1", "2024"], ["W2", "2025"]]:
        second.append(row)
    book.save(tmp_path / "plots.xlsx")
    draft = add_file(load_project(root), tmp_path / "plots.xlsx")
    assert any("Waiting" in line and "--sheet" in line for line in draft.look_at)
    other = add_file(load_project(root), tmp_path / "plots.xlsx", sheet="Waiting")
    assert other.table.endswith("plots_waiting.plots_waiting")


def test_file_inside_the_project_stays_where_it_is(root: Path) -> None:
    file = root / "incoming" / "bins.csv"
    file.write_text("bin,day\nB1,Mon\nB2,Tue\n")
    add_file(load_project(root), file)
    assert yaml.safe_load((root / "sources" / "bins.yaml").read_text())["path"] == "incoming"
    assert not (root / "drop").exists()


def test_same_file_twice_is_refused_and_changes_nothing(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "bins.csv"
    file.write_text("bin,day\nB1,Mon\nB2,Tue\n")
    add_file(load_project(root), file)
    before = (root / "sources" / "bins.yaml").read_text()
    with pytest.raises(VestryError, match="is there already"):
        add_file(load_project(root), file)
    assert (root / "sources" / "bins.yaml").read_text() == before


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_empty_file_is_refused_in_plain_words(root: Path, tmp_path: Path, content: str) -> None:
    file = tmp_path / "nothing.csv"
    file.write_text(content)
    with pytest.raises(VestryError, match=r"empty|nothing"):
        add_file(load_project(root), file)
    assert not (root / "sources" / "nothing.yaml").exists()


def test_command_tells_what_comes_next(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "bins.csv"
    file.write_text("bin,day\nB1,Mon\nB2,Tue\n")
    vestry = Path(sys.executable).with_name("vestry")
    told = subprocess.run([vestry, "add", file, "-C", root], check=True, capture_output=True, text=True).stdout
    assert "Next:  vestry run" in told
    subprocess.run([vestry, "run", "-C", root], check=True, capture_output=True)
    answer = subprocess.run(
        [vestry, "query", "from housing.bins.bins order by bin", "--json", "-C", root],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert json.loads(answer) == [{"bin": "B1", "day": "Mon"}, {"bin": "B2", "day": "Tue"}]


def built(root: Path, draft_table: str) -> list[dict[str, object]]:
    assert check(root) == []
    workspace = Workspace.open(root)
    outcomes = workspace.run(["+" + draft_table.rpartition(".")[0]], lambda event: None)
    assert {o.status for o in outcomes} == {"done"}
    return ask(workspace, f"select * from {draft_table} order by 1").to_pylist()


def test_xml_and_geojson_are_added_as_they_are(root: Path, tmp_path: Path) -> None:
    xml = tmp_path / "visits.xml"
    xml.write_text("<Export><Visit id='1'><Ref>A1</Ref></Visit><Visit id='2'><Ref>A2</Ref></Visit></Export>")
    draft = add_file(load_project(root), xml, domain="leisure")
    assert yaml.safe_load((root / "sources" / "visits.yaml").read_text())["tables"]["visits"]["rows"] == "Export/Visit"
    assert [r["ref"] for r in built(root, draft.table)] == ["A1", "A2"]
    trees = tmp_path / "trees.geojson"
    point = {"type": "Point", "coordinates": [-1.5, 53.8]}
    features = [{"type": "Feature", "properties": {"tree": f"T{n}"}, "geometry": point} for n in range(3)]
    trees.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    draft = add_file(load_project(root), trees, domain="leisure")
    assert [(r["tree"], r["geometry_crs"]) for r in built(root, draft.table)] == [
        (f"T{n}", "EPSG:4326") for n in range(3)
    ]


def test_an_archive_of_one_file_is_added_and_one_of_several_is_left_to_a_person(root: Path, tmp_path: Path) -> None:
    one, several = tmp_path / "list.zip", tmp_path / "all.zip"
    with zipfile.ZipFile(one, "w") as out:
        out.writestr("Allotment list.csv", LIST)
    with zipfile.ZipFile(several, "w") as out:
        out.writestr("a.csv", LIST)
        out.writestr("b.csv", LIST)
    draft = add_file(load_project(root), one, domain="leisure")
    assert len(built(root, draft.table)) == 3
    with pytest.raises(VestryError, match=r"holds 2 files: a\.csv, b\.csv"):
        add_file(load_project(root), several, domain="leisure")
