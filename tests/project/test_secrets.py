"""Where `${NAME}` comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from vestry.project import VestryError
from vestry.project.secrets import environment, expand


def test_environment_goes_before_the_file_beside_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text('# ours\nONE=file\nexport TWO="quoted value"\nnonsense\n')
    monkeypatch.setenv("ONE", "environment")
    monkeypatch.delenv("TWO", raising=False)
    env = environment(tmp_path)
    assert expand("${ONE}/${TWO}", env=env) == "environment/quoted value"


def test_secret_that_is_nowhere_is_named_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACADEMY_PASSWORD", raising=False)
    with pytest.raises(VestryError, match="ACADEMY_PASSWORD is not set") as caught:
        expand("user:${ACADEMY_PASSWORD}", "sources/academy.yaml:4", environment(tmp_path))
    assert "put it in .env" in caught.value.mend
