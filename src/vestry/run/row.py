"""One row of a table by its key, with the rows that belong to it: a claim, and its audit pack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vestry.lake.engine import quoted
from vestry.project import TableName, VestryError, quote
from vestry.project.errors import listed
from vestry.run.workspace import Workspace


def describe_row(workspace: Workspace, name: TableName, key: Sequence[str]) -> dict[str, Any]:
    """The row with that primary key (`row`), and of the tables of the same product whose key begins with it, the
    rows that belong to it in the order of their keys (`parts`: table, columns, rows).

    Raises VestryError where the table promises no key, the key has other parts, or no row has it.
    """
    table = workspace.project.tables.get(workspace.existing(name))
    columns = table.contract.primary_key if table else ()
    if not table or not columns:
        raise VestryError(f"{name} promises no key, so no row can be named", mend="ask with `vestry query`")
    if len(key) != len(columns):
        raise VestryError(f"the key of {name} is {listed(columns, 'and')}", mend="give a value for each, in that order")
    found = _rows(workspace, name, columns, key, ())
    if not found:
        raise VestryError(f"{name} has no row with that key", mend="keys are written as `vestry query` shows them")
    parts = []
    for other, promised in workspace.project.tables.items():
        whole = promised.contract.primary_key
        if (other.domain, other.product) == (name.domain, name.product) and other != name:
            if whole[: len(columns)] != columns or workspace.lake.open(other) is None:
                continue
            rows = _rows(workspace, other, columns, key, whole[len(columns) :])
            described = promised.contract.description
            if rows:
                parts.append({"table": str(other), "description": described, "rows": rows})
    return {"table": str(name), "row": found[0], "parts": parts}


def _rows(
    workspace: Workspace, name: TableName, columns: Sequence[str], key: Sequence[str], order: Sequence[str]
) -> list[dict[str, Any]]:
    workspace.engine.mount(name)
    condition = " AND ".join(f"{quote(c)}::VARCHAR = ?" for c in columns)
    by = f" ORDER BY {', '.join(map(quote, order))}" if order else ""
    with workspace.engine.cursor() as con:
        select = f"SELECT * FROM {quoted(name)} WHERE {condition}{by}"
        return list(con.execute(select, list(key)).to_arrow_table().to_pylist())
