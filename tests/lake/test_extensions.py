"""What the engine loads is signed by DuckDB."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb
import pytest

from vestry.lake import engine


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of an extension, and a cache of its own."""
    file = tmp_path / "delta.duckdb_extension"
    shutil.copy(engine.extension("delta"), file)
    monkeypatch.setattr(engine, "extension", lambda _: file)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return file


def change(file: Path) -> None:
    """Change some bytes and leave size and times as they were."""
    before = file.stat()
    with file.open("r+b") as opened:
        opened.seek(1000)
        opened.write(b"changed")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_extension_that_was_changed_is_not_loaded(copied, lake):
    change(copied)
    with pytest.raises(duckdb.Error):
        engine.Engine(lake)


def test_nor_one_that_was_changed_after_it_was_found_right(copied, lake):
    engine.Engine(lake).close()
    engine._verify.cache_clear()  # as another process
    engine.Engine(lake).close()
    engine._verify.cache_clear()
    change(copied)
    with pytest.raises(duckdb.Error):
        engine.Engine(lake)


def test_what_was_found_right_is_not_read_again(copied, lake, monkeypatch):
    engine.Engine(lake).close()
    engine._verify.cache_clear()
    begun = []
    connect = duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda *a, **more: begun.append(more["config"]) or connect(*a, **more))
    engine.Engine(lake).close()
    assert [c["allow_unsigned_extensions"] for c in begun] == ["true"]  # none that checks


def test_where_nothing_can_be_noted_it_is_checked_each_time(copied, lake, monkeypatch, tmp_path):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a file"))
    engine.Engine(lake).close()
    engine._verify.cache_clear()
    change(copied)
    with pytest.raises(duckdb.Error):
        engine.Engine(lake)
