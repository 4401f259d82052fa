"""`vestry address`: homes, found as somebody types."""

from __future__ import annotations

import click


@click.command()
@click.argument("text", nargs=-1, required=True)
def address(text: tuple[str, ...]) -> None:
    """Find an address from what somebody types."""
