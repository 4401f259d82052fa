"""The tutorial is carried out, command by command, and prints what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import blocks, carry_out

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_every_command_of_the_tutorial_does_what_the_page_says(tmp_path):
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    (tmp_path / "vestry").symlink_to(ROOT)
    assert carry_out(page, tmp_path, in_process=True) > 20


def test_the_own_project_of_the_readme_in_six_commands(tmp_path):
    """Each command as a process of its own, as a reader starts it."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert carry_out(page, tmp_path) == 6


def test_files_of_the_tutorial_are_named_in_its_text():
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    for block in blocks(page):
        if block.says and block.language not in ("console", "diff"):
            before = page.splitlines()[max(0, block.line - 6) : block.line - 1]
            assert f"`{block.says}`" in "\n".join(before), f"line {block.line}: the reader is not told to save it"
