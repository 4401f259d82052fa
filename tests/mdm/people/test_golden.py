"""Where each value of a golden record came from."""

from __future__ import annotations

import json

import pytest

from vestry.mdm.people.golden import origins_of


@pytest.mark.parametrize(
    "written",
    [
        {"*": "housing.tenancies.person P1", "postcode": "revenues.council_tax.person 92"},
        # Before one record stood for most values each named its own.
        {
            "forename": "housing.tenancies.person P1",
            "surname": "housing.tenancies.person P1",
            "postcode": "revenues.council_tax.person 92",
        },
    ],
)
def test_origins_are_read_as_they_are_written_and_as_they_were(written: dict[str, str]) -> None:
    golden = {
        "forename": "Ada",
        "surname": "Example",
        "postcode": "ZZ1 1ZZ",
        "email": None,
        "origins": json.dumps(written),
    }
    assert origins_of(golden) == {
        "forename": "housing.tenancies.person P1",
        "surname": "housing.tenancies.person P1",
        "postcode": "revenues.council_tax.person 92",
    }


def test_a_record_without_origins_names_none() -> None:
    assert origins_of({"forename": "Ada", "origins": None}) == {"forename": ""}
