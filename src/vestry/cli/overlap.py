"""`vestry map`: which systems hold the same things."""

from __future__ import annotations

from pathlib import Path

import click

from vestry.cli.options import project_option


@click.command("map")
@click.argument("system", required=False)
@click.option("--json", "as_json", is_flag=True, help="For a program: every column that two systems share.")
@project_option
def data_map(system: str | None, as_json: bool, folder: Path) -> None:
    """The master data map: which systems hold the same people, homes and values; of one SYSTEM, which columns.

    People and homes are counted in the indexes. Of columns it is estimated, from samples of hashes that tell no value.

    \b
    Examples:
      vestry map
      vestry map northgate
      vestry map --json
    """
    from vestry.catalogue.live import Live
    from vestry.catalogue.overlap import LiveMap
    from vestry.console.overlap import show_map
    from vestry.project import VestryError
    from vestry.project.errors import did_you_mean

    live = Live(folder)
    try:
        made = LiveMap(live).update()
    finally:
        live.workspace.close()
    if system is not None and system not in made.systems:
        raise VestryError(f"there is no system {system}", mend=did_you_mean(system, made.systems))
    show_map(made, system, as_json)
