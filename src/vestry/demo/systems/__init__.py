"""The systems of Westmarsh's council and its partners: one module for each, most with a SQL script beside it.

Each module has ``write(con, folder)``: it writes that system's files below ``folder``, adds whose each record is to
the truth, and returns the rows by ``system.table``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

from vestry.demo.systems import (
    adults,
    benefits,
    childrens,
    council_tax,
    finance,
    housing,
    participation,
    planning,
    police,
    repairs,
    schools,
)

SYSTEMS: tuple[Callable[[duckdb.DuckDBPyConnection, Path], dict[str, int]], ...] = (
    council_tax.write,
    housing.write,
    repairs.write,
    childrens.write,
    schools.write,
    participation.write,
    police.write,
    benefits.write,
    adults.write,
    planning.write,
    finance.write,
)
