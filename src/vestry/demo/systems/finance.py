"""Payments over £500, ``finance/payments_YYYY-MM.csv``, as published under the Transparency Code.

The first half has the council's own headers, ``dd/mm/yyyy`` and amounts such as ``1,234.50`` and ``(99.00)``; from
then on the Local Government Association's headers, ISO dates and plain numbers. Two months have a title line first.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from vestry.demo.script import run_script
from vestry.demo.systems.export import months, to_csv

OLD = """
SELECT 'Westmarsh City Council' AS "Body Name", unit AS "Directorate", purpose AS "Expense Type",
    paid_on AS "Payment Date",
    transaction_no AS "Trans No", CASE WHEN redacted THEN 'REDACTED PERSONAL DATA' ELSE upper(supplier)
        || '  ' END AS "Supplier Name",
    CASE WHEN amount < 0 THEN '(' || format('{{:,.2f}}', -amount::DOUBLE)
        || ')' ELSE format('{{:,.2f}}', amount::DOUBLE) END AS "Amount (£)"
FROM fn_payment WHERE month_no = {month} ORDER BY paid_on, transaction_no
"""

NEW = """
SELECT 'Westmarsh City Council' AS "OrganisationLabel",
    'https://westmarsh.example.org/id/council' AS "OrganisationURI",
    unit AS "OrganisationalUnit", purpose AS "ServiceCategory",
        CASE WHEN redacted THEN 'Redacted personal data' ELSE supplier END AS "BeneficiaryName",
    CASE WHEN NOT redacted THEN company_no END AS "CompanyNumber",
        CASE WHEN purpose LIKE 'Grants%' THEN vcse ELSE 'N' END AS "VCSEGrant",
    paid_on AS "PaymentDate", transaction_no AS "TransactionNumber", amount AS "Amount",
    CASE WHEN pick('fn/vat', k, 12) = 0 THEN (amount * 0.2)::DECIMAL(12, 2) ELSE 0 END AS "IrrecoverableVATAmount",
    purpose AS "Purpose", CASE WHEN card THEN 'Y' ELSE 'N' END AS "CardTransaction"
FROM fn_payment WHERE month_no = {month} ORDER BY paid_on, transaction_no
"""


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write the months' files below ``finance/``; return their rows together."""
    all_months = months(con)
    con.execute("SET VARIABLE month_count = ?", [len(all_months)])
    run_script(con, "finance.sql", "systems")
    rows = 0
    for i, total, month in all_months:
        path = folder / "finance" / f"payments_{month}.csv"
        if i < total // 2:
            rows += to_csv(con, path, OLD.format(month=i), date_format="%d/%m/%Y", line_end="\r\n")
            if i in (3, 4):
                path.write_bytes(f"Payments to suppliers over £500, {month}\r\n\r\n".encode() + path.read_bytes())
        else:
            rows += to_csv(con, path, NEW.format(month=i))
    con.execute("DROP TABLE fn_payment; DROP TABLE fn_supplier")
    return {"finance.payments": rows}
