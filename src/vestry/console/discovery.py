"""How a data protection officer reads what was discovered."""

from __future__ import annotations

from collections import defaultdict

import click

from vestry.console import print_table
from vestry.ingest.discovery.kinds import CLASSIFICATIONS
from vestry.ingest.discovery.report import Discovery, Table


def show_discovery(found: Discovery) -> None:
    """The tables, then the columns that ask for care, then what to look at and what could not be read.

    Files with the same columns are one line: a drive holds the same form month after month.
    """
    alike: dict[tuple[str, ...], list[Table]] = defaultdict(list)
    for table in found.tables:
        alike[tuple(c.name for c in table.columns)].append(table)
    groups = list(alike.values())
    rows = [
        (
            _named(group),
            sum(t.rows for t in group),
            len(group[0].columns),
            ", ".join(group[0].keys) or "none found",
            "yes" if any(t.of_people for t in group) else "no",
            max((t.strictest for t in group), key=CLASSIFICATIONS.index),
        )
        for group in groups
    ]
    print_table(rows, ["table", "rows", "columns", "key", "of people", "strictest"])
    careful = [
        (_named(group), c.name, c.kind.name, group[0].classification(c), f"{c.filled:.0%}", c.why)
        for group in groups
        for c in group[0].columns
        if c.kind
    ]
    if careful:
        click.echo()
        print_table(careful, ["table", "column", "holds", "classification", "filled", "why"])
    noted = [(t.name, note) for t in found.tables for note in t.notes]
    if noted:
        click.echo()
        print_table(noted, ["file or table", "to look at"])
    if found.unread:
        click.echo()
        print_table(found.unread, ["not looked into", "why"])
    people = sum(t.of_people for t in found.tables)
    click.echo(f"\n{len(found.tables)} tables looked at, {people} of people. A person decides: this is a proposal.")


def _named(group: list[Table]) -> str:
    return group[0].name if len(group) == 1 else f"{group[0].name} and {len(group) - 1} like it"
