"""A cursor is the greatest value that bronze holds: it is in the commit because the rows are.

What is asked for overlaps with what is there by that one value, so that a change made in
the same second is not missed; what is there already is then left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from vestry.ingest.connector import Context
from vestry.project import literal, quote
from vestry.project.durations import is_time

if TYPE_CHECKING:
    import duckdb


def greatest(context: Context, con: duckdb.DuckDBPyConnection, column: str) -> str | None:
    """The greatest value of the column in bronze, as text; None before the first load.

    Text that is all numbers is compared as numbers, and text that is all times as times.
    """
    kind = context.engine.lake.columns(context.bronze).get(column)
    return None if kind is None else farthest(con, context.engine.relation(context.bronze), column, kind, "max")


def farthest(
    con: duckdb.DuckDBPyConnection, relation: str, column: str, kind: str, end: Literal["min", "max"]
) -> str | None:
    """The least or greatest value of a column of that type, as text; None where there is none."""
    c = quote(column)
    if kind == "VARCHAR":
        as_number, as_time = f"TRY_CAST({c} AS DECIMAL(38,9))", f"TRY_CAST({c} AS TIMESTAMPTZ)"
        select = (
            f"SELECT CASE WHEN count({as_number}) = count({c}) THEN arg_{end}({c}, {as_number}) "
            f"WHEN count({as_time}) = count({c}) THEN arg_{end}({c}, {as_time}) ELSE {end}({c}) END FROM {relation}"
        )
    else:
        select = f"SELECT CAST({end}({c}) AS VARCHAR) FROM {relation}"
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
        f"(SELECT 1 FROM {bronze} AS had WHERE ({overlap} OR had.{quote(column)} IS NULL) AND {same}){once}"
    )


def at_or_after(context: Context, column: str, sql: str, since: str) -> str:
    """SQL that is true of the values of `sql`, which are the cursor column's, from `since` on."""
    is_text, text = context.engine.lake.columns(context.bronze)[column] == "VARCHAR", literal(since)
    if is_text and is_number(since):
        return f"TRY_CAST({sql} AS DECIMAL(38,9)) >= {since}"
    if is_text and is_time(since):
        return f"coalesce(TRY_CAST({sql} AS TIMESTAMPTZ) >= CAST({text} AS TIMESTAMPTZ), {sql} >= {text})"
    return f"{sql} >= {literal(since)}"


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
