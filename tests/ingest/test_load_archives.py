"""Archives and workbooks: every member and sheet is counted for itself, and goes with its file."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile

import pytest

from council import Council
from vestry.ingest.files import archive

pytestmark = pytest.mark.slow

JOB = "bronze.repairs.job"
REJECTED = "bronze.repairs.job__rejected"


def packed(members: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as out:
        for name, content in members.items():
            out.writestr(name, content)
    return buffer.getvalue()


def workbook(sheets: dict[str, list[list[object]]], hidden: tuple[str, ...] = ()) -> bytes:
    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
        if name in hidden:
            sheet.hide()
    book.close()
    return buffer.getvalue()


@pytest.fixture
def zips(council: Council) -> Council:
    council.files(glob="*.zip")
    return council


def jobs(council: Council) -> list[tuple[str, ...]]:
    return council.rows(f"SELECT ref, _source FROM {JOB} ORDER BY ALL")


def failure(council: Council) -> str:
    outcome = council.run()[JOB]
    assert outcome.status == "failed"
    assert not list((council.root / ".vestry" / "work").glob("*"))
    return str(outcome.error)


def spec(council: Council, text: str) -> None:
    council.source("repairs", f"connector: files\npath: drop\ntables:\n  job: {{{text}}}\n")
    (council.root / "drop").mkdir(exist_ok=True)


def test_every_member_is_a_part_of_its_own(zips):
    zips.drop("a.zip", packed({"2024/jan.csv": "ref,cost\nA1,1\nA2,2,3,4\n", "2024/feb.csv": "ref,cost\nB1,1\n"}))
    zips.good()
    assert jobs(zips) == [("A1", "a.zip/2024/jan.csv"), ("B1", "a.zip/2024/feb.csv")]
    assert zips.rows(f"SELECT line, _source FROM {REJECTED}") == [(3, "a.zip/2024/jan.csv")]
    record = zips.record(JOB)
    assert (record["rows_in"], record["loaded"], record["rejected"]) == (3, 2, 1)
    assert [(p["origin"], p["rows_in"]) for p in record["parts"]] == [
        ("a.zip/2024/feb.csv", 1),
        ("a.zip/2024/jan.csv", 2),
    ]
    assert zips.plan() == {}


def test_a_corrected_archive_replaces_all_that_it_brought(zips):
    zips.drop("a.zip", packed({"x.csv": "ref\nA1\n", "y.csv": "ref\nA2\n"}))
    zips.drop("a.zip0.zip", packed({"x.csv": "ref\nC1\n"}))
    zips.drop("b.zip", packed({"x.csv": "ref\nB1\n"}))
    zips.good()
    zips.drop("a.zip", packed({"y.csv": "ref\nA3\n"}))
    zips.good()
    assert jobs(zips) == [("A3", "a.zip/y.csv"), ("B1", "b.zip/x.csv"), ("C1", "a.zip0.zip/x.csv")]


def test_an_archive_that_becomes_a_plain_file_gives_its_rows_up(council):
    council.files(glob="*")
    council.drop("a", packed({"x.csv": "ref\nA1\n"}))
    council.good()
    council.drop("a", "ref,n\nA2,1\n")
    council.good()
    assert jobs(council) == [("A2", "a")]


def test_only_members_that_are_meant_are_read(council):
    spec(council, 'files: "*.zip", members: "jobs*.csv"')
    content = {"in/jobs1.csv": "ref\nA1\n", "in/jobs2.csv": "ref\nA2\n", "in/readme.txt": "hello", "people.csv": "x\n"}
    council.drop("a.zip", packed(content))
    council.good()
    assert jobs(council) == [("A1", "a.zip/in/jobs1.csv"), ("A2", "a.zip/in/jobs2.csv")]
    council.drop("b.zip", packed({"other.csv": "ref\nB1\n"}))
    assert "it holds other.csv" in failure(council)


def test_what_a_mac_adds_to_an_archive_is_left(zips):
    zips.drop("a.zip", packed({"a.csv": "ref\nA1\n", "__MACOSX/._a.csv": b"\0\1", ".DS_Store": b"\0"}))
    zips.good()
    assert jobs(zips) == [("A1", "a.zip/a.csv")]


def test_a_gzipped_file_is_read_as_what_it_was(council):
    council.files(glob="*.gz")
    council.drop("a.csv.gz", gzip.compress(b"ref\nA1\n"))
    council.good()
    assert jobs(council) == [("A1", "a.csv.gz")]
    council.drop("b.csv.gz", gzip.compress(b"ref\nB1\n" * 1000)[:-20])
    assert "the gzip file is damaged or cut off" in failure(council)


@pytest.mark.parametrize("name", ["../../drop/evil.csv", "/etc/cron.d/evil.csv", "C:\\evil.csv", "a\\..\\..\\evil.csv"])
def test_a_path_that_climbs_out_of_an_archive_is_refused(zips, name):
    zips.drop("good.zip", packed({"a.csv": "ref\nA1\n"}))
    zips.good()
    zips.drop("evil.zip", packed({"b.csv": "ref\nB1\n", name: "ref\nX1\n"}))
    said = failure(zips)
    assert "climbs out" in said and "evil.zip" in said
    assert not list(zips.root.parent.rglob("*evil.csv"))
    assert jobs(zips) == [("A1", "good.zip/a.csv")]


def test_a_link_in_an_archive_is_refused(zips):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        link = zipfile.ZipInfo("a.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        out.writestr(link, "/etc/passwd")
    zips.drop("a.zip", buffer.getvalue())
    assert "a link to another file" in failure(zips)


@pytest.mark.slow
def test_a_zip_bomb_is_stopped_while_it_comes_out(zips):
    zips.drop("a.zip", packed({"a.csv": b"ref\n" + b"A1\n" * 100_000_000}))
    assert "a zip bomb: more than 65 MB came out of" in failure(zips)


def test_an_archive_that_lies_about_its_sizes_is_stopped_too(zips, monkeypatch):
    monkeypatch.setattr(archive, "HARMLESS", 1 << 20)
    content = packed({"a.csv": b"ref\n" + b"A1\n" * 5_000_000})
    size = (4 + 15_000_000).to_bytes(4, "little")
    assert content.count(size) == 2
    zips.drop("a.zip", content.replace(size, (100).to_bytes(4, "little")))
    said = failure(zips)
    assert "zip bomb" in said or "damaged" in said


def test_a_gzip_bomb_is_stopped(council, monkeypatch):
    monkeypatch.setattr(archive, "HARMLESS", 1 << 20)
    council.files(glob="*.gz")
    council.drop("a.csv.gz", gzip.compress(b"A1\n" * 5_000_000))
    assert "a zip bomb" in failure(council)


def test_all_members_together_have_a_limit_too(zips, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 10_000)
    zips.drop("a.zip", packed({f"{n}.csv": "ref\n" + "A1\n" * 1_000 for n in range(4)}, zipfile.ZIP_STORED))
    assert "zip bomb" in failure(zips)


def test_an_archive_of_too_many_files_is_refused(zips, monkeypatch):
    monkeypatch.setattr(archive, "MOST_MEMBERS", 3)
    zips.drop("a.zip", packed({f"{n}.csv": "ref\nA\n" for n in range(4)}))
    assert "holds 4 files" in failure(zips)


def test_an_archive_with_a_password_is_said_plainly(zips):
    content = bytearray(packed({"a.csv": "ref\nA1\n"}))
    content[6] |= 1  # the flag in the member's own header, and in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    zips.drop("a.zip", bytes(content))
    assert "encrypted with a password" in failure(zips)


def test_an_archive_in_an_archive_is_not_opened(zips):
    zips.drop("a.zip", packed({"b.zip": packed({"a.csv": "ref\nA1\n"})}))
    assert "an archive itself" in failure(zips)


@pytest.mark.parametrize("cut", [0.5, 0.9])
def test_an_archive_cut_in_the_middle_loads_nothing(zips, cut):
    content = packed({"a.csv": "ref\n" + "".join(f"A{n}\n" for n in range(1000))})
    zips.drop("a.zip", content[: int(len(content) * cut)])
    assert "damaged or cut off" in failure(zips)


def test_a_member_that_is_damaged_loads_nothing(zips):
    content = bytearray(packed({"a.csv": "ref\nA1\n"}, zipfile.ZIP_STORED))
    content[content.index(b"A1")] = ord("B")
    zips.drop("a.zip", bytes(content))
    assert "damaged or cut off" in failure(zips)


def test_every_sheet_of_a_workbook_is_a_part_of_its_own(council):
    spec(council, 'files: "*.xlsx", sheet: "*"')
    sheets = {
        "Jan": [["Ref", "Cost"], ["A1", 1], ["A2", 2]],
        "Feb": [["Cost", "Ref"], [3, "B1"]],
        "Empty": [],
        "Old": [["Ref", "Cost"], ["Z9", 9]],
    }
    council.drop("a.xlsx", workbook(sheets, hidden=("Old",)))
    council.good()
    assert council.rows(f"SELECT ref, cost, _source FROM {JOB} ORDER BY ref") == [
        ("A1", "1", "a.xlsx/Jan"),
        ("A2", "2", "a.xlsx/Jan"),
        ("B1", "3", "a.xlsx/Feb"),
    ]
    assert [p["rows_in"] for p in council.record(JOB)["parts"]] == [2, 1]
    del sheets["Feb"]
    council.drop("a.xlsx", workbook(sheets))
    council.good()
    assert [r[0] for r in jobs(council)] == ["A1", "A2", "Z9"]


def test_sheets_may_be_listed_and_a_hidden_one_named(council):
    spec(council, 'files: "*.xlsx", sheet: [2, "q*", old]')
    rows = [["Ref", "Cost"]]
    sheets = {n: [*rows, [n, 1]] for n in ("First", "Second", "Q1", "Q2", "Old")}
    council.drop("a.xlsx", workbook(sheets, hidden=("Old",)))
    council.good()
    assert [r[0] for r in jobs(council)] == ["Old", "Q1", "Q2", "Second"]
    council.drop("b.xlsx", workbook({"First": [*rows, ["x", 1]], "Secnd": [*rows, ["x", 1]], "Q1": rows}))
    assert "no sheet `old`" in failure(council)


def test_a_workbook_in_an_archive_may_have_many_sheets(council):
    spec(council, 'files: "*.zip", sheet: "*"')
    book = workbook({"Jan": [["Ref", "Cost"], ["A1", 1]], "Feb": [["Ref", "Cost"], ["B1", 1]]})
    council.drop("a.zip", packed({"a.xlsx": book, "b.csv": "ref,cost\nC1,1\n"}))
    council.good()
    assert jobs(council) == [("A1", "a.zip/a.xlsx/Jan"), ("B1", "a.zip/a.xlsx/Feb"), ("C1", "a.zip/b.csv")]


def test_a_table_read_another_way_forgets_the_pieces_of_before(council):
    spec(council, 'files: "*.xlsx", sheet: "*"')
    council.drop("a.xlsx", workbook({"Jan": [["Ref", "Cost"], ["A1", 1]], "Feb": [["Ref", "Cost"], ["B1", 1]]}))
    council.good()
    spec(council, 'files: "*.xlsx", sheet: Jan')
    council.good()
    assert jobs(council) == [("A1", "a.xlsx")]


def test_fixed_width_and_xml_are_asked_for_in_the_source(council):
    council.source(
        "repairs",
        """\
        connector: files
        path: drop
        tables:
          job: {files: "*.txt", format: fixed, lines: "^1", fields: {ref: 2-5, cost: [6, 4]}}
          visit: {files: "*.xml", rows: Export/Visit}
        """,
    )
    council.drop("a.txt", "0HEAD 2024\n1A1  0010\n1A2  0020\n1A3  20\n9TAIL 0002\n")
    council.drop("b.xml", "<Export><Visit n='1'><Ref>A1</Ref></Visit></Export>")
    council.good()
    assert council.rows(f"SELECT ref, cost FROM {JOB} ORDER BY ref") == [("A1", "0010"), ("A2", "0020")]
    assert council.rows(f"SELECT line, reason FROM {REJECTED}") == [(4, "7 characters, where a line has 9")]
    record = council.record(JOB)
    assert (record["rows_in"], record["parts"][0]["skipped"]["other"]) == (3, 2)
    assert council.rows("SELECT n, ref FROM bronze.repairs.visit") == [("1", "A1")]


@pytest.mark.parametrize("field", ["8-1", "0-3", "[0, 2]", "x"])
def test_a_field_that_is_no_place_is_told_by_check(council, field):
    spec(council, f'files: "*.txt", format: fixed, fields: {{ref: "{field}"}}')
    done = council.cli("check")
    assert done.returncode == 2
    assert "sources/repairs.yaml:4" in done.stdout + done.stderr
