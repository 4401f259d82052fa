"""The page of the command line: every command's own help, as it prints it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from vestry.cli import main

WIDTH = 100

_HEAD = """# The command line

Every command takes `-C DIR` where it works on a project; without it, the project is the folder you are in, or
the nearest one above that has a `vestry.toml`. A command that answers with data takes
`--format table|csv|json|parquet`, and `--json` for short.

| exit code | means |
| --- | --- |
| 0 | all is well |
| 1 | data or a run is not: a source that cannot be read, a broken contract, a breaking change |
| 2 | the command or the project is wrong: an unknown name, a fault that `vestry check` lists |
"""


def page() -> str:
    """One section for each command, in the order in which `vestry -h` lists them."""
    wide: dict[str, int] = {"terminal_width": WIDTH, "max_content_width": WIDTH}
    parent = click.Context(main, info_name="vestry", help_option_names=["-h", "--help"], **wide)
    parts = [_HEAD, _section("vestry", main.get_help(parent))]
    parts += [_section(title, text) for title, text in _helps(main, parent, wide)]
    return "\n".join(parts)


def _helps(group: click.Group, parent: click.Context, wide: dict[str, int]) -> Iterator[tuple[str, str]]:
    """The title and help of each command of a group, and of those of the groups in it."""
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if command is None or command.hidden:
            continue
        context = click.Context(command, info_name=name, parent=parent, **wide)
        yield context.command_path, command.get_help(context)
        if isinstance(command, click.Group):
            yield from _helps(command, context, wide)


def _section(title: str, text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"## {title}\n\n```text\n{lines}\n```\n"
