"""The information asset register, the record of Article 30, and what they lack."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council import Council
from vestry.catalogue.live import Live
from vestry.catalogue.register import Asset, Register, register_of
from vestry.catalogue.register.sheet import ARTICLE_30, GAPS, REGISTER, csv_text, page
from vestry.project.processing import Processing

FACTS = """\
description: {purpose: "To mend homes", usage: "By housing <script>alert(1)</script>"}
slaProperties:
  - {property: retention, value: 6, unit: y, description: after the job}
customProperties:
  - {property: lawfulBasis, value: public task}
  - {property: law, value: "Housing Act 1985, Part 4"}
  - {property: condition, value: "Article 9(2)(g), Schedule 1 paragraph 18"}
  - {property: categoriesOfPeople, value: [tenants, "=HYPERLINK(1)"]}
  - {property: recipients, value: [contractors]}
  - {property: security, value: [access by role]}
  - {property: dpia, value: DPIA-1}
  - {property: reviewed, value: 2099-01-01}
"""


def told(council: Council, facts: str = "", classified: bool = True) -> Register:
    """The register of a council whose contract of repairs says these facts."""
    contract = council.root / "domains/housing/repairs/contract.yaml"
    text = contract.read_text()
    if classified:
        for column, kind in (("job", "internal"), ("uprn", "personal"), ("done", "special"), ("cost", "public")):
            text = text.replace(f"{{name: {column},", f"{{name: {column}, classification: {kind},")
    contract.write_text(text.replace("schema:\n", f"{facts}schema:\n"))
    return register_of(Live(council.root).catalogue())


def whats(register: Register, asset: str) -> list[str]:
    return [gap.what for gap in register.gaps_of(asset)]


@pytest.fixture
def owned(repairs: Council) -> Council:
    repairs.write(
        "vestry.toml", '[council]\nname = "Testham"\ncontact = "data@testham.example.org"\ndpo = "Di Ponti"\n'
    )
    source = repairs.root / "sources/repairs.yaml"
    source.write_text(source.read_text() + "owner: Repairs\ndescription: Jobs of contractors\n")
    return repairs


def test_what_is_told_whole_has_no_gap(owned: Council) -> None:
    owned.good()
    register = told(owned, FACTS)
    assert register.gaps == ()
    product, source = register.assets
    assert (product.name, product.kind, product.owner) == ("housing.repairs", "product", "Jo Bloggs")
    assert product.bases == ("public task (Article 6(1)(e))",) and product.retention == "6 years after the job"
    assert product.rows == 2 and product.size > 0 and product.updated
    assert product.is_special and not product.is_criminal and product.sensitivity == "special category"
    assert product.systems == ("repairs",) and product.data == ("Address", "Details of the case")
    assert (source.name, source.used_by, source.rows) == ("repairs", ("housing.repairs",), 2)
    assert source.is_special and source.location == "files: drop"
    assert register.activities == (product,) and register.controller.dpo == "Di Ponti"


def test_all_that_is_missing_is_work_of_somebody_at_a_line(repairs: Council) -> None:
    register = told(repairs)
    assert whats(register, "Testham") == [
        "nothing says how to reach the council", "nothing says who the data protection officer is",
    ]  # fmt: skip
    assert whats(register, "housing.repairs") == [
        "it has no purpose",
        "it has no lawful basis",
        "it has no condition of Article 9(2) for special category data",
        "it does not say whom the data are about",
        "it does not say who is given the data",
        "it does not say how the data are kept safe",
        "it does not say how long the data are kept",
        "it names no impact assessment",
        "nobody has looked through these facts yet",
    ]
    assert whats(register, "repairs") == ["it has no owner", "it is not described"]
    for gap in register.gaps:
        assert gap.why and gap.mend and gap.whose, gap
        assert 1 <= gap.line <= len((repairs.root / gap.file).read_text().splitlines()), gap


def test_a_gap_stands_where_the_fact_is_half_said(owned: Council) -> None:
    half = FACTS.replace('  - {property: law, value: "Housing Act 1985, Part 4"}\n', "")
    half = half.replace(", Schedule 1 paragraph 18", "").replace("2099-01-01", "2001-01-01")
    register = told(owned, half)
    lines = (owned.root / "domains/housing/repairs/contract.yaml").read_text().splitlines()
    assert [(gap.what.partition(" since")[0], lines[gap.line - 1].split()[2].rstrip(",")) for gap in register.gaps] == [
        ("it names no law for its task", "lawfulBasis"),
        ("it has no paragraph of Part 2 of Schedule 1, which Article 9(2)(g) needs", "condition"),
        ("nobody has looked through these facts", "reviewed"),
    ]


def test_what_nobody_classified_counts_as_personal_and_is_work(owned: Council) -> None:
    register = told(owned, FACTS, classified=False)
    (gap,) = register.gaps
    assert gap.what == "4 columns are not classified" and register.activities[0].sensitivity == "personal"


def test_data_that_are_not_personal_need_no_basis(owned: Council) -> None:
    contract = owned.root / "domains/housing/repairs/contract.yaml"
    text = contract.read_text().replace("{name:", "{classification: public, name:")
    contract.write_text(text.replace("schema:\n", "description: {purpose: Costs}\nschema:\n"))
    register = register_of(Live(owned.root).catalogue())
    assert register.gaps == () and register.activities == ()


def test_a_source_that_nothing_reads_is_held_for_nothing(owned: Council) -> None:
    owned.source("old", 'connector: database\nowner: O\ndescription: D\nurl: "mysql://joe:${PW}@db.example.org/x?a=b"\ntables:\n  t:\n')  # fmt: skip
    register = register_of(Live(owned.root).catalogue())
    assert whats(register, "old") == ["no product reads it"]
    assert (asset := register.asset("old")) and asset.location == "database: mysql://db.example.org/x"


def asset(**more: object) -> Asset:
    plain: dict[str, object] = dict.fromkeys(Asset.__dataclass_fields__)
    plain.update(systems=(), tables=(), data=(), used_by=(), processing=Processing(), name="x")
    return Asset(**{**plain, **more})  # type: ignore[arg-type]


@given(st.text(max_size=20))
def test_no_cell_of_the_csv_runs_and_all_come_back(text: str) -> None:
    (_, row) = csv.reader(io.StringIO(csv_text(REGISTER, [asset(purpose=text)]), newline=""))
    cell = row[list(REGISTER).index("Purpose")]
    assert not cell.lstrip().startswith(("=", "+", "-", "@")) and cell.removeprefix("'") == " ".join(text.split()).removeprefix("'")  # fmt: skip


def test_the_csv_is_of_rfc_4180(owned: Council) -> None:
    register = told(owned, FACTS)
    text = csv_text(ARTICLE_30, register.activities)
    assert text.count("\r\n") == 2 and text.endswith("\r\n") and "\n" not in text.replace("\r\n", "")
    head, row = csv.reader(io.StringIO(text, newline=""))
    assert dict(zip(head, row, strict=True))["Categories of people"] == "tenants; =HYPERLINK(1)"
    alone = csv_text(ARTICLE_30, [asset(processing=Processing(categoriesOfPeople="=HYPERLINK(1)"))])
    assert "'=HYPERLINK(1)" in alone


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_escapes_what_is_written_and_names_rows_and_columns(owned: Council) -> None:
    register = told(owned, FACTS.replace("To mend homes", "To <script>mend</script> & more"))
    html = page(register, "Information asset register", REGISTER, register.assets)
    tags = Tags()
    tags.feed(html)
    assert tags.open == [] and "script" not in tags.seen and tags.seen.count("tr") == 1 + len(register.assets)
    assert html.count('<th scope="row">') == 2 and html.count('<th scope="col">') == len(REGISTER)
    assert "To &lt;script&gt;mend" in html and "Di Ponti" in html and "@media print" in html
    assert "http" not in html


@pytest.mark.slow
def test_the_command_gives_each_view_in_each_form(owned: Council) -> None:
    told(owned, FACTS.replace("  - {property: dpia, value: DPIA-1}\n", ""))
    table = owned.cli("register")
    assert table.returncode == 0 and "1 gap: see vestry register --gaps" in table.stdout
    gaps = owned.cli("register", "--gaps")
    assert "housing.repairs: it names no impact assessment" in gaps.stdout and "whose  Di Ponti" in gaps.stdout
    entries = json.loads(owned.cli("register", "--article30", "--format", "json").stdout)
    assert (
        entries["controller"]["contact"] == "data@testham.example.org"
        and entries["entries"][0]["Kept for"] == "6 years after the job"
    )
    assert owned.cli("register", "--gaps", "--format", "csv").stdout.splitlines()[0] == ",".join(GAPS)
    assert owned.cli("register", "--format", "html").stdout.startswith("<!DOCTYPE html>")
    assert owned.cli("register", "--gaps", "--article30").returncode == 2


def test_westmarsh_has_the_gaps_that_its_contracts_really_have() -> None:
    import vestry.demo

    root = Path(vestry.demo.__file__).with_name("project")
    catalogue = Live(root).catalogue()
    object.__setattr__(catalogue.project, "clock", lambda: 1_790_000_000.0)  # 21 September 2026
    register = register_of(catalogue)
    assert register.day == date(2026, 9, 21)
    assert [(gap.asset, gap.what) for gap in register.gaps] == [
        ("adults.link_work", "it names no impact assessment"),
        ("childrens.supporting_families", "it does not say how long the data are kept"),
        ("education.participation", "nobody has looked through these facts since 2025-04-16"),
    ]
    assert len(register.activities) >= 12 and len(catalogue.glossary.terms) >= 40
    assert sum(1 for carriers in catalogue.carriers.values() if carriers) >= 40
