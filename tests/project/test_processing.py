"""What a contract says of the processing of personal data, and the faults of what it cannot say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vestry.project.processing import (
    BASES,
    PROPERTIES,
    Processing,
    lacking_conditions,
    processing_of,
    retention_of,
)
from vestry.project.project import read_project
from vestry.project.schemas import json_schema

from .conftest import FILES, Folder

CONTRACT = "domains/housing/repairs/contract.yaml"
Said = Callable[[Folder], list[str]]


def say(folder: Folder, text: str) -> None:
    """Add lines to the contract's end."""
    file = folder.root / CONTRACT
    file.write_text(file.read_text() + text)


def read(folder: Folder) -> Processing:
    return processing_of(read_project(folder.root)[0].products["housing.repairs"])


def test_what_a_contract_says_is_read(folder: Folder, said: Said) -> None:
    say(
        folder,
        """\
slaProperties:
  - {property: retention, value: 6, unit: y, description: after the tenancy ends}
customProperties:
  - {property: lawfulBasis, value: [public task, 6(1)(b)]}
  - {property: law, value: "Housing Act 1985, Part 4"}
  - {property: condition, value: "Article 9(2)(g), Schedule 1 paragraphs 6 and 18"}
  - {property: categoriesOfPeople, value: [tenants, their families]}
  - {property: reviewed, value: 2026-09-01}
  - {property: somethingOfTheirs, value: 1}
""",
    )
    assert said(folder) == []
    found = read(folder)
    assert found.lawful_basis == ["e", "b"] and found.law == ["Housing Act 1985, Part 4"]
    assert found.people == ["tenants", "their families"] and found.reviewed == date(2026, 9, 1)
    contract = read_project(folder.root)[0].products["housing.repairs"].contract
    assert retention_of(contract) == "6 years after the tenancy ends"


@pytest.mark.parametrize(
    ("written", "letter"),
    [(w, letter) for letter, name in BASES.items() for w in (name, name.upper(), letter, f"Article 6(1)({letter})")],
)
def test_a_basis_is_known_by_its_name_or_its_letter(written: str, letter: str) -> None:
    assert Processing(lawfulBasis=written).lawful_basis == [letter]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("lawfulBasis", "publc task", "did you mean `public task`?"),
        ("lawfulBasis", "6(1)(g)", "or the letter of Article 6(1)"),
        ("lawfulBasis", "[public task, hope]", "`hope` is none"),
        ("condition", "Article 9(2)(k)", "has no (k)"),
        ("condition", "Schedule 1 paragraph 5", "paragraph 5 of Schedule 1 is none"),
        ("condition", "Schedule 1 paragraph 41", "paragraph 41 of Schedule 1 is none"),
        ("condition", "because we need it", "a condition such as"),
        ("reviewed", "2026-02-30", "a day such as 2026-09-30"),
        ("reviewed", "last spring", "a day such as 2026-09-30"),
        ("dpia", "[1, 2]", "`dpia` must be text"),
    ],
)
def test_what_cannot_be_is_a_fault_of_its_line_and_counts_as_not_said(
    folder: Folder, said: Said, name: str, value: str, told: str
) -> None:
    lines = len((folder.root / CONTRACT).read_text().splitlines())
    say(folder, f"customProperties:\n  - property: law\n    value: x\n  - property: {name}\n    value: {value}\n")
    (fault,) = said(folder)
    assert fault.startswith(f"{CONTRACT}:{lines + 5}: `{name}`") and told in fault
    found = read(folder)
    assert found.law == ["x"] and found == Processing(law="x")


@pytest.mark.parametrize("level", ["value: 0, unit: y", "value: soon, unit: y", "value: 7", "value: 7, unit: moons"])
def test_a_retention_of_no_length_is_a_fault(folder: Folder, said: Said, level: str) -> None:
    say(folder, f"slaProperties:\n  - {{property: retention, {level}}}\n")
    (fault,) = said(folder)
    assert "the service level `retention` does not say how long" in fault


def test_what_is_kept_for_ever_may_say_so(folder: Folder, said: Said) -> None:
    say(folder, "slaProperties:\n  - {property: retention, value: permanent, description: the statutory register}\n")
    assert said(folder) == []
    contract = read_project(folder.root)[0].products["housing.repairs"].contract
    assert retention_of(contract) == "permanently: the statutory register"


@pytest.mark.parametrize(
    ("condition", "special", "criminal", "lacks"),
    [
        ("", True, True, ["no condition of Article 9(2)", "no condition under Article 10"]),
        ("Article 9(2)(g)", True, False, ["no paragraph of Part 2"]),
        ("Article 9(2)(g), Schedule 1 paragraph 2", True, False, ["no paragraph of Part 2"]),
        ("Article 9(2)(g), Schedule 1 paragraph 18", True, False, []),
        ("Article 9(2)(h)", True, False, ["no paragraph of Part 1"]),
        ("Article 9(2)(h), Schedule 1 paragraph 2", True, False, []),
        ("Article 9(2)(a)", True, False, []),
        ("Article 10", False, True, ["no paragraph of Schedule 1"]),
        ("Article 10, Schedule 1 paragraph 10", False, True, []),
        ("", False, False, []),
    ],
)
def test_what_the_conditions_lack_is_told(condition: str, special: bool, criminal: bool, lacks: list[str]) -> None:
    said = Processing(condition=condition) if condition else Processing()
    found = lacking_conditions(said, special, criminal)
    assert [text.startswith(start) for text, start in zip(found, lacks, strict=True)] == [True] * len(lacks)


@given(
    st.dictionaries(st.sampled_from(PROPERTIES), st.one_of(st.text(), st.integers(), st.lists(st.text()), st.none()))
)
def test_nothing_that_somebody_writes_stops_the_reading(values: dict[str, object]) -> None:
    from pathlib import Path

    from vestry.project.contract import Contract
    from vestry.project.product import Product
    from vestry.project.yamlfile import parse_yaml

    custom = [{"property": name, "value": value} for name, value in values.items()]
    contract = Contract.model_validate({"id": "x", "version": "1", "status": "active", "customProperties": custom})
    product = Product("a", "b", Path(), parse_yaml(yaml.safe_dump({"customProperties": custom}), "x"), contract, ())
    assert isinstance(processing_of(product), Processing)


def test_the_schema_for_editors_knows_the_values() -> None:
    validator = jsonschema.Draft202012Validator(json_schema("contract"))
    data = yaml.safe_load(FILES[CONTRACT])

    def wrong(name: str, value: object) -> bool:
        return not validator.is_valid({**data, "customProperties": [{"property": name, "value": value}]})

    assert not wrong("lawfulBasis", "public task") and not wrong("lawfulBasis", ["e", "consent"])
    assert wrong("lawfulBasis", "hope") and wrong("dpia", 7) and not wrong("theirOwn", 7)
