"""Links of the pages lead somewhere, commands that they name exist, and every package has its decision."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from blocks import blocks

from vestry.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("README.md")),
]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"\bvestry ([a-z]+)\b([^\n`|#]*)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page):
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        place, _, heading = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        if heading:
            assert heading in {anchor(title) for title in headings(target)}, link


def headings(page: Path) -> Iterator[str]:
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            yield line.lstrip("# ")


def anchor(title: str) -> str:
    """A heading as GitHub writes it in a link."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_that_are_named_exist_with_their_options(page):
    for name, rest in _COMMAND.findall(code_of(page.read_text(encoding="utf-8"))):
        assert name in main.commands, f"vestry {name}"
        command = main.commands[name]
        inner = rest.split()
        while isinstance(command, click.Group) and inner:
            assert inner[0] in command.commands, f"vestry {name}{rest}"
            command = command.commands[inner.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts} | {"-h", "--help"}
        named = re.findall(r"(?<=\s)(--[a-z0-9-]+|-[A-Za-z]\b)", rest.partition("&&")[0])
        assert set(named) <= options, f"vestry {name}{rest}"


def code_of(page: str) -> str:
    """What stands in blocks as commands, or between backticks."""
    plain = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks(page) if block.language in ("console", "sh") for line in block.text.splitlines()]
    return "\n".join([*lines, *re.findall(r"`([^`\n]+)`", plain)])


def test_words_of_make_that_are_named_exist():
    words = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        text = code_of(page.read_text(encoding="utf-8"))
        for named in re.findall(r"(?:^|(?<=`))make ((?:[a-z]+ ?)+)", text, re.MULTILINE):
            assert set(named.split()) <= words, f"{page.name}: make {named}"


def test_every_decision_is_listed():
    folder = ROOT / "docs" / "decisions"
    listed = set(_LINK.findall((folder / "README.md").read_text(encoding="utf-8")))
    assert listed == {page.name for page in folder.glob("[0-9]*.md")}


def test_every_package_that_is_needed_has_a_decision():
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "decisions").glob("[0-9]*.md")]
    lines = [line for page in pages for line in re.findall(r"^\*\*Packages\*\*:.*$", page, re.MULTILINE)]
    named = {name for line in lines for name in re.findall(r"`([^`]+)`", line)}
    assert {re.split(r"[^\w-]", entry)[0] for entry in needed} <= named
