"""Make Westmarsh: the world first, then what each system holds of it, then the truth.

The world is a set of DuckDB tables; every draw is a hash of the seed and a key (``sql/chance.sql``), so the same
seed and size give the same rows on any machine, whatever its number of threads.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from pathlib import Path

import duckdb

from vestry.demo import gazetteer, truth
from vestry.demo.faults import load_faults
from vestry.demo.script import run_script
from vestry.demo.systems import SYSTEMS

#: People for each household that lives outside care homes and hostels, as the kinds and traditions give it.
PEOPLE_PER_HOUSEHOLD = 2.62
FEWEST_PEOPLE = 500
MOST_PEOPLE = 5_000_000


@dataclass(frozen=True)
class Systems:
    """What was written: where, and how much."""

    systems: Path
    truth: Path
    people: int
    """Persons who ever lived in Westmarsh in the two years (the living and the dead)."""
    homes: int
    records: int
    """Records of persons over all systems."""
    counts: dict[str, int]
    """Rows of each system's tables, by ``system.table``."""


def make_systems(
    target: Path,
    *,
    people: int = 20_000,
    seed: int = 7,
    today: date = date(2026, 9, 30),
    threads: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Systems:
    """Write Westmarsh's systems to ``target/systems`` and the truth to ``target/truth``, replacing what is there.

    ``people`` is about how many live there on a day; ``today`` is the last of the two years that the data tell.
    ``progress`` is told what is being made.
    """
    if not FEWEST_PEOPLE <= people <= MOST_PEOPLE:
        raise ValueError(f"people must be between {FEWEST_PEOPLE} and {MOST_PEOPLE}, not {people}")
    systems_dir, truth_dir = target / "systems", target / "truth"
    for folder in (systems_dir, truth_dir):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".making-") as spill:
        con = _connect(Path(spill), threads)
        try:
            progress("people, homes and two years of life")
            _make_world(con, people=people, seed=seed, today=today)
            progress("gazetteer")
            counts = gazetteer.write(con, systems_dir / "gazetteer")
            for write in SYSTEMS:
                progress(write.__module__.rpartition(".")[2].replace("_", " "))
                counts |= write(con, systems_dir)
            progress("the truth")
            truth.write(con, truth_dir)
            totals = con.execute(
                """SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM property WHERE NOT communal),
                          (SELECT count(*) FROM truth_record)"""
            ).fetchone()
        finally:
            con.close()
    assert totals is not None
    return Systems(systems_dir, truth_dir, totals[0], totals[1], totals[2], counts)


def _connect(spill: Path, threads: int | None) -> duckdb.DuckDBPyConnection:
    import duckdb_extension_sqlite_scanner  # type: ignore[import-untyped]

    con = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": str(spill),
            "memory_limit": "2500MB",
            # Rows are put in order where they are written; keeping it in between only costs memory.
            "preserve_insertion_order": "false",
        }
    )
    if threads is not None:
        con.execute(f"SET threads = {int(threads)}")
    folder = Path(next(iter(duckdb_extension_sqlite_scanner.__path__)))
    extension = next(folder.rglob("sqlite_scanner.duckdb_extension"))
    con.execute(f"LOAD '{extension}'")
    return con


def _make_world(con: duckdb.DuckDBPyConnection, *, people: int, seed: int, today: date) -> None:
    # The month two years and a month back: the first whole month of the two years is then complete.
    start = date(today.year - 2, today.month, 1)
    start = (start - timedelta(days=1)).replace(day=1)
    care_residents = round(people * 0.006)
    hostel_residents = round(people * 0.0015)
    households = round((people - care_residents - hostel_residents) / PEOPLE_PER_HOUSEHOLD)
    homes = math.ceil(households * 1.075)
    variables: dict[str, object] = {
        "seed": str(seed),
        "today": today,
        "start": start,
        "span": (today - start).days,
        "households": households,
        "arrivals": round(households * 0.07),
        "homes": homes,
        "care_residents": care_residents,
        "hostel_residents": hostel_residents,
        "care_homes": max(1, round(care_residents / 38)),
        "hostels": max(1, round(hostel_residents / 45)),
        "lsoas": max(1, math.ceil(homes / 12 / 700)),
        "primaries": max(2, round(people / 3000)),
        "secondaries": max(1, round(people / 15000)),
    }
    for name, value in variables.items():
        con.execute(f"SET VARIABLE {name} = ?", [value])
    run_script(con, "chance.sql")
    load_faults(con)
    with resources.as_file(resources.files("vestry.demo") / "data") as data:
        con.execute("SET VARIABLE data = ?", [str(data)])
        run_script(con, "names.sql")
        con.execute("SET VARIABLE data = ?", [str(data)])
        run_script(con, "places.sql")
        run_script(con, "people.sql")
    gazetteer.add_positions(con)
    run_script(con, "life.sql")
    quarter = start
    while quarter < today:
        end = _months_on(quarter, 3)
        con.execute("SET VARIABLE quarter = ?", [quarter])
        con.execute("SET VARIABLE quarter_end = ?", [end])
        run_script(con, "moves.sql")
        quarter = end
    run_script(con, "adoption.sql")
    run_script(con, "stays.sql")
    run_script(con, "pupils.sql")
    run_script(con, "needs.sql")
    run_script(con, "truth.sql")


def _months_on(day: date, months: int) -> date:
    month = day.month - 1 + months
    return date(day.year + month // 12, month % 12 + 1, 1)
