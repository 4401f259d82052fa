"""A page's fenced blocks, carried out as a reader would: commands run, files written, lines changed.

```console          lines after `$ ` are run; what stands below each is what it must print
```console exit=1   the last command must end so
```csv a/b.csv      any language with a path: the block is the file's content
```diff a/b.csv     lines after `-` become those after `+`
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from vestry.cli import main

_BLOCK = re.compile(r"^```(\w+)[ \t]*([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: A line of a page that stands for any number of lines.
GAP = "…"
#: What differs from run to run.
_ANY = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?"), "TIME"),
    (re.compile(r"\b\d{8}T\d{6}-[0-9a-f]{6}\b"), "RUN"),
    (re.compile(r"\bjust now\b|\b\d+ (minute|hour|day)s? ago"), "AGO"),
    (re.compile(r"\b\d+\.\d+ s\b"), "SECONDS"),
    (re.compile(r"─+"), "─"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True)
class Block:
    """One fenced block; `says` is what stands after its language, `line` where it begins (from 1)."""

    language: str
    says: str
    text: str
    line: int


@dataclass(frozen=True)
class Command:
    """A command of a console block, what it must print, and how it must end."""

    text: str
    prints: tuple[str, ...]
    exit_code: int
    line: int


def blocks(page: str) -> list[Block]:
    return [
        Block(found[1], found[2].strip(), found[3], page[: found.start()].count("\n") + 1)
        for found in _BLOCK.finditer(page)
    ]


def commands(block: Block) -> list[Command]:
    """The commands of a console block."""
    rows: list[tuple[str, list[str], int]] = []
    for number, row in enumerate(block.text.splitlines(), block.line + 1):
        if row.startswith("$ "):
            rows.append((row[2:], [], number))
        else:
            rows[-1][1].append(row)
    wanted = int(block.says.removeprefix("exit=") or 0)
    return [
        Command(text, tuple(prints), wanted if place == len(rows) else 0, line)
        for place, (text, prints, line) in enumerate(rows, 1)
    ]


def carry_out(page: str, folder: Path, *, in_process: bool = False) -> int:
    """Do what a page says, in a folder; how many commands were run. AssertionError where it is not as it says.

    With `in_process`, `vestry` is called rather than started, which takes a third of the time.
    """
    count = 0
    environment = _environment(folder)
    for block in blocks(page):
        if block.language == "console":
            for command in commands(block):
                if command.text.startswith("cd "):
                    folder = (folder / command.text[3:]).resolve()
                else:
                    _run(command, folder, environment, in_process and command.text.startswith("vestry "))
                count += 1
        elif block.language == "diff" and block.says:
            _change(folder / block.says, block)
        elif block.says:
            file = folder / block.says
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
    return count


def _environment(folder: Path) -> dict[str, str]:
    """The commands of this environment first, and a person for git."""
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in _PERSON.items()}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, **who, "PATH": path, "HOME": str(folder), "COLUMNS": "160", "NO_COLOR": "1"}


_PERSON = {"NAME": "Jo Bloggs", "EMAIL": "jo@example.org"}


def _run(command: Command, folder: Path, environment: dict[str, str], in_process: bool) -> None:
    """Run a command, and hold what it prints against what the page says."""
    code, printed = (_called if in_process else _started)(command.text, folder, environment)
    at = f"line {command.line}: {command.text}\n{printed}"
    assert code == command.exit_code, f"{at}\nended with {code}, not {command.exit_code}"
    if command.prints:
        there, claimed = list(_plain(printed.splitlines())), list(_plain(command.prints))
        assert _agree(there, claimed), f"{at}\nThe page says:\n" + "\n".join(command.prints)


def _started(text: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """The command's exit code, and what it prints to either stream, as a process of its own."""
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


def _called(text: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """As `_started`, of the `vestry` command, in this process."""
    with contextlib.chdir(folder):
        done = CliRunner().invoke(main, shlex.split(text)[1:], env=environment, catch_exceptions=False)
    return done.exit_code, done.output


def _plain(lines: Sequence[str]) -> Iterator[str]:
    """Lines without what differs from run to run; blank ones are left out."""
    for line in lines:
        text = line
        for pattern, stands in _ANY:
            text = pattern.sub(stands, text)
        if text.strip():
            yield text.strip()


def _agree(printed: Sequence[str], claimed: Sequence[str]) -> bool:
    """Are the lines the same, but for gaps?"""
    if not claimed:
        return not printed
    if claimed[0] == GAP:
        return any(_agree(printed[place:], claimed[1:]) for place in range(len(printed) + 1))
    return bool(printed) and printed[0] == claimed[0] and _agree(printed[1:], claimed[1:])


def _change(file: Path, block: Block) -> None:
    rows = block.text.splitlines()
    old = "\n".join(r[1:] for r in rows if r.startswith("-"))
    new = "\n".join(r[1:] for r in rows if r.startswith("+"))
    text = file.read_text(encoding="utf-8")
    assert f"\n{text}\n".count(f"\n{old}\n") == 1, f"line {block.line}: {block.says} does not have once\n{old}"
    file.write_text(f"\n{text}\n".replace(f"\n{old}\n", f"\n{new}\n")[1:-1], encoding="utf-8")
