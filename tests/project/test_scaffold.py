"""`vestry init`: what it writes is without fault, and works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vestry.products.check import check
from vestry.project import VestryError, load_project
from vestry.project.scaffold import init_project


def test_the_starter_has_no_fault(tmp_path: Path) -> None:
    files = init_project(tmp_path / "new" / "council")
    assert [f.relative_to(tmp_path / "new" / "council").as_posix() for f in files] == [
        ".gitignore",
        "README.md",
        "domains/housing/domain.yaml",
        "domains/housing/repairs/README.md",
        "domains/housing/repairs/contract.yaml",
        "domains/housing/repairs/repair.sql",
        "incoming/repairs-2025-01.csv",
        "sources/repairs.yaml",
        "vestry.toml",
    ]
    assert check(tmp_path / "new" / "council") == []
    assert [str(t) for t in load_project(tmp_path / "new" / "council").tables] == ["housing.repairs.repair"]


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(VestryError) as error:
        init_project(tmp_path)
    assert str(error.value) == f"{tmp_path} is not empty: it holds notes.txt\n  name a folder that is new or empty"
    with pytest.raises(VestryError, match="is a file"):
        init_project(tmp_path / "notes.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_with_only_git_in_it_is_new(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert init_project(tmp_path)


@pytest.mark.slow
def test_the_starter_passes_the_lint_of_the_standard(tmp_path: Path) -> None:
    init_project(tmp_path)
    contract = tmp_path / "domains/housing/repairs/contract.yaml"
    command = [str(Path(sys.executable).parent / "datacontract"), "lint", str(contract)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
