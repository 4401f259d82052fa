"""The register as the command line shows it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from vestry.catalogue.register import Asset, Gap, Register
from vestry.catalogue.register.sheet import ARTICLE_30, GAPS, REGISTER, Columns, cells, csv_text, page
from vestry.console import print_table

_SHORT = ("Asset", "Owner", "Personal data", "Lawful basis", "Kept for", "DPIA", "Rows")


def show_register(register: Register, view: str, form: str) -> None:
    """Write the `register`, the record of `article30` or the `gaps` to standard output."""
    views: Mapping[str, tuple[str, Columns, Sequence[Asset | Gap]]] = {
        "register": ("Information asset register", REGISTER, register.assets),
        "article30": ("Record of processing activities (UK GDPR, Article 30)", ARTICLE_30, register.activities),
        "gaps": ("What the register lacks", GAPS, register.gaps),
    }
    title, columns, items = views[view]
    if form == "csv":
        sys.stdout.write(csv_text(columns, items))
    elif form == "html":
        sys.stdout.write(page(register, title, columns, items))
    elif form == "json":
        rows = [dict(zip(columns, row, strict=True)) for row in cells(columns, items)]
        controller = vars(register.controller)
        told: dict[str, Any] = {"title": title, "controller": controller, "day": str(register.day), "entries": rows}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    elif view == "gaps":
        _print_gaps(register.gaps)
    else:
        shown = {name: columns[name] for name in _SHORT if name in columns}
        print_table(cells(shown, items), list(shown))
        count = len(register.gaps)
        click.echo(f"{len(items)} entries; all columns with --format csv, json or html.")
        click.echo(f"{count} gaps: see vestry register --gaps" if count else "No gaps.")


def _print_gaps(gaps: Sequence[Gap]) -> None:
    for gap in gaps:
        click.secho(f"{gap.asset}: {gap.what}", bold=True)
        click.echo(f"  why    {gap.why}")
        click.echo(f"  where  {gap.where}: {gap.mend}")
        click.echo(f"  whose  {gap.whose}")
    click.echo(f"{len(gaps)} gaps." if len(gaps) != 1 else "1 gap.") if gaps else click.echo("No gaps.")
