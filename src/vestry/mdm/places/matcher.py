"""uk-address-matcher, and the gazetteer as it prepares it.

The matcher works on an engine of its own: it keeps tables under fixed names, and one run may have several recipes. The
prepared gazetteer is kept in the project's state folder, by what it was made of: a cache that may be deleted.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import duckdb
import pyarrow as pa
from filelock import FileLock

from vestry.mdm.places.model import Gazetteer

#: Rows that the matcher cleans at a time: what it holds in memory does not grow with the gazetteer.
_CHUNK = 250_000


def prepared_key(gazetteer: Gazetteer, data: int) -> str:
    """What the prepared gazetteer rests on: the version of its rows, how they are read, the tools that read them."""
    parts = [data, gazetteer.model_dump(mode="json"), version("vestry"), version("uk-address-matcher")]
    text = json.dumps([*parts, duckdb.__version__], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def prepared(con: duckdb.DuckDBPyConnection, folder: Path, key: str) -> Iterator[Path]:
    """The gazetteer as the matcher prepares it: made where it is not there, held for as long as it is used."""
    from uk_address_matcher import prepare_canonical_folder

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        kept = folder / key
        if not kept.is_dir():
            aside = folder / f"making-{os.getpid()}"
            shutil.rmtree(aside, ignore_errors=True)
            rows = con.execute(
                "SELECT uprn AS unique_id, address AS address_concat, postcode FROM places_entry ORDER BY ALL"
            )
            entries = rows.to_arrow_table()
            with _engine(con, folder) as own:
                own.execute("CREATE TABLE vestry_entries AS SELECT * FROM entries")
                prepare_canonical_folder(
                    own.table("vestry_entries"),
                    aside,
                    con=own,
                    num_of_chunks=_chunks(entries.num_rows),
                    show_progress="off",
                )
            for old in folder.iterdir():
                if old.is_dir() and old != aside:
                    shutil.rmtree(old, ignore_errors=True)
            aside.rename(kept)
        yield kept


def match(con: duckdb.DuckDBPyConnection, texts: pa.Table, kept: Path, folder: Path) -> pa.Table:
    """The matcher's best for each text (unique_id, address_concat, postcode): id, uprn, reason, weight, apart."""
    from uk_address_matcher import AddressMatcher, ExactMatchStage, SplinkStage

    with _engine(con, folder) as own:
        own.execute("CREATE TABLE vestry_texts AS SELECT * FROM texts")
        matcher = AddressMatcher(
            kept,
            own.table("vestry_texts"),
            con=own,
            # Whether the best is far enough from the next is judged by us, with a reason that a person can read.
            stages=[ExactMatchStage(), SplinkStage(final_distinguishability_threshold=None)],
            cleaning_num_chunks=_chunks(texts.num_rows),
            show_progress="off",
        )
        made = matcher.match().matches(all_columns=True)
        columns = (
            "match_weight, distinguishability"
            if "match_weight" in made.columns
            else "NULL::DOUBLE AS match_weight, NULL::DOUBLE AS distinguishability"
        )
        return own.execute(
            f"""SELECT unique_id::BIGINT AS id, resolved_canonical_id AS uprn,
                    split_part(match_reason, ':', 1) AS reason, match_weight::DOUBLE AS weight,
                    distinguishability::DOUBLE AS apart
                FROM (SELECT unique_id, resolved_canonical_id, match_reason, {columns} FROM ({made.sql_query()}))
                WHERE resolved_canonical_id IS NOT NULL"""
        ).to_arrow_table()


def _setting(con: duckdb.DuckDBPyConnection, name: str) -> object:
    row = con.execute("SELECT current_setting(?)", [name]).fetchone()
    assert row is not None
    return row[0]


def _chunks(rows: int) -> int:
    return max(1, -(-rows // _CHUNK))


@contextmanager
def _engine(con: duckdb.DuckDBPyConnection, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine of the matcher's own, as large as the run's. Its logs could hold addresses: it logs nothing."""
    memory, threads = (str(_setting(con, name)) for name in ("memory_limit", "threads"))
    own = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": memory,
            "threads": threads,
            "temp_directory": str(folder / "spill"),
        }
    )
    loggers = [logging.getLogger(name) for name in ("uk_address_matcher", "splink")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield own
    finally:
        own.close()
        shutil.rmtree(folder / "spill", ignore_errors=True)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
