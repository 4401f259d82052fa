"""Run the SQL scripts of the demo, which lie beside this module and beside its systems."""

from __future__ import annotations

from importlib import resources

import duckdb


def run_script(con: duckdb.DuckDBPyConnection, name: str, folder: str = "sql") -> None:
    """Run every statement of ``folder/name``; its settings come from variables set before."""
    script = resources.files("vestry.demo").joinpath(folder, name).read_text(encoding="utf-8")
    con.execute(script)
