"""The example of Leeds City Council's payments, on the files as published and on months made up in their layouts."""

from __future__ import annotations

import csv
import json
import os
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from vestry.run.query import ask
from vestry.run.workspace import Workspace

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "leeds-spending"
PUBLISHED = Path(os.environ.get("LEEDS_SPENDING", ROOT.parent / "shared" / "data" / "leeds-spending"))


def spending(tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The example, run on a folder of files."""
    monkeypatch.setenv("LEEDS_SPENDING", str(files))
    shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns("lake", ".vestry"))
    workspace = Workspace.open(tmp_path / "project")
    outcomes = workspace.run([], lambda event: None)
    assert {o.status for o in outcomes} == {"done"}
    return workspace


def published_rows(file: Path) -> list[list[str]]:
    """The lines with data below the header, read with nothing but Python's own reader."""
    text = file.read_bytes().decode("cp1252")
    rows = list(csv.reader(text.splitlines()))
    return [row for row in rows[1:] if any(cell.strip() for cell in row)]


def published_total(file: Path) -> Decimal:
    """The sum of the amounts of the payments: of lines with a supplier's transaction, so of no total."""
    header = [
        h.strip().lower().replace(" ", "")
        for h in next(csv.reader([file.read_bytes().decode("cp1252").splitlines()[0]]))
    ]
    place, reference = header.index("netamount"), header.index("transactionnumber")
    amounts = [row[place] for row in published_rows(file) if row[reference].strip()]
    return sum((Decimal(a.strip().replace(",", "")) for a in amounts), Decimal(0))


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"the published files are not in {PUBLISHED}")
def test_published_months_are_one_table_and_no_line_or_penny_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sorted(PUBLISHED.glob("*.csv"))
    workspace = spending(tmp_path, PUBLISHED, monkeypatch)
    record = workspace.lake.history(workspace.project.sources["payments"].bronze("month"))[0].record
    parts = {p["origin"]: p for p in record["parts"]}
    assert set(parts) == {f.name for f in files}
    for file in files:
        part = parts[file.name]
        assert part["rows_in"] == part["loaded"] + part["rejected"] == len(published_rows(file)), file.name
    totals = {
        r["published_in"]: r["total"]
        for r in ask(
            workspace, "select published_in, sum(amount) as total from finance.spending.payment group by all"
        ).to_pylist()
    }
    for file in files:
        assert totals[file.name] == published_total(file), file.name
    unexplained = ask(workspace, "from bronze.payments.month__rejected where coalesce(reason, '') = ''")
    assert unexplained.num_rows == 0
    dates = ask(workspace, "select count(*) as missing from finance.spending.payment where payment_date is null")
    assert dates.to_pylist() == [{"missing": 0}]


MONTHS = {
    "2014-01.csv": (
        "Body,BodyName,ServiceLabel,ServiceDivisionLabel,ExpenditureCategory,DetailedExpenditureType,"
        "DetailedExpenditureCode,DatePaid,TransactionNumber, NetAmount ,CapitalOrRevenue,SupplierName,,,\n"
        'http://x/00DA,Testham,Parks,Trees,Supplies,Saplings,1,03-Jan-14,1401-00001," 1,234.56 ",R,'
        "Example  Trees Ltd ,,,\n"
        "http://x/00DA,Testham,Parks,Trees,Supplies,Saplings,1,31-Jan-2014,1401-00002,-34.56,C,Caf\xe9 Sample,,,\n"
        ",,,,,,,,,,,,,,\n,,,,,,,,,1200.00,,,,,\n"
    ).encode("cp1252"),
    "2014-02.csv": (
        "Supplier name,Body name,Body,Service label,Service divison label,Expenditure category,Detailed expenses type,"
        "Detailed expense code,Date paid,Transaction number,Net amount,Capital or revenue\r\n"
        "Sample Roads,Testham,http://x/00DA,Highways,Roads,Works,Tarmac,9,28/02/2014,1402-00001,(10.00),R\r\n"
        "Sample Roads,Testham,http://x/00DA,Highways,Roads,Works,Tarmac,9,31/02/2014,1402-00002,£20,R\r\n"
    ).encode(),
}


def test_month_never_seen_in_a_known_layout_needs_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for name, content in MONTHS.items():
        (files / name).write_bytes(content)
    workspace = spending(tmp_path, files, monkeypatch)
    rows = ask(
        workspace,
        "select transaction_number, payment_date, amount, beneficiary_name, capital_or_revenue "
        "from finance.spending.payment order by 1",
    ).to_pylist()
    assert [tuple(map(str, row.values())) for row in rows] == [
        ("1401-00001", "2014-01-03", "1234.56", "Example Trees Ltd", "revenue"),
        ("1401-00002", "2014-01-31", "-34.56", "Café Sample", "capital"),
        ("1402-00001", "2014-02-28", "-10.00", "Sample Roads", "revenue"),
        ("1402-00002", "None", "20.00", "Sample Roads", "revenue"),
    ]
    rejected = ask(workspace, "select _source, line, reason from bronze.payments.month__rejected").to_pylist()
    assert rejected == [{"_source": "2014-01.csv", "line": 5, "reason": "a total, not a row"}]


def test_example_has_no_faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from vestry.products.check import check

    monkeypatch.setenv("LEEDS_SPENDING", str(tmp_path))
    assert [json.dumps(str(f)) for f in check(EXAMPLE)] == []
