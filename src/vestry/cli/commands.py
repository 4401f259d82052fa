"""The commands over a project: each parses, calls and prints. What it imports beyond click, it imports when used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vestry.cli.options import Commands, format_options, open_workspace, project_option

if TYPE_CHECKING:
    from vestry.run.workspace import Workspace


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--trace", is_flag=True, help="On an error, show the stack trace.")
@click.version_option(package_name="vestry", prog_name="vestry")
def main(trace: bool) -> None:
    """Vestry: a council's folder of plain text in, governed and trustworthy data out.

    \b
    Begin:
      vestry demo westmarsh           a council that does not exist, with its data
      vestry init mycouncil           a project of your own
      vestry -h, vestry run -h        help, with examples
    """


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), default="westmarsh")
@click.option("--people", default=20_000, show_default=True, help="About how many people live there.")
@click.option("--seed", default=7, show_default=True, help="The same seed makes the same council.")
@click.option("--serve", "serving", is_flag=True, help="Only serve the API of its planning system, until interrupted.")
def demo(folder: Path, people: int, seed: int, serving: bool) -> None:
    """Make Westmarsh, a council that does not exist, in FOLDER; run it and show what came out.

    \b
    Examples:
      vestry demo
      vestry demo /tmp/big --people 200000
      vestry demo --serve westmarsh
    """
    from vestry.demo.command import demo as make_demo
    from vestry.demo.command import serve

    if serving:
        serve(folder)
    elif not make_demo(folder, people, seed):
        sys.exit(1)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Make a small council project in FOLDER, ready to run.

    \b
    Example:
      vestry init mycouncil && vestry -h
      vestry run -C mycouncil
    """
    from vestry.project.scaffold import init_project

    for file in init_project(folder):
        click.echo(f"  {file}")
    click.echo(f"A council project is in {folder}. Next:  vestry run -C {folder}")


@main.command()
@project_option
@format_options
def check(folder: Path, form: str) -> None:
    """Find every fault of the project: file, line, what is wrong and how to mend it.

    \b
    Examples:
      vestry check
      vestry check --json | jq length
    """
    from vestry.governance.policies.probe import faults_of_policies
    from vestry.products.check import check as check_project
    from vestry.project.project import find_root

    root = find_root(folder)
    faults = [*check_project(root), *faults_of_policies(root)]
    if form != "table":
        from vestry.console import show_rows

        rows = [{"file": f.file, "line": f.line, "what": f.what, "mend": f.mend} for f in faults]
        show_rows(rows, ["file", "line", "what", "mend"], form)
    else:
        for fault in faults:
            click.echo(str(fault))
        click.echo("No faults." if not faults else f"{len(faults)} fault{'s' if len(faults) > 1 else ''}.")
    if faults:
        sys.exit(2)


@main.command()
@click.argument("select", nargs=-1)
@click.option("--plan", "only_plan", is_flag=True, help="Say what would run and why, and run nothing.")
@click.option("--log", type=click.Choice(["text", "json"]), default="text", help="json: one event a line, on stderr.")
@project_option
@format_options
def run(select: tuple[str, ...], only_plan: bool, log: str, folder: Path, form: str) -> None:
    """Load what is new and build what has changed: all, or what SELECT names.

    \b
    SELECT is a table, a product (housing.repairs), domain:housing, layer:gold or source:repairs;
    a + before it takes what it needs too, a + after it what needs it.
    \b
    Examples:
      vestry run
      vestry run --plan
      vestry run +housing.repairs
      vestry run source:repairs+ domain:finance
    """
    workspace = open_workspace(folder)
    if only_plan:
        _show_plan(workspace, select, form)
        return
    from vestry.run.events import JsonLines
    from vestry.run.progress import Progress

    listen = JsonLines() if log == "json" else Progress(quiet=form != "table")
    with listen:
        outcomes = workspace.run(select, listen)
    wrong = [o for o in outcomes if o.status in ("failed", "blocked")]
    if form != "table":
        from vestry.console import show_rows

        rows = [
            {"table": str(o.step.name), "status": o.status, "detail": o.detail, "seconds": round(o.seconds, 3)}
            for o in outcomes
        ]
        show_rows(rows, ["table", "status", "detail", "seconds"], form)
    for outcome in wrong:
        if outcome.error:
            from vestry.console import fail

            fail(outcome.error)
            if click.get_current_context().find_root().params.get("trace"):
                import traceback

                click.echo("".join(traceback.format_exception(outcome.error)), err=True)
    if wrong:
        sys.exit(1)
    if form == "table" and log == "text" and all(o.status == "skipped" for o in outcomes):
        click.echo(f"Nothing to do: {_up_to_date(len(outcomes))}.")


