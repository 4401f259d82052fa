"""Names of columns from headers as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestry.ingest.files.names import name_columns, snake_case
from vestry.project.names import is_name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Net Amount ", "net_amount"),
        ("£ paid", "paid"),
        ("NetAmount", "net_amount"),
        ("Date Comp.", "date_comp"),
        ("UPRNCode", "uprn_code"),
        ("Tenant's name", "tenants_name"),
        ("Prénom", "prenom"),
        ("2023 paid", "x2023_paid"),
        ("_row", "row"),
        ("%", ""),
    ],
)
def test_snake_case(header: str, name: str) -> None:
    assert snake_case(header) == name


def test_every_header_a_column_has_had_leads_to_its_name() -> None:
    known = {"amount": ["Net Amount"], "supplier": ["Supplier name", "Beneficiary"]}
    for heads in (["netamount", "SUPPLIER-NAME"], [" NET_AMOUNT ", "beneficiary"], ["Amount", "Supplier"]):
        assert name_columns(heads, [0, 1], known).names == ("amount", "supplier")


@given(st.lists(st.text(max_size=12), min_size=1, max_size=12))
def test_names_are_unique_and_safe_whatever_the_headers(headers: list[str]) -> None:
    names = name_columns(headers, range(len(headers)), {}).names
    assert len(set(names)) == len(headers)
    assert all(is_name(name) for name in names)
