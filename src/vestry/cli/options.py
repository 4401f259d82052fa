"""What every command takes, and how the group answers when something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from vestry.run.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])


class Commands(click.Group):
    """Shows an error as a person needs it, and answers with its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        from vestry.project.errors import VestryError

        try:
            return super().invoke(ctx)
        except VestryError as error:
            if ctx.find_root().params.get("trace"):
                raise
            from vestry.console import fail

            fail(error)
            ctx.exit(error.exit_code)
        except BrokenPipeError:  # whoever read the answer has seen enough, as `head` has
            sys.stdout = None
            ctx.exit(0)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            if ctx.find_root().params.get("trace"):
                raise
            from vestry.console import fail

            # What an unforeseen error says may hold data: only its kind is shown.
            mend = "this is a fault of Vestry: run `vestry --trace …` to see where, and report it"
            fail(VestryError(f"{type(error).__name__}: something went wrong that nobody foresaw", mend=mend))
            ctx.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def project_option(command: F) -> F:
    """`-C DIR`, which every command takes."""
    return click.option(
        "-C", "folder", default=".", metavar="DIR", type=click.Path(path_type=Path), help="The project's folder."
    )(command)


def format_options(command: F) -> F:
    """`--format` and `--json`, where a command answers with data."""
    json = click.option("--json", "form", flag_value="json", help="The same as --format json.")
    form = click.option(
        "--format", "form", type=click.Choice(["table", "csv", "json", "parquet"]), default="table", show_default=True
    )
    return json(form(command))


def open_workspace(folder: Path) -> Workspace:
    from vestry.run.workspace import Workspace

    return Workspace.open(folder)
