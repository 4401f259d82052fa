"""What the engine loads is signed by DuckDB."""

from __future__ import annotations

import shutil

import duckdb
import pytest

from vestry.lake import engine


def test_an_extension_that_was_changed_is_not_loaded(tmp_path, monkeypatch, lake):
    changed = tmp_path / "delta.duckdb_extension"
    shutil.copy(engine.extension("delta"), changed)
    with changed.open("r+b") as file:
        file.seek(1000)
        file.write(b"changed")
    monkeypatch.setattr(engine, "extension", lambda _: changed)
    with pytest.raises(duckdb.Error):
        engine.Engine(lake)
