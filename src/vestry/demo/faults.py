"""The faults of Westmarsh's systems: one table of rates, and what a system holds on people because of them.

``faults.csv`` has a row for each fault with its rate and its reason; a row for a named system stands over the
row for ``*``. The rates were set from what councils report of their data, before anything was measured against them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import duckdb

from vestry.demo.script import run_script


@dataclass(frozen=True)
class Hold:
    """Records that a system keeps on people.

    ``query`` gives (record_id VARCHAR, pid BIGINT, entered DATE, refreshed DATE, pno BIGINT or NULL): whose record it
    is, when it was opened and last brought up to date, and the home it is tied to, if to one.
    """

    system: str
    table: str
    query: str


def load_faults(con: duckdb.DuckDBPyConnection) -> None:
    """Read the table of rates into ``fault`` (system, fault, rate, reason)."""
    with resources.as_file(resources.files("vestry.demo") / "faults.csv") as path:
        con.execute("CREATE TABLE fault AS SELECT * FROM read_csv(?, header = true)", [str(path)])


def set_rates(con: duckdb.DuckDBPyConnection, system: str) -> None:
    """Make ``rates``: one row, one column for each fault, as they hold for ``system``."""
    con.execute("SET VARIABLE system = ?", [system])
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE rates AS
        PIVOT (
            SELECT fault, arg_max(rate, system <> '*') AS rate
            FROM fault WHERE system IN ('*', getvariable('system')) GROUP BY fault
        ) ON fault USING first(rate)
        """
    )


def hold_people(con: duckdb.DuckDBPyConnection, hold: Hold) -> None:
    """Make ``held``: the records of ``hold`` with that system's faults; note in the truth whose they are."""
    set_rates(con, hold.system)
    con.execute(f"CREATE OR REPLACE TEMP TABLE hold AS {hold.query}")
    run_script(con, "hold.sql")
    con.execute(
        "INSERT INTO truth_record SELECT ?, ?, record_id, pid, faults FROM held",
        [hold.system, hold.table],
    )
