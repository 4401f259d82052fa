"""Add data: from an uploaded file to a draft, over HTTP; and what bad files are told."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
import requests
import yaml
from openpyxl import Workbook

from serve.conftest import in_process
from vestry.products.check import check

#: Each upload is looked at by a process of its own, which takes seconds.
pytestmark = pytest.mark.slow

REPAIRS = (
    "Job Ref,UPRN,Reported,Cost,Status,Net Amount,Net Amount\n"
    + "".join(
        f"J{i},1000000{i:02},{i % 28 + 1:02}/02/2024,£{i}.50,{'Open' if i % 2 else 'Closed'},{i},{i}.125\n"
        for i in range(1, 61)
    )
)  # fmt: skip
TENANTS = "Name,Born,NHS number,Notes\n" + "".join(
    f"Anna Bell,{i % 28 + 1:02}/0{i % 9 + 1}/19{30 + i},9990000018,quiet\n" for i in range(1, 60)
)


@pytest.fixture
def get(repairs):
    repairs.write("glossary.yaml", "terms:\n  uprn: {name: Property number, definition: The number of a home.}\n")
    with in_process(repairs) as get:
        get.council = repairs
        yield get


def upload(get, name: str, content: bytes | str, **more) -> requests.Response:
    return get("/add", method="POST", files={"file": (name, content)}, **more)


def post(get, path: str, expect: int = 200, **answers) -> requests.Response:
    answer = get(path, method="POST", data=answers)
    assert answer.status_code == expect, said(answer) or answer.text[-2000:]
    return answer


def said(answer: requests.Response) -> list[str]:
    """What the error summary says."""
    return re.findall(r'<li><a href="#\w+">([^<]*)</a></li>', answer.text)


def at(answer: requests.Response) -> str:
    """The path of the proposal that a page is of."""
    assert answer.status_code == 200, said(answer) or answer.text[-2000:]
    return re.match(r"https?://[^/]+(/add/[0-9a-f]{32})", answer.url)[1]


def described(get, base: str, **delivery: str) -> None:
    """Answer what is asked of every product."""
    post(get, f"{base}/place", title="Works orders", domain="housing")
    post(get, f"{base}/people", owner="Jo Bloggs", steward="Al Steward", purpose="To pay contractors.")
    post(get, f"{base}/delivery", **{"frequency": "month", "next": "adds", "keep": "yes", **delivery})


def written(get, base: str) -> str:
    """The name of the draft that the last page writes."""
    return post(get, f"{base}/check").url.rpartition("/")[2]


def test_a_file_becomes_a_draft_that_changes_nothing_and_then_a_product_with_its_rows(get):
    council = get.council
    base = at(answer := upload(get, "../../Works orders.csv", REPAIRS))
    assert answer.status_code == 200 and "Works orders.csv" in answer.text and "../" not in answer.text
    page = get(f"{base}/tables/0").text
    assert "UPRN: by its name" in page and "J1<" not in page and "A9" in page
    post(get, f"{base}/tables/0/name", description="One job.", name="works_order")
    post(
        get, f"{base}/tables/0/columns/1", name="home", type="uprn", classification="internal", term="uprn",
        description="Where: 'it' is \"done\"\n# <script>alert(1)</script>",
    )  # fmt: skip
    post(get, f"{base}/tables/0/columns/5", name="x", type="text", classification="internal", out="yes")
    described(get, base)
    page = get(f"{base}/check").text
    assert "status: Closed, Open" in page and "net_amount_2" not in page.partition("Key of")[0]
    name = written(get, base)
    assert name == "housing.works_orders"
    assert not list((council.root / ".vestry/proposals").iterdir())
    draft = council.root / "drafts" / name
    assert "<script>" not in get(f"/add/drafts/{name}").text
    assert (draft / "drop/works_orders/Works orders.csv").read_text() == REPAIRS
    assert (draft / "drop/works_orders/.gitignore").read_text() == "*\n"
    assert check(council.root) == [] and "housing.works_orders" not in council.open().project.products

    assert "It is in the project" in post(get, f"/add/drafts/{name}", what="take").text
    assert not draft.exists() and check(council.root) == []
    council.good()
    assert check(council.root) == []
    rows = council.rows("SELECT * FROM housing.works_orders.works_order ORDER BY cost LIMIT 1")
    assert [str(v) for v in rows[0]] == ["J1", "100000001", "2024-02-02", "1.50", "Open", "1.125"]
    assert council.one("SELECT count(*) FROM housing.works_orders.works_order") == 60
    contract = yaml.safe_load((council.root / "domains/housing/works_orders/contract.yaml").read_text())
    columns = {c["name"]: c for c in contract["schema"][0]["properties"]}
    assert columns["home"]["description"].endswith("# <script>alert(1)</script>")
    assert columns["job_ref"]["primaryKey"] and columns["home"]["businessName"] == "Property number"
    assert columns["status"]["quality"][1]["arguments"] == {"validValues": ["Closed", "Open"]}
    assert contract["slaProperties"] == [{"property": "frequency", "value": 1, "unit": "m"}]


def workbook(**sheets: list[list[object]]) -> bytes:
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_sheets_of_a_workbook_become_tables_of_one_product(get):
    council = get.council
    homes = [["Home", "Rooms"], *([f"H{i}", i % 4 + 1] for i in range(40))]
    keys = [["Key", "Home", "Issued"], *([f"K{i}", f"H{i}", "2024-05-01"] for i in range(30))]
    base = at(answer := upload(get, "Homes.xlsx", workbook(Homes=homes, Keys=keys, Empty=[])))
    assert "Which sheets do you need?" in answer.text and "Empty" not in answer.text
    assert said(post(get, f"{base}/sheets", 400)) == ["Choose at least one sheet"]
    page = post(get, f"{base}/sheets", sheets=["0", "1"])
    assert "Check the columns of Homes" in page.text and "Check the columns of Keys" in page.text
    described(get, base, next="replaces")
    name = written(get, base)
    post(get, f"/add/drafts/{name}", what="take")
    assert check(council.root) == []
    council.good()
    counts = "SELECT (SELECT count(*) FROM {0}.homes), (SELECT sum(rooms) FROM {0}.homes), (SELECT max(issued) FROM {0}.keys)"
    assert [str(v) for v in council.rows(counts.format(name))[0]] == ["40", "100", "2024-05-01"]
    # The next file takes the place of the one before.
    council.write("drop/works_orders/Homes 2.xlsx", workbook(Homes=homes[:11], Keys=keys))
    council.good()
    assert council.one(f"SELECT count(*) FROM {name}.homes") == 10


def test_what_may_speak_of_people_is_confirmed_by_a_person_and_its_values_stay_hidden(get):
    base = at(upload(get, "tenants.csv", TENANTS))
    page = get(f"{base}/tables/0").text
    assert "4 columns may speak of people" in page and "Anna" not in page and "quiet" not in page
    described(get, base)
    assert get(f"{base}/check").url.endswith(base)  # not before the columns are confirmed
    post(get, f"{base}/tables/0/columns/0", name="holder", type="text", classification="internal", description="Who")
    assert "1 column may" not in get(f"{base}/tables/0").text and "3 columns may" in get(f"{base}/tables/0").text
    post(get, f"{base}/tables/0")
    page = get(f"{base}/check").text
    assert "born, nhs_number, notes" in page
    for path in ("", "/tables/0", "/tables/0/columns/0", "/tables/0/columns/2", "/check"):
        text = get(base + path).text
        assert "Anna" not in text and "9990000018" not in text and "quiet" not in text
    name = written(get, base)
    contract = (get.council.root / f"drafts/{name}/domains/housing/works_orders/contract.yaml").read_text()
    assert "9990000018" not in contract and "validValues" not in contract


def test_nothing_of_a_file_is_kept_that_is_thrown_away_or_left_for_a_day(get):
    from vestry.catalogue.proposal import KEPT, Proposals

    folder = get.council.root / ".vestry/proposals"
    base = at(upload(get, "a.csv", REPAIRS))
    assert folder.joinpath(base.rpartition("/")[2]).stat().st_mode & 0o77 == 0
    post(get, f"{base}/remove")
    assert not list(folder.iterdir()) and get(base).status_code == 404
    base = at(upload(get, "a.csv", REPAIRS))
    proposals = Proposals(get.council.open().project)
    proposals.sweep()
    assert get(base).status_code == 200
    proposals.sweep((folder / base.rpartition("/")[2]).stat().st_mtime + KEPT + 1)
    assert get(base).status_code == 404
    for bad in ("0" * 32, "%2e%2e%2fx", "x"):
        assert get(f"/add/{bad}").status_code == 404


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return out.getvalue()


def corners() -> bytes:
    """A workbook of a few hundred bytes that names a cell at each end of a sheet."""
    cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(A=[["a"], [1]]))) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                text = re.sub(rb"<dimension[^>]*>", b"", re.sub(rb"<sheetData>.*</sheetData>", f"<sheetData>{cells}</sheetData>".encode(), text, flags=re.S))  # fmt: skip
            new.writestr(name, text)
    return out.getvalue()


def bomb() -> bytes:
    """A workbook whose sheet opens to a hundred megabytes of blanks."""
    out, old = io.BytesIO(), zipfile.ZipFile(io.BytesIO(workbook(A=[["a"], [1]])))
    with old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name) + (b" " * (100 << 20) if "sheet1" in name else b""))
    return out.getvalue()


ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 2000


def bad() -> dict[str, tuple[str, bytes | str, str]]:
    """Files that cannot be taken, each with what is said of it; some are large, so they are made when they are asked for."""
    return {
        "nothing": ("", b"", "Choose a file"),
        "0 bytes": ("a.csv", b"", "The file is empty"),
        "a program": ("figures.csv", b"\x7fELF\2\1\1" + bytes(range(32)) * 200, "The file is binary"),
        "no rows": ("a.csv", b"name,age,street\n", "no row below them"),
        "a password": ("a.xlsx", ENCRYPTED, "The workbook is encrypted with a password"),
        "a zip bomb": ("a.zip", zipped(a_dot_csv=b"a,b\n" + b"1,2\n" * (30 << 20)), "A zip bomb"),
        "a workbook bomb": ("a.xlsx", bomb(), "a zip bomb"),
        "a sheet with two far corners": ("a.xlsx", corners(), "asks for more memory than a file may"),
        "a path that climbs": ("a.zip", zipped(**{"..____..__x_dot_csv": b"a\n1\n"}), "climbs out of it"),
        "XML with entities": ("a.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a><r><x>&b;</x></r></a>', ""),
        "damaged": ("a.xlsx", b"PK\x03\x04" + b"junk" * 100, "damaged"),
    }


def test_a_file_that_cannot_be_read_is_refused_in_words_and_nothing_of_it_stays(get):
    found = {}
    for what, (name, content, expected) in bad().items():
        answer = upload(get, name, content) if name else get("/add", method="POST", files={"other": ("", b"")})
        words = said(answer)
        if (
            answer.status_code != 400
            or len(words) != 1
            or expected not in words[0]
            or str(get.council.root) in words[0]
        ):
            found[what] = (answer.status_code, words)
    assert found == {}
    assert not list((get.council.root / ".vestry/proposals").iterdir())


def test_a_file_that_is_too_large_is_refused_before_it_is_whole_in_memory_or_on_disk(get, monkeypatch):
    from vestry.serve.portal import add

    monkeypatch.setattr(add, "MOST_BYTES", 1 << 20)
    assert said(upload(get, "a.csv", b"a,b\n" * (1 << 20))) == ["The file must be smaller than 1 MB"]
    assert not list((get.council.root / ".vestry/proposals").iterdir())
    assert get("/add", method="POST", data="x").status_code == 400
    bad = {"Content-Type": "multipart/form-data; boundary=x"}
    assert get("/add", method="POST", data=b"--y\r\nnonsense", headers=bad).status_code == 400


def test_headers_of_all_kinds_are_names_of_columns_in_the_end(get):
    council = get.council
    heads = [
        "<script>alert(1)</script>",
        "=cmd|' /C calc'!A0",
        "",
        "Name",
        "Name",
        "yes",
        "select",
        '"; DROP',
        "é: {x}",
    ]
    rows = "\n".join(",".join(f"v{i}{j}" for j in range(len(heads))) for i in range(30))
    header = ",".join('"' + h.replace('"', '""') + '"' for h in heads)
    base = at(answer := upload(get, "odd.csv", f"{header}\n{rows}\n"))
    assert answer.status_code == 200
    page = get(f"{base}/tables/0").text
    assert "<script>alert" not in page and "&lt;script&gt;" in page and "name_2" in page and "column_3" in page
    post(get, f"{base}/tables/0")
    described(get, base)
    name = written(get, base)
    post(get, f"/add/drafts/{name}", what="take")
    council.good()
    assert check(council.root) == []
    assert council.one(f"SELECT count(*) FROM {name}.odd") == 30


def test_three_thousand_columns_can_be_looked_at_and_drafted(get):
    wide = ",".join(f"c{i}" for i in range(3000)) + "\n" + "\n".join(",".join(["1"] * 3000) for _ in range(10))
    base = at(upload(get, "wide.csv", wide, timeout=300))
    page = get(f"{base}/tables/0?page=60").text
    assert "3,000 columns" in page and "c2999" in page and "Page 60 of 60" in page
    described(get, base)
    name = get(f"{base}/check", method="POST", timeout=300).url.rpartition("/")[2]
    contract = get.council.root / f"drafts/{name}/domains/housing/works_orders/contract.yaml"
    assert contract.read_text().count("logicalType: integer") == 3000


def test_answers_that_cannot_be_are_told_beside_their_boxes(get):
    base = at(upload(get, "a.csv", REPAIRS))
    odd = post(get, f"{base}/place", 400, title="", domain="nowhere")
    assert said(odd) == ["Enter a name for the product", "Choose the domain that it belongs to"]
    assert said(post(get, f"{base}/place", 400, title="Repairs", domain="housing"))[0].startswith("There is a product")
    for new in ("bronze", "../x", "!"):
        answer = get(f"{base}/place", method="POST", data={"title": "A", "domain": "+", "new": new})
        assert answer.status_code == (200 if new == "../x" else 400)
    assert "Enter what the data is for" in said(post(get, f"{base}/people", 400, owner="A"))
    assert said(post(get, f"{base}/people", 400, owner="${SECRET}", purpose="b")) == ["Write it without ${"]
    assert len(said(post(get, f"{base}/delivery", 400))) == 3
    column = {"name": "uprn", "type": "text", "classification": "internal"}
    assert said(post(get, f"{base}/tables/0/columns/0", 400, **column)) == ["There is another column uprn: give this one another name"]  # fmt: skip
    for key, value in (("name", "Job Ref"), ("type", "own"), ("classification", "nobody"), ("term", "nope")):
        assert len(said(post(get, f"{base}/tables/0/columns/0", 400, **{**column, "name": "a", key: value}))) == 1
    assert get(f"{base}/tables/0/columns/99").status_code == 404 and get(f"{base}/tables/7").status_code == 404


def test_a_draft_that_would_break_the_project_stays_a_draft(get):
    council = get.council
    base = at(upload(get, "a.csv", REPAIRS))
    described(get, base, keep="no")
    name = written(get, base)
    assert not list((council.root / "drafts" / name / "drop").rglob("*.csv"))
    sql = council.root / "drafts" / name / "domains/housing/works_orders/a.sql"
    text = sql.read_text()
    sql.write_text(text.replace("SELECT", "SELEKT"))
    assert "nothing was moved" in said(post(get, f"/add/drafts/{name}", 400, what="take"))[0].lower()
    sql.write_text(text)
    council.write("sources/works_orders.yaml", "connector: files\npath: drop\ntables: {a: {files: '*.x'}}\n")
    assert "is there already" in said(post(get, f"/add/drafts/{name}", 400, what="take"))[0]
    assert not (council.root / "domains/housing/works_orders").exists()
    post(get, f"/add/drafts/{name}", what="remove")
    assert get(f"/add/drafts/{name}").status_code == 404
    for bad in ("..%2f..", "housing.repairs", "housing.%2e%2e%2frepairs", "a.b"):
        assert get(f"/add/drafts/{bad}").status_code == 404
