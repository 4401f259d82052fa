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
from vestry.project.processing import BASES

_SHORT = ("asset", "personal data", "lawful basis", "owner", "rows", "gaps")


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
        entries = register.activities if view == "article30" else register.assets
        print_table([_short(register, asset) for asset in entries], _SHORT)
        count = len(register.gaps)
        click.echo(f"{len(items)} entries; all columns with --format csv, json or html.")
        click.echo(f"{count} gap{'s' if count > 1 else ''}: see vestry register --gaps" if count else "No gaps.")


def _short(register: Register, asset: Asset) -> list[str | int | None]:
    bases = ", ".join(BASES[letter] for letter in asset.processing.lawful_basis)
    return [asset.name, asset.sensitivity, bases, asset.owner, asset.rows, len(register.gaps_of(asset.name)) or None]


def _print_gaps(gaps: Sequence[Gap]) -> None:
    for gap in gaps:
        click.secho(f"{gap.asset}: {gap.what}", bold=True)
        click.echo(f"  why    {gap.why}")
        click.echo(f"  where  {gap.where}: {gap.mend}")
        click.echo(f"  whose  {gap.whose}")
    click.echo(f"{len(gaps)} gaps." if len(gaps) != 1 else "1 gap.") if gaps else click.echo("No gaps.")
