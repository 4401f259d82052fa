"""The columns that a recipe makes, held against those that its contract promises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vestry.project.errors import Fault, nearest
from vestry.project.inputs import recipe_shown
from vestry.project.product import Product, ProductTable
from vestry.project.sql import Made


def column_faults(product: Product, table: ProductTable, made: Sequence[Made]) -> Iterator[Fault]:
    """Columns without a name, made twice, made and not promised, promised and not made. Case does not part names."""
    shown = recipe_shown(table)
    promised = {column.name.casefold(): column.name for column in table.contract.columns}
    names = {column.name.casefold() for column in made if column.name}
    seen: dict[str, int] = {}
    for column in made:
        if column.name is None:
            yield Fault(shown, column.line, "a column without a name", "name it: … AS name")
            continue
        key = column.name.casefold()
        if key in seen:
            mend = f"leave one out or name it otherwise with AS; the first is on line {seen[key]}"
            yield Fault(shown, column.line, f"the SQL returns the column `{column.name}` twice", mend)
        elif key not in promised:
            what = f"the column `{column.name}` is made, and the contract does not promise it"
            near = nearest(column.name, [n for k, n in promised.items() if k not in names])
            mend = f"add it to {product.file.path}, or leave it out of the SELECT"
            yield Fault(shown, column.line, what, f"did you mean `{near}`? If not, {mend}" if near else mend)
        seen.setdefault(key, column.line)
    if any(column.name is None for column in made):
        return  # one of those may be the column that is missed
    for key, name in promised.items():
        if key not in seen:
            what = f"the contract promises the column `{name}`, and {table.recipe.name} does not make it"
            line = product.line(table.name.table, name)
            yield Fault(product.file.path, line, what, f"make it in {shown}, or take it out of the contract")
