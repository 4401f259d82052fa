"""`vestry address`: homes found as somebody types, and addresses that wait for a person."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vestry.cli.options import format_options, open_workspace, project_option

if TYPE_CHECKING:
    from vestry.mdm.places.decisions import Verdict
    from vestry.run.workspace import Workspace

_STATUS = {1: "approved", 3: "alternative", 6: "provisional", 8: "historic"}


@click.command()
@click.argument("text", nargs=-1)
@click.option("--limit", default=10, show_default=True, type=click.IntRange(min=1), help="How many at most.")
@click.option("--review", is_flag=True, help="List the addresses of the systems that wait for a person.")
@click.option("--decide", "line", metavar="LINE", help="Say what an address means, written as --review lists it.")
@click.option("--uprn", help="With --decide: it means this home.")
@click.option("--none", "verdict", flag_value="none", help="With --decide: it means no home of the gazetteer.")
@click.option("--open", "verdict", flag_value="open", help="With --decide: the model may decide again.")
@click.option("--why", help="With --decide: the reason, for who reads it in a year.")
@click.option("--by", "who", help="With --decide: who decides. Default: who is logged in.")
@project_option
@format_options
def address(
    text: tuple[str, ...],
    limit: int,
    review: bool,
    line: str | None,
    uprn: str | None,
    verdict: Verdict | None,
    why: str | None,
    who: str | None,
    folder: Path,
    form: str,
) -> None:
    """Find an address from what somebody types: TEXT may be short, or have a typing error in a word.

    Numbers are exact: 12 is not 13. The postcode may stand first, last, in part, or not at all.

    \b
    Examples:
      vestry address flat 2 12 hgh st
      vestry address "wx1 2ab 12"
      vestry address 12 orchard --limit 3 --json
    \b
    Addresses that systems hold as text, and that the model could not match for certain:
      vestry address --review
      vestry address --decide "Marsh End, Bakers Row, WX3 1AD" --uprn 906090000017 --why "rang the school"
      vestry address --decide "The Old Shop, WX3 1AD" --none --why "pulled down in 1998"
    """
    asked = sum((bool(text), review, line is not None))
    if asked != 1:
        raise click.UsageError("give a TEXT to find, or --review, or --decide LINE.")
    if line is None and (uprn or verdict or why or who):
        raise click.UsageError("--uprn, --none, --open, --why and --by go with --decide LINE.")
    if line is not None and (uprn is None) == (verdict is None):
        raise click.UsageError("--decide needs one of --uprn UPRN, --none and --open.")
    workspace = open_workspace(folder)
    try:
        if line is not None:
            _decide(workspace, line, verdict or "uprn", uprn, who or getpass.getuser(), why or "")
            click.echo(f"Written down. It holds from the next run on:  vestry run -C {folder}")
        elif review:
            _review(workspace, limit, form)
        else:
            _find(workspace, " ".join(text), limit, form)
    finally:
        if "engine" in vars(workspace):
            workspace.engine.close()


def _find(workspace: Workspace, text: str, limit: int, form: str) -> None:
    from vestry.console import show_rows
    from vestry.mdm.places.search import open_search

    search = open_search(
        workspace.project, workspace.lake, lambda: workspace.engine, lambda said: click.echo(said, err=True)
    )
    hits = search.find(text, limit)
    rows = [
        {"address": h.address, "postcode": h.postcode, "uprn": h.uprn, "status": _STATUS.get(h.status, str(h.status))}
        for h in hits
    ]
    if rows or form != "table":
        show_rows(rows, ["address", "postcode", "uprn", "status"], form)
    else:
        click.echo("No address is like that. Numbers must be right; try fewer words, or a part of the postcode.")


def _review(workspace: Workspace, limit: int, form: str) -> None:
    from vestry.console import show_rows
    from vestry.mdm.places.decisions import addresses_of, review_queue

    addresses = addresses_of(workspace.project, workspace.lake, workspace.engine.cursor())
    questions = review_queue(addresses, limit)
    rows = [
        {
            "line": q.line,
            "records": q.records,
            "may be": q.candidate,
            "uprn": q.candidate_uprn,
            "score": q.score,
            "because": q.because,
            "sources": q.sources,
        }
        for q in questions
    ]
    if form != "table":
        show_rows(rows, ["line", "records", "may be", "uprn", "score", "because", "sources"], form)
        return
    for row in rows:
        click.secho(str(row["line"]), bold=True)
        click.echo(f"  may be   {row['may be']}  ({row['uprn']})")
        records = "1 record" if row["records"] == 1 else f"{row['records']:,} records"
        click.echo(f"  because  {row['because']}; {records} in {row['sources']}")
    click.echo("No address waits for a person." if not rows else "\nDecide with --decide LINE: see vestry address -h")


def _decide(workspace: Workspace, line: str, verdict: Verdict, uprn: str | None, who: str, why: str) -> None:
    from vestry.mdm.places.decisions import addresses_of, decide

    addresses = addresses_of(workspace.project, workspace.lake, workspace.engine.cursor())
    decide(addresses, line, verdict, who, why, uprn)
