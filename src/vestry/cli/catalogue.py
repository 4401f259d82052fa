"""The commands over the catalogue."""

from __future__ import annotations

from pathlib import Path

import click

from vestry.catalogue.search.document import KINDS
from vestry.cli.options import project_option


@click.command()
@click.argument("text", nargs=-1, required=True)
@click.option("--kind", type=click.Choice(KINDS), help="Only of one kind.")
@click.option("--domain", help="Only of one domain.")
@click.option("--layer", type=click.Choice(("bronze", "silver", "gold")), help="Only of one layer.")
@click.option("--personal/--not-personal", default=None, help="Only what holds personal data, or only what does not.")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
@project_option
def search(
    text: tuple[str, ...],
    kind: str | None,
    domain: str | None,
    layer: str | None,
    personal: bool | None,
    as_json: bool,
    folder: Path,
) -> None:
    """Find data: products, tables, columns, terms, sources, playbook pages, and values of lists.

    \b
    Examples:
      vestry search repairs
      vestry search national insurance number --kind column
      vestry search repiars          (typing errors are forgiven)
    """
    from vestry.console.search import show_results

    filters = {
        "kind": kind or "",
        "domain": domain or "",
        "layer": layer or "",
        "personal": "" if personal is None else "yes" if personal else "no",
    }
    show_results(folder, " ".join(text), filters, as_json)


@click.command()
@click.argument("name", metavar="TABLE[.COLUMN]")
@click.option("--up", "way", flag_value="up", help="Only where it comes from.")
@click.option("--down", "way", flag_value="down", help="Only what follows from it.")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
@project_option
def lineage(name: str, way: str | None, as_json: bool, folder: Path) -> None:
    """Show where a table or column comes from, back to the systems of record, and what breaks if it goes.

    It is read from the recipes: nothing runs, and nothing needs to be loaded.

    \b
    Examples:
      vestry lineage housing.repairs.repair.cost
      vestry lineage bronze.repairs.fixwell.value --down
      vestry lineage people.index.person --up --json
    """
    from vestry.console.lineage import show_lineage

    show_lineage(folder, name, way, as_json)
