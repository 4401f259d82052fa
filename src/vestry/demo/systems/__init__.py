"""The systems of Westmarsh's council and its partners: one module for each, most with a SQL script beside it.

Each module has ``write(con, folder)``: it writes that system's files below ``folder``, adds whose each record is to
the truth, and returns the rows by ``system.table``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

from vestry.demo.systems import council_tax, housing

SYSTEMS: tuple[Callable[[duckdb.DuckDBPyConnection, Path], dict[str, int]], ...] = (
    council_tax.write,
    housing.write,
)
