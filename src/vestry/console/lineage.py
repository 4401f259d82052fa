"""The lineage of a table or column, on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from vestry.catalogue.lineage import WHOLE, Branch, ColumnName, LineageGraph, Lineages
from vestry.catalogue.lineage.live import lineage_of
from vestry.catalogue.live import Live

_SAID = {"up": "comes from", "down": "what is made of it"}


def show_lineage(folder: Path, name: str, way: str | None, as_json: bool) -> None:
    """Where a table or column of the project comes from (`up`), what follows from it (`down`), or both."""
    live = Live(folder)
    graph = lineage_of(live.catalogue(), Lineages(live.workspace.project.state))
    live.workspace.close()
    about = graph.named(name)
    ways = [way] if way else ["up", "down"]
    trees = {w: graph.tree(about, "up" if w == "up" else "down") for w in ways}
    if as_json:
        click.echo(json.dumps(_plain(graph, about, trees), indent=2, ensure_ascii=False))
        return
    click.secho(about.shown, bold=True)
    for w, tree in trees.items():
        click.echo(f"\n{_SAID[w]}{'' if tree.children else ': nothing'}")
        for line in _lines(tree.children):
            click.echo(line)
        if w == "up" and tree.by:
            click.echo(f"decided by\n  {_listed(tree.by)}")
    if "down" in trees and (tables := graph.impact(about).tables):
        click.echo(f"\nnot made without it\n  {_listed([ColumnName(t, WHOLE) for t in tables])}")
    lineage = graph.lineage.get(about.table)
    if "up" in trees and lineage and lineage.why:
        click.echo(f"\nNot known in full: {lineage.why}.")


def _lines(branches: Sequence[Branch], before: str = "") -> Iterator[str]:
    for place, branch in enumerate(branches, 1):
        is_last = place == len(branches)
        note = "  (as above)" if branch.told else f"  (and {branch.more} more)" if branch.more else ""
        yield f"{before}{'└─' if is_last else '├─'} {branch.name.shown}{note}"
        yield from _lines(branch.children, before + ("   " if is_last else "│  "))


def _listed(names: Sequence[ColumnName]) -> str:
    return "\n  ".join(name.shown for name in names)


def _plain(graph: LineageGraph, about: ColumnName, trees: dict[str, Branch]) -> dict[str, Any]:
    lineage = graph.lineage.get(about.table)
    found: dict[str, Any] = {"name": str(about), "exact": lineage is None or lineage.exact}
    if "up" in trees:
        found |= {"comes_from": _branches(trees["up"]), "decided_by": [n.shown for n in trees["up"].by]}
    if "down" in trees:
        found |= {"made_of_it": _branches(trees["down"]), "breaks": [str(t) for t in graph.impact(about).tables]}
    return found


def _branches(branch: Branch) -> list[dict[str, Any]]:
    return [{"name": b.name.shown, "of": _branches(b)} for b in branch.children]
