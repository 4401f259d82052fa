"""`vestry share`: who outside reads what, by Delta Sharing."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vestry.cli.access import AS, UNTIL, WHO, treatment
from vestry.cli.options import Commands, format_options, project_option

if TYPE_CHECKING:
    from vestry.governance.recipients import Credential
    from vestry.project import Project

_EXPIRES = click.option("--expires", default="90d", show_default=True, help="After how long it ends; at most 365d.")
_TO = click.option(
    "--to", "file", type=click.Path(path_type=Path), help="The profile file to write; without it, it is printed."
)


@click.group(cls=Commands)
def share() -> None:
    """Sharing with partners by Delta Sharing: recipients, and what they are given.

    \b
    Examples:
      vestry share recipient add nhs_trust --agreement care --expires 90d --to config.share --as olu
      vestry share grant nhs_trust adults.care.client --columns ward --show born=year --until 2027-03-31 --as olu
      vestry share recipient list
    """


@share.group(cls=Commands)
def recipient() -> None:
    """Recipients: add, list, give another credential, revoke."""


@recipient.command()
@click.argument("name")
@click.option("--agreement", required=True, help="The agreement of `agreements/` under which they read.")
@_EXPIRES
@_TO
@AS
@project_option
def add(name: str, agreement: str, expires: str, file: Path | None, who: str, folder: Path) -> None:
    """Make a recipient, and the profile file that it is given: its credential is not shown again.

    \b
    Example:
      vestry share recipient add nhs_trust --agreement care --expires 90d --to config.share --as olu
    """
    from vestry.governance.identity.accounts import existing
    from vestry.governance.recipients import add_recipient
    from vestry.project import load_project

    project = load_project(folder)
    by = existing(project, who).user.id
    _hand_over(file, project, lambda: add_recipient(project, name, agreement, expires, by))


@recipient.command()
@click.argument("name")
@_EXPIRES
@click.option("--overlap", default="1d", show_default=True, help="How long the old one stays good; 0s: not at all.")
@_TO
@AS
@project_option
def rotate(name: str, expires: str, overlap: str, file: Path | None, who: str, folder: Path) -> None:
    """Give a recipient another credential; the old one ends.

    \b
    Example:
      vestry share recipient rotate nhs_trust --overlap 0s --to config.share --as olu
    """
    from vestry.governance.identity.accounts import existing
    from vestry.governance.recipients import rotate as rotate_credential
    from vestry.project import load_project

    project = load_project(folder)
    by = existing(project, who).user.id
    _hand_over(file, project, lambda: rotate_credential(project, name, expires, overlap, by))


@recipient.command(name="revoke")
@click.argument("name")
@AS
@project_option
def revoke_(name: str, who: str, folder: Path) -> None:
    """Shut a recipient out now, and end what it was given. Its addresses of files are dead too.

    \b
    Example:
      vestry share recipient revoke nhs_trust --as olu
    """
    from vestry.governance.identity.accounts import existing
    from vestry.governance.recipients import revoke
    from vestry.project import load_project

    project = load_project(folder)
    revoke(project, name, existing(project, who).user.id)
    click.echo(f"{name} reads nothing any more.")


@recipient.command(name="list")
@project_option
@format_options
def list_(folder: Path, form: str) -> None:
    """List the recipients, those that are revoked too.

    \b
    Example:
      vestry share recipient list --json
    """
    from vestry.console import show_rows
    from vestry.governance.access.grants import grants_of
    from vestry.governance.recipients import recipients
    from vestry.governance.state import now
    from vestry.project import load_project

    project = load_project(folder)
    rows = [
        {
            "recipient": one.name,
            "agreement": one.agreement,
            "credential ends": datetime.fromtimestamp(one.ends, UTC).date().isoformat(),
            "state": one.state(now(project)),
            "reads": ", ".join(sorted({str(t) for g in grants_of(project, one.id) for t in g.terms.columns})),
        }
        for one in recipients(project)
    ]
    show_rows(rows, ["recipient", "agreement", "credential ends", "state", "reads"], form)


@share.command(name="grant")
@click.argument("name", metavar="RECIPIENT")
@click.argument("table")
@click.option("--columns", default="", metavar="COLUMN,…", help="Columns that are shown as they are.")
@click.option("--show", "shown", multiple=True, metavar="COLUMN=HOW",
              help="A column that is shown otherwise: hashed, age band, year, postcode district.")  # fmt: skip
@click.option("--rows", multiple=True, metavar="COLUMN=VALUE,…", help="Only rows with one of these values.")
@UNTIL
@AS
@project_option
def give(
    name: str, table: str, columns: str, shown: tuple[str, ...], rows: tuple[str, ...], until: datetime, who: str,
    folder: Path,
) -> None:  # fmt: skip
    """Give a RECIPIENT a TABLE, within its agreement: without columns, all that the agreement covers.

    It is yours to give where you own the domain. Where the data protection officer must agree too, it waits for them.

    \b
    Examples:
      vestry share grant nhs_trust adults.care.client --until 2027-03-31 --as olu
      vestry share grant nhs_trust adults.care.client --columns ward --show born=year --rows ward=North \\
        --until 2027-03-31 --as olu
    """
    from vestry.catalogue.live import Live
    from vestry.governance.access.terms import Condition
    from vestry.governance.access.treatment import Treatment
    from vestry.governance.identity.accounts import existing
    from vestry.governance.offers import offer
    from vestry.governance.recipients import recipient_named
    from vestry.project import TableName

    live = Live(folder)
    project = live.workspace.project
    wanted = {column.strip(): Treatment.CLEAR for column in columns.split(",") if column.strip()}
    for column, _, how in (one.partition("=") for one in shown):
        wanted[column] = treatment(how)
    conditions = [
        Condition(c, tuple(v.strip() for v in vs.split(","))) for c, _, vs in (r.partition("=") for r in rows)
    ]
    of, by = recipient_named(project, name), existing(project, who).user
    done = offer(project, live.catalogue(), of, TableName.parse(table), wanted, conditions, until.date(), by)
    waits = " and ".join(WHO[role] for role in done.waits_for)
    click.echo(f"{done.grant} is open: {name} reads {table}." if done.grant else f"{done.id} waits for {waits}.")


def _hand_over(file: Path | None, project: Project, make: Callable[[], Credential]) -> None:
    """Make a credential and give its profile: on the screen, or in a file that is ours alone before it says a thing."""
    from vestry.project import VestryError

    endpoint = _endpoint(project)
    if file is None:
        click.echo(make().profile(endpoint), nl=False)
        return
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        what = f"{file} cannot be made: {error.strerror}"
        raise VestryError(what, mend="name a file that is not there yet") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(make().profile(endpoint))
    except VestryError:
        file.unlink()
        raise
    click.echo(f"{file} is the profile: send it by a way that only they can read, and delete it here.")


def _endpoint(project: Project) -> str:
    from vestry.project import VestryError

    url = project.settings.council.url
    if not url:
        mend = "write it there, such as https://data.testham.gov.uk"
        raise VestryError("`url` of [council] does not say where partners reach you", "vestry.toml", mend)
    return f"{url.rstrip('/')}/sharing"
