"""What an analyst is told of a file she has never seen."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from vestry.ingest.files import FileOptions, inspect_file


def test_types_keys_and_fill_are_found(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    lines = ["Ref,Code,Paid on,Net £,Seen,Open?,Count,Note"]
    for n in range(200):
        day = "31/02/2020" if n == 50 else f"{n % 28 + 1:02}/{n % 12 + 1:02}/2023"
        money = ["£1,234.50-", "(12.00)", " 7.50 ", "3"][n % 4]
        seen = f"2023-01-{n % 28 + 1:02} 10:{n % 60:02}:00"
        note = "x" if n % 4 else ""
        lines.append(f'R{n},{n % 9:03},{day}," {money}",{seen},Y,{n},{note}')
    path = tmp_path / "p.csv"
    path.write_text("\n".join(lines))
    profile = inspect_file(path, FileOptions(), con, tmp_path / "w")
    assert {c.name: c.type for c in profile.columns} == {
        "ref": "string",
        "code": "string",
        "paid_on": "date",
        "net": "decimal",
        "seen": "timestamp",
        "open": "boolean",
        "count": "integer",
        "note": "string",
    }
    by_name = {c.name: c for c in profile.columns}
    assert by_name["paid_on"].format == "%d/%m/%Y" and by_name["seen"].format == "%Y-%m-%d %H:%M:%S"
    assert by_name["note"].filled == 0.75 and by_name["note"].values == 150
    assert profile.keys == ("ref", "count") and profile.rows == 200


@pytest.mark.parametrize(
    ("value", "format"),
    [
        ("24-Dec-2010", "%d-%b-%Y"),
        ("04-Jul-13", "%d-%b-%y"),
        ("24/12/10", "%d/%m/%y"),
        ("2010-12-24", "%Y-%m-%d"),
    ],
)
def test_format_of_dates(value: str, format: str, tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    path = tmp_path / "p.csv"
    path.write_text("id,day\n" + "".join(f"{n},{value}\n" for n in range(30)))
    day = inspect_file(path, FileOptions(), con, tmp_path / "w").columns[1]
    assert (day.type, day.format) == ("date", format)
