"""A product that reads another domain's personal data has that domain's leave; and agreements say what there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from council import Council
from vestry.project.names import TableName
from vestry.project.project import load_project
from vestry.project.uses import refusal

from .conftest import Folder

Said = Callable[[Folder], list[str]]
PERSONAL = "  - name: uprn\n                logicalType: string\n"
OTHERS = {
    "domains/adults/domain.yaml": "name: Adults\nowner: Bea Marsh\n",
    "domains/adults/visits/contract.yaml": """
        apiVersion: v3.1.0
        kind: DataContract
        id: adults-visits
        version: 1.0.0
        status: active
        schema:
          - name: visit
            properties:
              - name: repair_id
                logicalType: string
        """,
    "domains/adults/visits/visit.sql": "SELECT repair_id FROM housing.repairs.repair",
}
CONTRACT = "domains/adults/visits/contract.yaml"
USE = """
customProperties:
  - property: uses
    value:
      - product: {product}
        purpose: to know which homes need a visit
        approvedBy: Ada Okafor
        until: {until}
"""


@pytest.fixture
def two(folder: Folder) -> Folder:
    """Two domains, of which the second reads personal data of the first."""
    folder.change(
        "domains/housing/repairs/contract.yaml",
        "- name: uprn\n        logicalType: string\n",
        "- name: uprn\n        logicalType: string\n        classification: personal\n",
    )
    for file, text in OTHERS.items():
        folder.write(file, text)
    return folder


def use(folder: Folder, until: str = "2099-01-01", product: str = "housing.repairs") -> None:
    file = folder.root / CONTRACT
    file.write_text(file.read_text().rstrip() + USE.format(until=until, product=product))


def test_without_leave_it_is_a_fault_that_says_whom_to_ask(two: Folder, said: Said) -> None:
    (fault,) = said(two)
    assert fault.startswith(f"{CONTRACT}:1: the product reads personal data of housing.repairs")
    assert "once Ada Okafor has agreed" in fault


def test_with_leave_it_is_none(two: Folder, said: Said) -> None:
    use(two)
    assert said(two) == []


def test_leave_that_is_over_is_a_fault(two: Folder, said: Said) -> None:
    use(two, "2026-01-31")
    (fault,) = said(two)
    assert "until 2026-01-31, which is over" in fault


@pytest.mark.parametrize(
    ("product", "expected"),
    [("housing.repair", "did you mean `housing.repairs`?"), ("housing.costs", "no recipe of it does")],
)
def test_leave_for_what_is_not_read_is_a_fault(two: Folder, said: Said, product: str, expected: str) -> None:
    use(two, product=product)
    assert any(expected in fault for fault in said(two))


def test_a_domain_reads_its_own_data_without(two: Folder) -> None:
    project = load_project(two.root)
    repairs = TableName("housing", "repairs", "repair")
    assert refusal(project, TableName("housing", "costs", "month"), [repairs], date.today()) is None
    assert refusal(project, TableName("adults", "visits", "visit"), [repairs], date.today())


def test_a_run_does_not_build_what_nobody_has_agreed_to(council: Council) -> None:
    council.files()
    council.drop("jobs.csv", "id\n1\n")
    personal = {"id": "logicalType: string, classification: personal"}
    council.product("housing.repairs", personal, repair_sql="SELECT id FROM bronze.repairs.job")
    council.product("adults.visits", personal, agreed=False, visit_sql="SELECT id FROM housing.repairs.repair")
    outcomes = council.run()
    assert outcomes["housing.repairs.repair"].status == "done"
    refused = outcomes["adults.visits.visit"]
    assert (refused.status, refused.detail) == (
        "failed",
        "adults.visits reads personal data of housing.repairs, and nobody has agreed to it",
    )
    contract = council.root / CONTRACT
    contract.write_text(contract.read_text().rstrip() + USE.format(until="2099-01-01", product="housing.repairs"))
    assert council.good()["adults.visits.visit"].status == "done"


AGREEMENT = """
    name: Homes and health
    parties: [Testshire, The trust]
    purpose: Visits
    lawful_basis: public task
    tables:
      housing.repairs.repair: [repair_id, uprn]
    starts: 2026-01-01
    ends: 2027-01-01
    review: 2026-06-01
"""


def test_an_agreement_is_read(folder: Folder, said: Said) -> None:
    folder.write("agreements/health.yaml", AGREEMENT)
    assert said(folder) == []
    agreement = load_project(folder.root).agreements["health"]
    assert agreement.is_in_force(date(2027, 1, 1)) and not agreement.is_in_force(date(2027, 1, 2))
    assert agreement.covers(TableName("housing", "repairs", "repair"), "uprn")
    assert not agreement.covers(TableName("housing", "repairs", "repair"), "cost")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "repair_id, uprn",
            "repair_id, uprm",
            "agreements/health.yaml:6: the table housing.repairs.repair has no column `uprm`",
        ),
        (
            "housing.repairs.repair",
            "housing.repairs.repairs",
            "agreements/health.yaml:6: there is no table housing.repairs.repairs",
        ),
        ("2027-01-01", "2025-01-01", "`ends` is before `starts`"),
        ("review: 2026-06-01", "review: 2028-06-01", "`review` is not between"),
        ("public task", "public tusk", "a lawful basis that there is"),
        ("[Testshire, The trust]", "[Testshire]", "`parties` has fewer than 2"),
        ("purpose: Visits", "purpos: Visits", "unknown key `purpos`"),
    ],
)
def test_the_faults_of_an_agreement(folder: Folder, said: Said, old: str, new: str, expected: str) -> None:
    folder.write("agreements/health.yaml", AGREEMENT.replace(old, new))
    assert any(expected in fault for fault in said(folder))


def test_special_category_in_an_agreement_needs_a_condition(two: Folder, said: Said) -> None:
    use(two)
    two.change("domains/housing/repairs/contract.yaml", "classification: personal", "classification: special")
    two.write("agreements/health.yaml", AGREEMENT)
    (fault,) = said(two)
    assert "the column `uprn` of housing.repairs.repair is special, and no condition is said" in fault
    two.write("agreements/health.yaml", AGREEMENT + "    condition: Article 9(2)(h), Schedule 1 paragraph 2\n")
    assert said(two) == []
