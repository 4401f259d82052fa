"""The master data map as the command line shows it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from vestry.catalogue.overlap import DataMap, SystemTie
from vestry.console import print_table


def show_map(made: DataMap, system: str | None, as_json: bool) -> None:
    """All systems, or the columns that one system shares with the others."""
    ties = made.of(system) if system else made.ties
    if as_json:
        told = {
            "systems": [
                {"system": s, "people": made.people.known.get(s), "people_nowhere_else": made.people.alone.get(s),
                 "homes": made.homes.known.get(s), "homes_nowhere_else": made.homes.alone.get(s)}
                for s in made.systems
            ],
            "ties": [asdict(tie) for tie in ties],
            "retirable": [asdict(one) for one in made.retirable],
        }  # fmt: skip
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    if system:
        _print_columns(ties, system)
    else:
        rows = [[t.a, t.b, t.people or None, t.homes or None, ", ".join(_names(t))] for t in ties]
        print_table(rows, ("system", "and", "people", "homes", "columns that share values"))
        click.echo("The columns of one system: vestry map SYSTEM")
    for one in made.retirable:
        if system in (None, one.system):
            click.secho(f"\n{one.system} may be retired: what it holds is in {', '.join(one.held_by)} too", bold=True)
            click.echo(f"  at least {one.part:.0%} of every column that says who or where: {', '.join(one.columns)}")
            click.echo(f"  only here: {', '.join(one.own) or 'nothing'}")


def _names(tie: SystemTie) -> list[str]:
    return list(dict.fromkeys(column.term or column.a.rpartition(".")[2] for column in tie.strong))


def _print_columns(ties: tuple[SystemTie, ...], system: str) -> None:
    rows: list[list[Any]] = []
    for tie in ties:
        for column in tie.columns:
            mine, other, said = column.a, column.b, column.shares
            if tie.b == system:
                mine, other, said = other, mine, said.turned
            rows.append([mine, _percent(said.a_in_b, said.a_between), other, _percent(said.b_in_a, said.b_between)])
    print_table(rows, ("column", "of it there", "shares values with", "of that here"))


def _percent(part: float, between: tuple[float, float]) -> str:
    low, high = between
    return f"{part:.0%}" if high - low < 0.01 else f"{part:.0%} ({low:.0%} to {high:.0%})"
