"""The lineage of one table, from the recipe that makes it.

SQL is read; other builders say their lineage as SQL (`lineage` of a builder). What a Python recipe makes is declared
in the contract, by the standard's `transformSourceObjects`. What is not known is known as far as the table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from vestry.catalogue.lineage.model import WHOLE, ColumnName, Lineage, Origin
from vestry.project import ProductTable, TableName, VestryError
from vestry.project.inputs import recipe_shown, recipe_text

#: The columns of a table; none where they are not known.
ColumnsOf = Callable[[TableName], Sequence[str]]


def read_lineage(table: ProductTable, inputs: Collection[TableName], columns_of: ColumnsOf) -> Lineage:
    """The lineage of a table whose recipe reads those inputs. Never raises: what cannot be read is said in `why`."""
    declared = _declared(table)
    if table.kind == "py":
        others = [c.name for c in table.contract.columns if c.name not in declared.columns]
        why = f"the contract does not say what `{others[0]}` is made of" if others else ""
        found = coarse(table, inputs, why)
    else:
        found = _read(table, inputs, columns_of)
    if found.exact or not declared.columns:
        return found
    columns = {**found.columns, **declared.columns}
    return Lineage(columns, found.rows, "" if len(declared.columns) == len(columns) else found.why)


def coarse(table: ProductTable, inputs: Iterable[TableName], why: str) -> Lineage:
    """Every column made of every input, as far as is known."""
    whole = frozenset(ColumnName(name, WHOLE) for name in inputs)
    return Lineage({c.name: Origin(whole) for c in table.contract.columns}, whole, why)


def _read(table: ProductTable, inputs: Collection[TableName], columns_of: ColumnsOf) -> Lineage:
    from vestry.catalogue.lineage.sql import query_lineage  # late: sqlglot takes 0.4 s, and most is read from a cache
    from vestry.project.sql import SqlFault, parse, references

    shown = recipe_shown(table)
    columns = [c.name for c in table.contract.columns]
    try:
        if table.kind == "sql":
            text = recipe_text(table)
        else:
            text = _said_by_builder(table, [c for name in inputs for c in columns_of(name)])
        query = parse(text, shown)
        named = {r.name for r in references(query) if r.name is not None}
        return query_lineage(query, {name: columns_of(name) for name in named}, columns)
    except SqlFault as error:
        return coarse(table, inputs, error.fault.what)
    except VestryError as error:
        return coarse(table, inputs, error.what)
    except RecursionError:
        return coarse(table, inputs, "the SQL is nested too deeply")


def _said_by_builder(table: ProductTable, columns: Collection[str]) -> str:
    from vestry.products.builder import builder

    ask = getattr(builder(table.kind), "lineage", None)
    if ask is None:
        raise VestryError(f"recipes that end in .{table.kind} do not say it")
    return str(ask(table, columns))


def _declared(table: ProductTable) -> Lineage:
    """What the contract says that columns are made of."""
    found = {}
    for column in table.contract.columns:
        if column.sources:
            found[column.name] = Origin(frozenset(map(_named, column.sources)))
    return Lineage(found)


def _named(text: str) -> ColumnName:
    parts = [*text.split("."), "", ""]
    return ColumnName(TableName(*parts[:3]), ".".join(p for p in parts[3:] if p) or WHOLE)