def _up_to_date(steps: int) -> str:
    return "1 step is up to date" if steps == 1 else f"{steps} steps are up to date"


def _show_plan(workspace: Workspace, select: tuple[str, ...], form: str) -> None:
    from vestry.console import show_rows
    from vestry.run.stream import listened_to

    decisions = workspace.plan(select)
    running = [
        {"table": str(d.step.name), "step": d.step.kind, "why": "; ".join(d.reasons)} for d in decisions if d.runs
    ]
    if running or form != "table":
        show_rows(running, ["table", "step", "why"], form)
    if form == "table":
        rest = len(decisions) - len(running)
        click.echo(
            f"{len(running)} would run, {rest} up to date." if running else f"Nothing to do: {_up_to_date(rest)}."
        )
        if heard := listened_to(workspace.project).keys() & {d.step.name for d in decisions}:
            click.echo(f"{', '.join(map(str, sorted(heard)))}: listened to by `vestry stream`, not by a run.")


@main.command()
@click.argument("sql")
@click.option("--limit", default=40, show_default=True, help="Rows shown in a table for people.")
@click.option("--as", "who", metavar="USER", help="Ask as an account may, by its id or email: through the gate.")
@click.option("--purpose", default="", help="With --as: what personal data are read for.")
@project_option
@format_options
def query(sql: str, limit: int, who: str | None, purpose: str, folder: Path, form: str) -> None:
    """Ask the lake in SQL (DuckDB's dialect). SQL of - is read from standard input.

    \b
    Examples:
      vestry query "select * from housing.repairs.repair limit 5"
      vestry query "select count(*) from housing.repairs.repair at (version => 3)"
      vestry query "from finance.spending.payment" --format parquet > payments.parquet
      vestry query "select ward, count(*) from adults.care.client group by all" --as ann --purpose "Winter calls"
    """
    from vestry.console import emit

    text = sys.stdin.read() if sql == "-" else sql
    if who:
        _query_as(text, limit, who, purpose, folder, form)
    else:
        from vestry.governance.operator import people_in, told
        from vestry.run.query import answer

        workspace = open_workspace(folder)
        rows, tables = answer(workspace, text)
        told(workspace, "query", tables, rows.num_rows, people_in(rows))
        emit(rows, form, limit)


def _query_as(sql: str, limit: int, who: str, purpose: str, folder: Path, form: str) -> None:
    from vestry.catalogue.live import Live
    from vestry.console import emit
    from vestry.governance.access.gate import Gate, Where
    from vestry.governance.identity.accounts import account_of
    from vestry.governance.sql.questions import Questions

    live = Live(folder)
    questions = Questions(Gate(live), warm=False)
    answer = questions.ask(account_of(live.workspace.project, who).user, sql, Where("cli"), purpose)
    emit(answer.rows, form, limit)
    if answer.is_cut:
        click.echo(f"There are more: a question brings {answer.rows.num_rows:,} rows ([sql] in vestry.toml).", err=True)


@main.command()
@click.argument("name", required=False)
@click.argument("key", nargs=-1)
@project_option
@format_options
def show(name: str | None, key: tuple[str, ...], folder: Path, form: str) -> None:
    """Show a table: what it is, whose, its columns, quality and versions. Without NAME: all tables.

    With a KEY, the row that has it, and the rows of the same product that belong to it: of a claim, its audit pack.

    \b
    Examples:
      vestry show
      vestry show housing.repairs.repair
      vestry show bronze.repairs.fixwell --json
      vestry show childrens.supporting_families.claim SF-2022/F000000012/2024-03-18
    """
    from vestry.console import show_row, show_states, show_table
    from vestry.project.names import TableName
    from vestry.run.describe import describe
    from vestry.run.report import states
    from vestry.run.row import describe_row

    workspace = open_workspace(folder)
    if name is None:
        show_states(states(workspace.project, workspace.lake, workspace.known()), form)
    elif key:
        from vestry.governance.operator import people_of, told

        found = describe_row(workspace, TableName.parse(name), key)
        rows = [found["row"], *(row for part in found["parts"] for row in part["rows"])]
        tables = [TableName.parse(one["table"]) for one in (found, *found["parts"])]
        told(workspace, "show", tables, len(rows), people_of(rows))
        show_row(found, form)
    else:
        show_table(describe(workspace, TableName.parse(name)), form)


