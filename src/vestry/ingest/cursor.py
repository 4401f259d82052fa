"""A cursor is the greatest value that bronze holds: it is in the commit because the rows are.

What is asked for overlaps with what is there by that one value, so that a change made in
the same second is not missed; what is there already is then left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vestry.ingest.connector import Context
from vestry.project import literal, quote

if TYPE_CHECKING:
    import duckdb


def greatest(context: Context, con: duckdb.DuckDBPyConnection, column: str) -> str | None:
    """The greatest value of the column in bronze, as text; None before the first load.

    Text that is all numbers is compared as numbers.
    """
    kind = context.engine.lake.columns(context.bronze).get(column)
    if kind is None:
        return None
    relation, c = context.engine.relation(context.bronze), quote(column)
    if kind == "VARCHAR":
        as_number = f"TRY_CAST({c} AS DECIMAL(38,9))"
        select = (
            f"SELECT CASE WHEN count({as_number}) = count({c}) THEN arg_max({c}, {as_number}) ELSE max({c}) END "
            f"FROM {relation}"
        )
    else:
        select = f"SELECT CAST(max({c}) AS VARCHAR) FROM {relation}"
    row = con.execute(select).fetchone()
    return row[0] if row else None


def new_only(
    context: Context, select: str, names: Sequence[str], column: str, since: str | None, *, distinct: bool = False
) -> str:
    """`select` without the rows that bronze has already, from `since` on.

    With `distinct`, a row that comes twice (a page repeated) comes once.
    """
    once = ""
    if distinct:
        columns = ", ".join(quote(n) for n in names)
        once = f" QUALIFY row_number() OVER (PARTITION BY {columns} ORDER BY _row) = 1"
    if since is None:
        return f"SELECT * FROM ({select}){once}"
    have = context.engine.lake.columns(context.bronze)
    overlap = at_or_after(context, column, f"had.{quote(column)}", since)
    same = " AND ".join(
        f"had.{quote(n)} IS NOT DISTINCT FROM TRY_CAST(new.{quote(n)} AS {have[n]})" for n in names if n in have
    )
    bronze = context.engine.relation(context.bronze)
    return (
        f"SELECT * FROM ({select}) AS new WHERE NOT EXISTS "
        f"(SELECT 1 FROM {bronze} AS had WHERE {overlap} AND {same}){once}"
    )


def at_or_after(context: Context, column: str, sql: str, since: str) -> str:
    """SQL that is true of the values of `sql`, which are the cursor column's, from `since` on."""
    if context.engine.lake.columns(context.bronze)[column] == "VARCHAR" and is_number(since):
        return f"TRY_CAST({sql} AS DECIMAL(38,9)) >= {since}"
    return f"{sql} >= {literal(since)}"


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
