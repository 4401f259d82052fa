"""`vestry people`: the citizen index, asked and corrected."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vestry.cli.options import Commands, F, format_options, open_workspace, project_option

if TYPE_CHECKING:
    from vestry.console.people import Tell
    from vestry.mdm.people.explain import Reader
    from vestry.run.workspace import Workspace


def index_option(command: F) -> F:
    """`--index`, for a project that has more than one."""
    said = "The citizen index, where the project has several: domain.product.table."
    return click.option("--index", "index", metavar="TABLE", help=said)(command)


def _reader(workspace: Workspace, index: str | None, as_of: str | None = None) -> Reader:
    from vestry.run.people import reader_of

    return reader_of(workspace, index, as_of)


def _tell(workspace: Workspace, reader: Reader, action: str) -> Tell:
    """What writes down that people are shown."""
    from vestry.governance.operator import told

    names = reader.names
    return lambda rows, shown: told(workspace, action, [names.base, names.record], rows, shown)


@click.group(cls=Commands)
def people() -> None:
    """Who is who: explain, show, review and correct the citizen index.

    \b
    A record is written table/key, as in housing.tenancies.person/P123.
    Examples:
      vestry people show P000000017
      vestry people explain housing.tenancies.person/P1 revenues.council_tax.person/92
      vestry people review
      vestry people evaluate --truth westmarsh/truth
    """


@people.command()
@click.argument("who")
@click.option("--as-of", metavar="DATE", help="As the index stood then: 2026-01-31, or a time.")
@index_option
@project_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show(who: str, as_of: str | None, index: str | None, folder: Path, as_json: bool) -> None:
    """Show a person: the golden record, where each value came from, and all records behind it.

    WHO is a person's id, also one that was merged into another, or a record.

    \b
    Examples:
      vestry people show P000000017
      vestry people show housing.tenancies.person/P123 --as-of 2026-01-31
    """
    from vestry.console.people import show_person

    workspace = open_workspace(folder)
    reader = _reader(workspace, index, as_of)
    show_person(reader, who, as_json, _tell(workspace, reader, "show people"))


@people.command()
@click.argument("left")
@click.argument("right")
@index_option
@project_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def explain(left: str, right: str, index: str | None, folder: Path, as_json: bool) -> None:
    """Say in words why two records are one person, or not.

    LEFT and RIGHT are records, or ids of two people, whose nearest records are then compared.

    \b
    Example:
      vestry people explain housing.tenancies.person/P123 revenues.council_tax.person/92
    """
    from vestry.console.people import show_explanation

    workspace = open_workspace(folder)
    reader = _reader(workspace, index)
    show_explanation(reader, left, right, as_json, _tell(workspace, reader, "explain people"))


@people.command()
@click.option("--list", "only_list", is_flag=True, help="List the queue and ask nothing.")
@click.option("--limit", default=20, show_default=True, help="How many pairs at most.")
@click.option("--by", "who", help="Who decides. Default: who is logged in.")
@index_option
@project_option
@format_options
def review(only_list: bool, limit: int, who: str | None, index: str | None, folder: Path, form: str) -> None:
    """Go through the pairs that the model cannot decide, those that would change most first.

    Each is shown side by side with the evidence. Answer same, different or unsure, and why. A decision always wins
    over the model; `vestry run` then brings the index up to date.

    \b
    Examples:
      vestry people review
      vestry people review --list --json
    """
    from vestry.console.people import ask_about, list_queue

    workspace = open_workspace(folder)
    reader = _reader(workspace, index)
    tell = _tell(workspace, reader, "review people")
    if only_list or form != "table":
        list_queue(reader, limit, form, tell)
    else:
        ask_about(reader, limit, who or getpass.getuser(), tell)


@people.command()
@click.argument("decision", type=click.Choice(["same", "different", "unsure", "withdraw"]))
@click.argument("left")
@click.argument("right")
@click.option("--why", required=True, help="The reason, for who reads it in a year.")
@click.option("--by", "who", help="Who decides. Default: who is logged in.")
@index_option
@project_option
def decide(decision: str, left: str, right: str, why: str, who: str | None, index: str | None, folder: Path) -> None:
    """Decide of two records that they are the same person, different people, or that nobody can say.

    \b
    Examples:
      vestry people decide same housing.tenancies.person/P1 adults.contacts.person/9 --why "seen the tenancy file"
      vestry people decide withdraw housing.tenancies.person/P1 adults.contacts.person/9 --why "mixed up"
    """
    from vestry.mdm.people.decisions import decide as write
    from vestry.mdm.people.explain import Record

    reader = _reader(open_workspace(folder), index)
    said = "withdrawn" if decision == "withdraw" else decision
    write(reader, Record.parse(left), Record.parse(right), said, who or getpass.getuser(), why)
    click.echo(f"Written down: {decision}. Next:  vestry run -C {folder}")


@people.command()
@click.argument("person")
@click.option("--out", "out", multiple=True, required=True, help="A record that is somebody else's: table/key.")
@click.option("--why", required=True, help="The reason, for who reads it in a year.")
@click.option("--by", "who", help="Who decides. Default: who is logged in.")
@index_option
@project_option
def unmerge(person: str, out: tuple[str, ...], why: str, who: str | None, index: str | None, folder: Path) -> None:
    """Split a person, for good: the records named with --out are somebody else's.

    What was built on the merge is built again, and named.

    \b
    Example:
      vestry people unmerge P000000017 --out housing.tenancies.person/P123 --why "father and son"
    """
    from vestry.run.people import unmerge as split
    from vestry.run.progress import Progress

    workspace = open_workspace(folder)
    with Progress() as listen:
        split(workspace, index, person, out, who or getpass.getuser(), why, click.echo, listen)


@people.command()
@click.option(
    "--chart", type=click.Path(path_type=Path, dir_okay=False), help="Write the chart of weights (SVG or JSON)."
)
@index_option
@project_option
@format_options
def model(chart: Path | None, index: str | None, folder: Path, form: str) -> None:
    """Show what the index has learnt: for each likeness how often it is found, and how much it says.

    \b
    Examples:
      vestry people model
      vestry people model --chart weights.svg
    """
    from vestry.console.people import show_model

    show_model(_reader(open_workspace(folder), index), chart, form)


@people.command()
@click.option("--truth", "truth", required=True, type=click.Path(path_type=Path), help="Who is who, or reviewed pairs.")
@index_option
@project_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def evaluate(truth: Path, index: str | None, folder: Path, as_json: bool) -> None:
    """Hold the index against a truth or reviewed pairs: precision and recall, by sources and by group.

    The truth is a folder with people.parquet or people.csv, or such a file: source, record_id, person_id, and a
    column for each group; or pairs that people reviewed: source_a, record_a, source_b, record_b, same.

    \b
    Example:
      vestry people evaluate -C westmarsh --truth westmarsh/truth
    """
    from vestry.console.people import show_evaluation

    show_evaluation(_reader(open_workspace(folder), index), truth, as_json)
