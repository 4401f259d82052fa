"""`vestry publish`: chosen tables, in a PostgreSQL for business intelligence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vestry.cli.options import format_options, project_option

if TYPE_CHECKING:
    from vestry.governance.access.gate import Gate
    from vestry.project.models import PublishSettings
    from vestry.serve.postgres.server import Server


@click.command()
@click.argument("name", required=False)
@click.option("--plan", "only_plan", is_flag=True, help="Say what would change, and change nothing.")
@click.option(
    "--role",
    "reader",
    metavar="ID",
    help="Print what the server's administrator runs to let that account in; or `staff`.",
)
@project_option
@format_options
def publish(name: str | None, only_plan: bool, reader: str | None, folder: Path, form: str) -> None:
    """Publish tables to the PostgreSQL of `[publish.NAME]` in vestry.toml: to all that there are, or to one.

    Staff see what is not personal in the schema `vestry`; whoever has a grant, what it gives in a schema of their own,
    until it ends. What is as it was is not sent again; all that is new appears at one moment.

    \b
    Examples:
      vestry publish
      vestry publish bi --plan
      vestry publish bi --role ann
    """
    from vestry.catalogue.live import Live
    from vestry.governance.access.gate import Gate
    from vestry.project import VestryError
    from vestry.project.errors import did_you_mean
    from vestry.serve.postgres.server import server_of

    gate = Gate(Live(folder))
    project = gate.live.workspace.project
    found = project.settings.publish
    if not found:
        raise VestryError("no publication is set up", "vestry.toml", "write [publish.bi] with `url` and `tables`")
    if name is not None and name not in found:
        raise VestryError(f"there is no publication `{name}`", "vestry.toml", did_you_mean(name, found))
    chosen = [(server_of(project, n, found[n]), found[n]) for n in ([name] if name else found)]
    for server, settings in chosen:
        if reader is not None:
            _show_role(gate, server, reader)
        elif only_plan:
            _show_plan(gate, server, settings, form)
        else:
            _publish(gate, server, settings, form)


def _publish(gate: Gate, server: Server, settings: PublishSettings, form: str) -> None:
    from vestry.console import show_rows
    from vestry.run.progress import Progress
    from vestry.serve.postgres.publish import publish as publish_to

    with Progress(quiet=form != "table") as progress:
        done = publish_to(gate, server, settings, progress)
    if form != "table":
        rows = [{"publication": server.name, "table": table, "rows": count} for table, count in done.sent]
        show_rows(rows, ["publication", "table", "rows"], form)
        return
    for about, why in done.left_out:
        click.echo(f"  left out: {about}: {why}")
    if not (done.sent or done.given or done.taken):
        click.echo(f"Nothing to do: {server.shown} is as it should be.")
        return
    said = [f"{len(done.sent)} sent", f"{done.as_they_were} as they were", f"{done.given} views given"]
    said += [f"{done.taken} taken away"] if done.taken else []
    click.echo(f"{server.shown}: {', '.join(said)}.")
    if done.waiting:
        click.echo(f"{done.waiting} old tables are still read; they go when something is published next.")


def _show_plan(gate: Gate, server: Server, settings: PublishSettings, form: str) -> None:
    from vestry.console import show_rows
    from vestry.serve.postgres.changes import rows_of_plan
    from vestry.serve.postgres.publish import plan

    wanted, changes = plan(gate, server, settings)
    rows = rows_of_plan(wanted, changes)
    if rows or form != "table":
        show_rows(rows, ["what", "table", "as", "why"], form)
    if form == "table" and not changes:
        click.echo(f"Nothing to do: {server.shown} is as it should be.")


def _show_role(gate: Gate, server: Server, reader: str) -> None:
    from vestry.governance.identity.accounts import existing
    from vestry.serve.postgres.names import role_of
    from vestry.serve.postgres.roles import login_sql, mark_of

    project = gate.live.workspace.project
    mark = mark_of(project.settings.council.name)
    if reader == "staff":
        click.echo(login_sql(server, server.staff, None, mark), nl=False)
    else:
        click.echo(login_sql(server, role_of(server, reader), existing(project, reader).user, mark), nl=False)
