"""`vestry serve`: the portal."""

from __future__ import annotations

from pathlib import Path

import click

from vestry.cli.options import project_option


@click.command()
@click.option("--port", default=8000, show_default=True, help="0 takes one that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="An address of this machine's own loopback.")
@project_option
def serve(port: int, host: str, folder: Path) -> None:
    """Serve the portal, until interrupted: what data there is, where it comes from, how good it is.

    It shows everything but personal values, to whoever sits at this machine; until there is access control
    it listens at no other address.

    \b
    Examples:
      vestry serve
      vestry serve -C westmarsh --port 8080
    """
    from vestry.serve.server import run

    run(folder, host, port)
