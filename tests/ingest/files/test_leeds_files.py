"""A city's payments as published: lines with data = rows + rejected, and the amounts agree to the penny."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

FOLDER = Path(os.environ.get("LEEDS_SPENDING") or Path(__file__).resolve().parents[4] / "shared/data/leeds-spending")
FILES = sorted(FOLDER.glob("*.csv"))
KNOWN = {
    "amount": ["Net Amount", "NetAmount"],
    "payment_date": ["Date paid"],
    "beneficiary_name": ["Supplier name"],
    "purpose": ["Detailed expenditure type", "Detailed expenses type"],
    "transaction_number": [],
}


def test_the_months_are_there() -> None:
    if not FILES:
        pytest.skip(f"no published months: set LEEDS_SPENDING to a folder of them (looked in {FOLDER})")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("patient", [False, True], ids=["fast first", "patient"])
def test_lines_with_data_are_rows_or_rejected(path: Path, patient: bool, read: Callable[..., Any]) -> None:
    lines = list(csv.reader(path.read_bytes().decode("latin-1").splitlines()))
    data = [line for line in lines[1:] if any(cell.strip() for cell in line)]
    got = read(path, patient=patient, columns=KNOWN)
    assert not got.account.missing
    assert len(got.rows) + len(got.rejected) == len(data)
    assert len(got.rejected) <= 1 and all("total" in reason for _, reason in got.reasons)
    place = got.account.columns.index("amount")
    there = [head.strip().lower().replace(" ", "") for head in lines[0]].index("netamount")
    published = sum(_money(line[there]) for line in data if sum(bool(cell.strip()) for cell in line) > 1)
    assert sum(_money(row[place]) for row in got.rows) == published


def _money(cell: str | None) -> Decimal:
    return Decimal((cell or "0").strip().replace(",", "").replace("£", "") or "0")
