"""Faults of the graph: references to tables of nobody, and tables that need each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from vestry.project.errors import Fault, did_you_mean
from vestry.project.inputs import recipe_shown
from vestry.project.names import BRONZE, DECISION, SYSTEM, Reference, TableName
from vestry.project.project import Project

_THREE_PARTS = "a table is named domain.product.table, or bronze.source.table"


def known_tables(project: Project) -> list[str]:
    """Every table that a recipe may name, as it is written."""
    promised = [name for product in project.products.values() for name in product.promised]
    return [str(name) for name in [*project.bronze, *promised]]


def reference_faults(
    project: Project, inputs: Mapping[TableName, Collection[Reference]], unread: Collection[str] = ()
) -> Iterator[Fault]:
    """References that name no table; `unread` are the products and sources whose own faults are told already."""
    known = known_tables(project)
    names = set(known)
    for table, references in inputs.items():
        shown = recipe_shown(project.tables[table])
        for reference in references:
            if not _is_there(reference, names, unread):
                yield Fault(shown, reference.line, *_unknown(reference, known))


def origin_faults(project: Project, unread: Collection[str] = ()) -> Iterator[Fault]:
    """What a contract says that columns are made of (`transformSourceObjects`), and that is not there."""
    known = known_tables(project)
    names = set(known)
    columns = {
        f"{product.full_name}.{table.name}": [c.name for c in table.columns]
        for product in project.products.values()
        for table in product.contract.tables
    }
    for product in project.products.values():
        for promised in product.contract.tables:
            for column in promised.columns:
                for number, text in enumerate(column.sources):
                    line = product.line(promised.name, column.name, "transformSourceObjects", number)
                    parts = text.split(".")
                    table, field = ".".join(parts[:3]), ".".join(parts[3:])
                    reference = Reference.of(table, line)
                    said = f"`{promised.name}.{column.name}` is said to be made of `{text}`"
                    if not _is_there(reference, names, unread):
                        what, mend = _unknown(reference, known)
                        yield Fault(product.file.path, line, f"{said}, and {what}", mend)
                    elif field and table in columns and field not in columns[table]:
                        what = f"{said}, and `{table}` has no column `{field}`"
                        yield Fault(product.file.path, line, what, did_you_mean(field, columns[table]))


def _is_there(reference: Reference, known: Collection[str], unread: Collection[str]) -> bool:
    """Whether a name is that of a table, or of one of whose lack nothing should be said."""
    name = reference.name
    if name is None:
        return False
    own = name.domain == SYSTEM or f"{name.domain}.{name.product}" in unread
    return own or reference.text in known or _is_companion(name, known)


def _is_companion(name: TableName, known: Collection[str]) -> bool:
    base, _, suffix = name.table.partition("__")
    wanted = ("rejected",) if name.domain == BRONZE else ("quarantine", DECISION)
    return suffix in wanted and str(TableName(name.domain, name.product, base)) in known


def _unknown(reference: Reference, known: Collection[str]) -> tuple[str, str]:
    other_case = next((k for k in known if k.casefold() == reference.text.casefold()), None)
    if other_case:
        return f"`{reference.text}` differs from `{other_case}` by case", f"write {other_case}"
    if reference.text.endswith("()"):
        return f"`{reference.text}` reads a file past the project's sources", "add the file to a source in sources/"
    what = f"there is no table `{reference.text}`"
    if reference.name is None:
        tables = {name.rsplit(".", 1)[-1]: name for name in known}
        near = tables.get(reference.text.rsplit(".", 1)[-1])
        return what, f"write {near}" if near else _THREE_PARTS
    return what, did_you_mean(reference.text, known, "add it to a source or a product, or take the reference out")


def cycle_faults(project: Project, inputs: Mapping[TableName, Collection[Reference]]) -> Iterator[Fault]:
    """One fault for each ring of tables that need each other, at the reference by which it is entered."""
    edges = {
        table: {r.name: r.line for r in references if r.name and r.name in inputs}
        for table, references in sorted(inputs.items())
    }
    done: set[TableName] = set()
    for start in edges:
        path: list[TableName] = []
        yield from _walk(project, edges, start, path, done)


def _walk(
    project: Project,
    edges: Mapping[TableName, Mapping[TableName, int]],
    at: TableName,
    path: list[TableName],
    done: set[TableName],
) -> Iterator[Fault]:
    if at in path:
        ring = path[path.index(at) :]
        first = ring.index(min(ring))
        ring = ring[first:] + ring[:first]
        shown = recipe_shown(project.tables[ring[0]])
        line = edges[ring[0]][(ring + ring[:1])[1]]
        told = " → ".join(str(name) for name in [*ring, ring[0]])
        what = f"the table reads itself: {told}" if len(ring) == 1 else f"tables that need each other: {told}"
        yield Fault(shown, line, what, "take one of these references out")
        return
    if at in done:
        return
    path.append(at)
    for following in sorted(edges[at]):
        yield from _walk(project, edges, following, path, done)
    path.pop()
    done.add(at)
