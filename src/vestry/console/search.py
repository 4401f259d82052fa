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
from vestry.project import VestryError
from vestry.project.errors import did_you_mean

#: Seconds that another process may take that indexes just now.
_PATIENCE = 60


def show_results(folder: Path, text: str, filters: Mapping[str, str], as_json: bool) -> None:
    """Search the project's catalogue as it is now."""
    live = Live(folder)
    domains = live.catalogue().project.domains
    if (domain := filters.get("domain")) and domain not in domains:
        raise VestryError(f"there is no domain {domain}", mend=did_you_mean(domain, domains))
    index = LiveSearch(live)
    index.update(patience=_PATIENCE)
    found = search(index.searcher, text, [STAFF], index.synonyms, filters)
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
