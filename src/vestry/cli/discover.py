"""`vestry discover`: looks at a system or a drive that nobody has described."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vestry.cli.options import format_options, project_option


@click.command()
@click.argument("what")
@click.option("--write", is_flag=True, help="Draft the source and a contract, to be read and mended.")
@project_option
@format_options
def discover(what: str, write: bool, folder: Path, form: str) -> None:
    """Look at WHAT: a source of the project, a folder of files, or a database by its URL.

    Says which tables there are, which of their columns speak of people, and why that is thought: by check digit and
    format, not by name alone. Of a folder also which files are copies, and which nobody can have meant to keep.
    Values are looked at and never kept or shown. It reads, one table after the other, and changes nothing.

    \b
    Examples:
      vestry discover academy
      vestry discover /mnt/shared/housing --json
      vestry discover sqlite:///systems/housing/northgate.sqlite --write
    """
    from vestry.console import show_rows
    from vestry.console.discovery import show_discovery
    from vestry.run.discover import as_rows
    from vestry.run.discover import discover as look

    def tell(name: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K… {name[:100]}", nl=False, err=True)

    found, written = look(what, folder, tell, write)
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    if form == "table":
        show_discovery(found)
        for file in written:
            click.echo(f"written: {file}")
        return
    rows = as_rows(found)
    show_rows(rows, list(rows[0]) if rows else ["table"], form)
