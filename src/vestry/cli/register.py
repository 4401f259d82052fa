"""`vestry register`: what the council holds, whose it is, and why it may."""

from __future__ import annotations

from pathlib import Path

import click

from vestry.cli.options import project_option


@click.command()
@click.option("--article30", is_flag=True, help="The record of processing of Article 30 of the UK GDPR.")
@click.option("--gaps", is_flag=True, help="What is missing, why it matters, where to mend it and whose job that is.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "html"]), default="table",
              show_default=True, help="html is a page to print.")  # fmt: skip
@project_option
def register(article30: bool, gaps: bool, form: str, folder: Path) -> None:
    """The information asset register, made from contracts, sources and the lake.

    \b
    Examples:
      vestry register
      vestry register --gaps
      vestry register --article30 --format html > article-30.html
      vestry register --format csv > register.csv
    """
    if article30 and gaps:
        raise click.UsageError("give --article30 or --gaps, not both.")
    from vestry.catalogue.live import Live
    from vestry.catalogue.register import register_of
    from vestry.console.register import show_register

    made = register_of(Live(folder).catalogue())
    show_register(made, "article30" if article30 else "gaps" if gaps else "register", form)
