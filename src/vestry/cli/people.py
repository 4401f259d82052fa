"""`vestry people`: the citizen index, asked and corrected."""

from __future__ import annotations

import click

from vestry.cli.options import Commands


@click.group(cls=Commands)
def people() -> None:
    """Who is who: explain, show, review and correct the citizen index."""
