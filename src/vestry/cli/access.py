"""The commands of access: `vestry access`, `request`, `grant`, `audit` and `policy`."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vestry.cli.options import Commands, format_options, project_option

if TYPE_CHECKING:
    from vestry.governance.access.gate import Gate
    from vestry.governance.access.terms import Terms
    from vestry.governance.access.treatment import Treatment

AS = click.option("--as", "who", metavar="USER", required=True, help="The account in whose name it is done.")
UNTIL = click.option("--until", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The last day, 2027-03-31.")


@click.command()
@click.argument("what")
@project_option
@format_options
def access(what: str, folder: Path, form: str) -> None:
    """Who can see WHAT, where it is a table; or what can she see, where it is an account.

    \b
    Examples:
      vestry access people.index.person
      vestry access jo
    """
    from vestry.console.access import show_readers, show_seen
    from vestry.governance.access.gate import Where
    from vestry.governance.identity.accounts import existing
    from vestry.project import TableName

    gate = _gate(folder)
    if what.count(".") == 2:
        show_readers(gate, gate.live.workspace.existing(TableName.parse(what)), form)
    else:
        user = existing(gate.live.workspace.project, what).user
        show_seen(gate.seen(user, Where("cli")), form)


@click.group(cls=Commands)
def request() -> None:
    """Requests for access: ask, list, answer.

    \b
    Examples:
      vestry request ask people.index.person --column surname --column postcode="postcode district" \\
        --purpose "To write to residents whose bins are changed" --until 2027-03-31 --as ann
      vestry request list
      vestry request approve r-0a1b2c3d4e --as olu
    """


@request.command("ask")
@click.argument("table")
@click.option("--column", "columns", multiple=True, required=True, metavar="NAME[=HOW]",
              help="A column, and how it is shown: clear, hashed, age band, year, postcode district.")  # fmt: skip
@click.option("--where", "rows", multiple=True, metavar="COLUMN=VALUE,…", help="Only rows with one of these values.")
@click.option("--purpose", default="", help="What the data are for, in a sentence.")
@click.option("--agreement", help="The agreement of `agreements/` that it stands under; its purpose then holds.")
@click.option("--statistics", is_flag=True, help="Counts only, none that could point at somebody.")
@UNTIL
@AS
@project_option
def ask(
    table: str, columns: tuple[str, ...], rows: tuple[str, ...], purpose: str, agreement: str | None,
    statistics: bool, until: datetime, who: str, folder: Path,
) -> None:  # fmt: skip
    """Ask for a TABLE. It is answered by the owner of its domain."""
    from vestry.governance.access.terms import Condition, Terms
    from vestry.governance.identity.accounts import existing
    from vestry.governance.requests import ask as ask_for
    from vestry.project import TableName

    gate = _gate(folder)
    project = gate.live.workspace.project
    name = TableName.parse(table)
    shown = {column.partition("=")[0]: treatment(column.partition("=")[2]) for column in columns}
    conditions = tuple(
        Condition(row.partition("=")[0], tuple(v.strip() for v in row.partition("=")[2].split(","))) for row in rows
    )
    wanted = Terms({name: shown}, until.date(), conditions, statistics)
    user = existing(project, who).user
    product = f"{name.domain}.{name.product}"
    asked = ask_for(project, gate.live.catalogue(), user, product, purpose, wanted, agreement)
    click.echo(f"{asked.id} waits for {' and '.join(WHO[role] for role in asked.waits_for)}.")


WHO = {"owner": "an owner of the domain", "dpo": "the data protection officer"}


@request.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are answered.")
@project_option
@format_options
def list_requests(everything: bool, folder: Path, form: str) -> None:
    """The requests that are open."""
    from vestry.console.access import show_requests
    from vestry.governance.requests import requests
    from vestry.project import load_project

    show_requests(requests(load_project(folder), state=None if everything else "open"), form)


@request.command()
@click.argument("key", metavar="REQUEST")
@click.option("--without", multiple=True, metavar="COLUMN", help="A column that is not given.")
@click.option("--reasons", default="", help="For whoever asked.")
@AS
@project_option
def approve(key: str, without: tuple[str, ...], reasons: str, who: str, folder: Path) -> None:
    """Approve a request, less the columns that are taken out. It takes effect at once."""
    from vestry.governance.identity.accounts import existing
    from vestry.governance.requests import answer, request_named

    gate = _gate(folder)
    project = gate.live.workspace.project
    terms = request_named(project, key).terms
    narrowed = _less(terms, without) if without else None
    user = existing(project, who).user
    done = answer(project, gate.live.catalogue(), key, user, "approved", reasons, narrowed)
    waits = " and ".join(WHO[role] for role in done.waits_for)
    click.echo(f"{done.grant} is open." if done.grant else f"{key} waits for {waits}.")


@request.command()
@click.argument("key", metavar="REQUEST")
@click.option("--reasons", required=True, help="Why, and what would be granted.")
@AS
@project_option
def refuse(key: str, reasons: str, who: str, folder: Path) -> None:
    """Refuse a request."""
    from vestry.governance.identity.accounts import existing
    from vestry.governance.requests import answer

    gate = _gate(folder)
    project = gate.live.workspace.project
    answer(project, gate.live.catalogue(), key, existing(project, who).user, "refused", reasons)
    click.echo(f"{key} is refused.")


@click.group(cls=Commands)
def grant() -> None:
    """Grants: list, confirm, end.

    \b
    Examples:
      vestry grant list
      vestry grant list --ending
      vestry grant confirm g-0a1b2c3d4e --as olu
      vestry grant end g-0a1b2c3d4e --because "the letters are sent" --as olu
    """


@grant.command("list")
@click.option("--product", help="Of one product.")
@click.option("--ending", "soon", is_flag=True, help="Those that end, or must be confirmed, within two weeks.")
@project_option
@format_options
def list_grants(product: str | None, soon: bool, folder: Path, form: str) -> None:
    """The grants that are not ended."""
    from vestry.console.access import show_grants
    from vestry.governance.access.grants import open_grants
    from vestry.governance.requests import ending
    from vestry.governance.state import today
    from vestry.project import load_project

    project = load_project(folder)
    found, day = open_grants(project, product), today(project)
    show_grants([g for g, _, _ in ending(found, day)] if soon else found, day, form)


@grant.command()
@click.argument("key", metavar="GRANT")
@AS
@project_option
def confirm(key: str, who: str, folder: Path) -> None:
    """Say that a grant is still needed."""
    from vestry.governance.identity.accounts import existing
    from vestry.governance.requests import confirm as confirm_grant
    from vestry.project import load_project

    project = load_project(folder)
    done = confirm_grant(project, key, existing(project, who).user)
    click.echo(f"{key} is confirmed until {done.terms.review}.")


@grant.command("end")
@click.argument("key", metavar="GRANT")
@click.option("--because", required=True, help="Why.")
@AS
@project_option
def end_grant(key: str, because: str, who: str, folder: Path) -> None:
    """End a grant now: no door lets through by it any more."""
    from vestry.governance.identity.accounts import existing
    from vestry.governance.requests import revoke
    from vestry.project import load_project

    project = load_project(folder)
    revoke(project, key, existing(project, who).user, because)
    click.echo(f"{key} is ended.")


@click.group(cls=Commands)
def audit() -> None:
    """The audit: who read what, and whether its chain is whole.

    \b
    Examples:
      vestry audit list --table people.index.person
      vestry audit list --person p-0000000001
      vestry audit verify
    """


@audit.command("list")
@click.option("--who", help="Of one reader.")
@click.option("--table", help="Of one table.")
@click.option("--person", help="Who looked at this person, by the id in the citizen index.")
@click.option("--most", default=100, show_default=True, help="How many, the newest first.")
@project_option
@format_options
def list_lines(who: str | None, table: str | None, person: str | None, most: int, folder: Path, form: str) -> None:
    """Lines of the audit, the newest first."""
    from vestry.console.access import show_lines
    from vestry.governance.audit import lines
    from vestry.project import TableName, load_project

    name = TableName.parse(table) if table else None
    show_lines(list(lines(load_project(folder), who=who, table=name, person=person, most=most)), form)


@audit.command("verify")
@click.option("--seal", help="A seal that was noted earlier: the line that had it must be there still.")
@project_option
def verify_audit(seal: str | None, folder: Path) -> None:
    """Go through the whole chain: a line that was changed or taken away is found.

    Note the seal that it prints somewhere else: with it, lines that are cut off at the end are found too.
    """
    from vestry.governance.audit import verify
    from vestry.project import load_project

    found = verify(load_project(folder), seal)
    if found.broken:
        click.echo(f"The chain is broken at line {found.broken}: it was changed, or lines were taken away.", err=True)
        sys.exit(1)
    click.echo(f"{found.lines:,} lines, and the chain is whole. Its seal: {found.seal}")


@audit.command("unusual")
@click.option("--days", default=7, show_default=True, help="How far back.")
@project_option
@format_options
def list_unusual(days: int, folder: Path, form: str) -> None:
    """Reading that is not as usual: much at once, at night, a person looked up without a grant."""
    from vestry.console.access import show_unusual
    from vestry.governance.state import now
    from vestry.governance.unusual import unusual
    from vestry.project import load_project

    project = load_project(folder)
    show_unusual(unusual(project, now(project) - days * 86_400), form)


@click.group(cls=Commands)
def policy() -> None:
    """Policies: try the cases of `policies/*.test.yaml`, and see what policies may speak of.

    \b
    Examples:
      vestry policy test
      vestry policy schema
      vestry policy show
    """


@policy.command("test")
@project_option
def test_policies(folder: Path) -> None:
    """Try every case against the policies of the project and those that come with Vestry."""
    from vestry.governance.policies.cases import try_cases
    from vestry.governance.policies.rules import Rules
    from vestry.governance.state import today
    from vestry.project import ProjectError, load_project

    project = load_project(folder)
    rules = Rules.of(project.root)
    if faults := rules.faults():
        raise ProjectError(faults)
    tried = try_cases(project, rules, today(project))
    for one in tried:
        said = "may" if one.answer.allowed else "may not"
        by = f" ({', '.join(one.answer.rules)})" if one.answer.rules else ""
        click.echo(
            f"{'✓' if one.holds else '✗'} {one.case.name}" + ("" if one.holds else f"\n  {one.where}: {said}{by}")
        )
    if not tried:
        click.echo("There is no case: write some in policies/*.test.yaml.")
    failed = sum(not one.holds for one in tried)
    click.echo(f"{len(tried)} cases" + (f", {failed} not as they say." if failed else ", all as they say."))
    if failed:
        sys.exit(1)


@policy.command("schema")
def show_schema() -> None:
    """What policies may speak of, as Cedar writes it."""
    from vestry.governance.policies.rules import schema_text

    click.echo(schema_text(), nl=False)


@policy.command("show")
@project_option
def show_policies(folder: Path) -> None:
    """Every policy that holds: Vestry's own, then the project's."""
    from vestry.governance.policies.rules import Rules
    from vestry.project.project import find_root

    for file, text in Rules.of(find_root(folder)).texts.items():
        click.echo(f"// {file}\n{text}")


def _gate(folder: Path) -> Gate:
    from vestry.catalogue.live import Live
    from vestry.governance.access.gate import Gate

    return Gate(Live(folder))


def treatment(said: str) -> Treatment:
    from vestry.governance.access.treatment import Treatment
    from vestry.project import VestryError
    from vestry.project.errors import did_you_mean

    known = [str(way) for way in Treatment]
    if said and said not in known:
        raise VestryError(f"a column cannot be shown as `{said}`", mend=did_you_mean(said, known))
    return Treatment(said or "clear")


def _less(terms: Terms, without: tuple[str, ...]) -> Terms:
    from vestry.project import VestryError
    from vestry.project.errors import did_you_mean

    known = {column for columns in terms.columns.values() for column in columns}
    for column in without:
        if column not in known:
            raise VestryError(f"`{column}` is not asked for", mend=did_you_mean(column, known))
    return terms.without([(table, column) for table in terms.columns for column in without])
