"""The functions that product SQL has for what councils' text really holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import vestry.lake


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """One engine for all: the functions hold no state."""
    with duckdb.connect() as con:
        con.execute(Path(vestry.lake.__file__).with_name("macros.sql").read_text(encoding="utf-8"))
        yield con


def value(con: duckdb.DuckDBPyConnection, call: str, text: str | None) -> str | None:
    row = con.execute(f"SELECT CAST({call} AS VARCHAR)", [text]).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("£1,234.50-", "-1234.50"),
        ("(12.00)", "-12.00"),
        (" 2,525.18 ", "2525.18"),
        ("-£3", "-3.00"),
        ("£-3.5", "-3.50"),
        ("12.5 CR", "-12.50"),
        ("528", "528.00"),
        ("GBP 10.10", "10.10"),
        ("1.2E+05", "120000.00"),
        ("12-3", None),
        ("1.2.3", None),
        ("n/a", None),
        ("", None),
        (None, None),
    ],
)
def test_money_as_people_write_it(con: duckdb.DuckDBPyConnection, text: str | None, amount: str | None) -> None:
    assert value(con, "money(?)", text) == amount


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("24/12/2010", "2010-12-24"),
        ("1/2/2020", "2020-02-01"),
        ("14-Jan-2011", "2011-01-14"),
        ("26-May-11", "2011-05-26"),
        ("3-Jul-13", "2013-07-03"),
        ("24/12/10", "2010-12-24"),
        ("01.02.20", "2020-02-01"),
        ("24 December 2010", "2010-12-24"),
        ("24th Sept 2010", "2010-09-24"),
        ("2010-12-24", "2010-12-24"),
        ("20101224", "2010-12-24"),
        ("24/12/2010 00:00:00", "2010-12-24"),
        ("2020-01-01T10:00:00Z", "2020-01-01"),
        ("40536", "2010-12-24"),
        ("31/02/2020", None),
        ("13/13/2020", None),
        ("12/2010", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_days_as_british_systems_write_them(con: duckdb.DuckDBPyConnection, text: str | None, day: str | None) -> None:
    assert value(con, "uk_date(?)", text) == day


@pytest.mark.parametrize(
    ("call", "text", "wanted"),
    [
        ("tidy(?)", "  Example \u00a0 Trees\tLtd ", "Example Trees Ltd"),
        ("tidy(?)", "   ", None),
        ("postcode(?)", "pe1 1aa", "PE1 1AA"),
        ("postcode(?)", "SW1A1AA", "SW1A 1AA"),
        ("postcode(?)", "nowhere", None),
        ("uprn(?)", "000123456789", "123456789"),
        ("uprn(?)", "123456789.0", "123456789"),
        ("uprn(?)", "0", None),
        ("uprn(?)", "12 High St", None),
    ],
)
def test_text_postcodes_and_uprns(con: duckdb.DuckDBPyConnection, call: str, text: str, wanted: str | None) -> None:
    assert value(con, call, text) == wanted


@pytest.mark.parametrize(
    ("call", "text", "found"),
    [
        ("nhs_number(?)", "943 476 5919", "9434765919"),
        ("nhs_number(?)", "9434765918", None),
        ("nhs_number(?)", "0000000000", None),
        ("nhs_number(?)", "94347659190", None),
        ("ni_number(?)", "ab 12 34 56 c", "AB123456C"),
        ("ni_number(?)", "AB123456", "AB123456"),
        ("ni_number(?)", "BG123456C", None),
        ("ni_number(?)", "AB000000C", None),
        ("upn(?)", "B801200005001", "B801200005001"),
        ("upn(?)", "Q207000016049", None),
        ("upn(?)", "B80120000500A", None),
        ("upn(?)", None, None),
    ],
)
def test_identifiers_by_their_check_digits(
    con: duckdb.DuckDBPyConnection, call: str, text: str | None, found: str | None
) -> None:
    assert value(con, call, text) == found
