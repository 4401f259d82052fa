"""What a search found, on a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from vestry.catalogue.live import Live
from vestry.catalogue.search.document import STAFF
from vestry.catalogue.search.live import LiveSearch
from vestry.catalogue.search.query import search


def show_results(folder: Path, text: str, filters: Mapping[str, str], as_json: bool) -> None:
    """Search the project's catalogue as it is now."""
    live = Live(folder)
    index = LiveSearch(live)
    index.update()
    found = search(index.searcher, text, [STAFF], live.catalogue().glossary.terms, filters)
    live.workspace.close()
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
        return
    if found.suggestion:
        click.echo(f"did you mean: {found.suggestion}?")
    for hit in found.hits:
        click.echo(
            f"{hit.kind:<8} {click.style(hit.key, bold=True)}  {hit.title if hit.title != hit.key else ''}".rstrip()
        )
        if hit.snippet:
            shown = "".join(click.style(piece, fg="yellow") if met else piece for piece, met in hit.snippet)
            click.echo(f"         {shown}")
    rest = found.total - len(found.hits)
    click.echo(f"{found.total:,} found" + (f", of which {rest:,} are not shown" if rest else ""))
