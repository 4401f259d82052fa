"""Planning (``planning/changes.sqlite``): the vendor's log of changes, which ``planning_api`` serves.

``change`` (seq, changed_at, change, reference, body): the time in UTC, the change's kind, and the application's
fields after it as JSON.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from vestry.demo.script import run_script
from vestry.demo.systems.export import to_sqlite

DDL = """
CREATE TABLE change (seq INTEGER PRIMARY KEY, changed_at TEXT NOT NULL, change TEXT NOT NULL, reference TEXT NOT NULL,
    body TEXT NOT NULL);
CREATE INDEX change_at ON change (changed_at, seq);
"""


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write ``planning/changes.sqlite``; return its rows."""
    run_script(con, "planning.sql", "systems")
    query = "SELECT seq, changed_at, change, reference, body FROM pl_log ORDER BY seq"
    rows = to_sqlite(con, folder / "planning" / "changes.sqlite", DDL, {"change": query})
    con.execute("DROP TABLE pl_log; DROP TABLE pl_change; DROP TABLE pl_application")
    return {"planning.change": rows["change"]}
