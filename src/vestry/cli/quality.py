"""`vestry quality`: how good the data is, and why."""

from __future__ import annotations

from pathlib import Path

import click

from vestry.cli.options import project_option


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@project_option
def quality(name: str | None, as_json: bool, folder: Path) -> None:
    """Show how good the data is by the six dimensions, which rules rows break, and what is missing of whom.

    NAME is a product or a table; without one, all products are shown. Personal values are never shown.

    \b
    Examples:
      vestry quality
      vestry quality housing.repairs
      vestry quality housing.repairs.repair --json | jq .dimensions
    """
    from vestry.catalogue.live import Live
    from vestry.console.quality import show_quality

    live = Live(folder)
    try:
        show_quality(live, name, as_json)
    finally:
        live.workspace.close()