@main.command()
@click.argument("kind", required=False)
@click.option("--write", "target", type=click.Path(path_type=Path), help="Write all to a folder of the project.")
@project_option
def schema(kind: str | None, target: Path | None, folder: Path) -> None:
    """Print the JSON Schema of a project's files, so that editors complete and check them.

    \b
    Examples:
      vestry schema source
      vestry schema --write .vestry/schemas
    """
    import json

    from vestry.project.schemas import json_schema, kinds, write_schemas

    if target:
        click.echo(json.dumps(write_schemas(folder / target), indent=2))
    elif kind:
        click.echo(json.dumps(json_schema(kind), indent=2))
    else:
        click.echo("\n".join(kinds()))


@main.command()
@click.argument("ref", default="HEAD")
@project_option
@format_options
def diff(ref: str, folder: Path, form: str) -> None:
    """Say which changes to contracts since a git REF break a consumer, and who the consumers are.

    \b
    Examples:
      vestry diff
      vestry diff main --json
    """
    from vestry.console import show_rows
    from vestry.project.diff import diff as diff_project

    changes = diff_project(folder, ref)
    rows = [
        {"change": c.what, "effect": c.effect, "where": c.where, "consumers": ", ".join(c.consumers)} for c in changes
    ]
    if form != "table":
        show_rows(rows, ["effect", "change", "where", "consumers"], form)
    else:
        click.echo("\n".join(map(str, changes)) or f"No contract has changed since {ref}.")
    if any(c.effect == "breaking" for c in changes):
        sys.exit(1)


@main.command()
@click.argument("name")
@click.option("--limit", default=20, show_default=True)
@project_option
@format_options
def history(name: str, limit: int, folder: Path, form: str) -> None:
    """List a table's versions, newest first.

    \b
    Example:
      vestry history housing.repairs.repair
    """
    from vestry.console import show_rows
    from vestry.project.names import TableName

    workspace = open_workspace(folder)
    versions = workspace.lake.history(workspace.existing(TableName.parse(name)), limit)
    rows = [
        {
            "version": v.version,
            "at": f"{v.at:%Y-%m-%d %H:%M:%S}",
            "operation": v.operation.lower(),
            "rows": v.record.get("rows", v.record.get("loaded")),
            "run": v.record.get("run"),
        }
        for v in versions
    ]
    show_rows(rows, ["version", "at", "operation", "rows", "run"], form)


@main.command()
@click.argument("name")
@click.argument("version", type=int)
@project_option
def restore(name: str, version: int, folder: Path) -> None:
    """Put a table back to an earlier VERSION; what came after stays in its history.

    \b
    Example:
      vestry restore housing.repairs.repair 3
    """
    from vestry.lake.maintenance import restore as restore_table
    from vestry.project.names import TableName

    workspace = open_workspace(folder)
    now = restore_table(workspace.lake, workspace.existing(TableName.parse(name)), version)
    click.echo(f"{name} is as it was at version {version}; that is now version {now}.")


@main.command()
@click.argument("select", nargs=-1)
@click.option("--vacuum", is_flag=True, help="Also remove files that no version within the retention needs.")
@project_option
def compact(select: tuple[str, ...], vacuum: bool, folder: Path) -> None:
    """Put a table's many small files together: all tables, or those named.

    \b
    Examples:
      vestry compact
      vestry compact bronze.repairs.fixwell --vacuum
    """
    from vestry.lake.maintenance import compact as compact_table
    from vestry.lake.maintenance import vacuum as vacuum_table
    from vestry.project.names import TableName

    workspace = open_workspace(folder)
    names = [workspace.existing(TableName.parse(n)) for n in select] or [
        n for n in workspace.known() if workspace.lake.open(n)
    ]
    for name in names:
        before, after = compact_table(workspace.lake, name)
        said = f"{name}: {before} files → {after}" if before != after else f"{name}: as it should be"
        if vacuum:
            said += f", {vacuum_table(workspace.lake, name)} old files removed"
        click.echo(said)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--domain", help="The domain that owns it. Default: the only one there is, else `drafts`.")
@click.option("--sheet", help="The workbook's sheet. Default: the one with the largest table.")
@project_option
def add(file: Path, domain: str | None, sheet: str | None, folder: Path) -> None:
    """Describe a FILE that nobody has described: write its source and a draft product.

    \b
    Examples:
      vestry add "Allotment waiting list.xlsx"
      vestry add returns.csv --domain housing && vestry run
    """
    from vestry.ingest.draft import add_file
    from vestry.project import load_project

    project = load_project(folder)
    draft = add_file(project, file, domain=domain, sheet=sheet)
    click.echo("Decided:")
    for line in draft.decided:
        click.echo(f"  {line}")
    click.echo("Please look at:")
    for line in draft.look_at:
        click.echo(f"  {line}")
    click.echo("Written:")
    for path in draft.written:
        click.echo(f"  {path.relative_to(project.root)}")
    click.echo(f'Next:  vestry run && vestry query "from {draft.table} limit 5"')
