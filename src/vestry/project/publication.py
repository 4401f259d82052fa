"""Which tables go to a PostgreSQL of `[publish.<name>]`, and how they are called there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from vestry.project.errors import Fault, VestryError, did_you_mean
from vestry.project.models import PublishSettings
from vestry.project.names import TableName
from vestry.project.settings import FILE, toml_line

if TYPE_CHECKING:
    from vestry.project.project import Project

#: PostgreSQL cuts longer names off without a word.
LONGEST = 63


def view_name(table: TableName) -> str:
    """What a table is called in PostgreSQL, within the schema of whoever reads it."""
    return f"{table.domain}_{table.product}_{table.table}"


def tables_of(project: Project, settings: PublishSettings) -> list[TableName]:
    """The tables that a publication names, in the project's order. Raises VestryError for what names none."""
    chosen: set[TableName] = set()
    for pattern in settings.tables:
        found = {name for name in project.tables if _fits(project, name, pattern)}
        if not found:
            what = f"no table of a product is called `{pattern}`"
            raise VestryError(what, FILE, did_you_mean(pattern, _known(project), "name tables, products or layer:gold"))
        chosen |= found
    return [name for name in project.tables if name in chosen]


def publish_faults(project: Project) -> Iterator[Fault]:
    """What does not fit the rest of the project, or PostgreSQL."""
    if not project.settings.publish:
        return
    text = (project.root / FILE).read_text(encoding="utf-8-sig")
    homes: dict[tuple[str, str], str] = {}
    for name, settings in project.settings.publish.items():
        line = toml_line(text, ("publish", name, "tables"))
        home = settings.url, settings.schema_prefix
        if (other := homes.setdefault(home, name)) != name:
            what = f"`{name}` and `{other}` are published to the same place, and each would take the other's away"
            mend = "put their tables together, or give one another schema_prefix"
            yield Fault(FILE, toml_line(text, ("publish", name)), what, mend)
        try:
            tables = tables_of(project, settings)
        except VestryError as error:
            yield Fault(FILE, line, error.what, error.mend)
            continue
        yield from _name_faults(project, tables, line)


def _name_faults(project: Project, tables: list[TableName], line: int) -> Iterator[Fault]:
    """Names that PostgreSQL would cut off, and tables that would have one name there."""
    names: dict[str, TableName] = {}
    for table in tables:
        called = view_name(table)
        if (other := names.setdefault(called, table)) != table:
            yield Fault(FILE, line, f"{table} and {other} would both be `{called}`", "publish one of them")
        if len(called) > LONGEST:
            what = f"{table} would be `{called}`, and a name in PostgreSQL has at most {LONGEST} characters"
            yield Fault(FILE, line, what, "publish a table of a shorter name")
        product = project.product_of(table)
        for column in project.tables[table].contract.columns:
            if product and len(column.name.encode()) > LONGEST:
                what = f"`{column.name}` is too long for PostgreSQL, whose names have at most {LONGEST} bytes"
                yield Fault(product.file.path, product.line(table.table, column.name), what, "give it a shorter name")


def _fits(project: Project, name: TableName, pattern: str) -> bool:
    kind, colon, value = pattern.partition(":")
    if not colon:
        return pattern in (str(name), f"{name.domain}.{name.product}")
    known: Mapping[str, str] = {"layer": project.tables[name].layer, "domain": name.domain}
    return known.get(kind) == value


def _known(project: Project) -> set[str]:
    found = {str(n) for n in project.tables} | {f"{n.domain}.{n.product}" for n in project.tables}
    return (
        found | {f"domain:{n.domain}" for n in project.tables} | {f"layer:{t.layer}" for t in project.tables.values()}
    )
