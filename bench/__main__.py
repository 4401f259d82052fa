"""`make bench`: runs every work in turn with its rival, prints the ratios, and keeps them in `bench/results/`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Pair:
    """A work, its rival, and the ratio to reach: `at_most` ours / theirs, or `at_least` theirs / ours."""

    title: str
    ours: str
    rival: str | None
    at_most: float | None = None
    at_least: float | None = None
    peak_mb: float | None = None
    runs: int = 3


PAIRS = [
    Pair("5-million-row CSV to bronze / DuckDB's COPY", "csv_vestry", "csv_duckdb", at_most=1.35, peak_mb=1200),
    Pair("the same against dlt's default way (250,000 rows)", "csv_small_vestry", "csv_small_dlt", at_least=3, runs=1),
    Pair("SQLite table of 5 million rows to bronze / scan and COPY", "sqlite_vestry", "sqlite_duckdb", at_most=1.35),
    Pair("PostgreSQL table of 5 million rows to bronze / COPY", "postgres_vestry", "postgres_duckdb", at_most=1.3),
    Pair(
        "the same against dlt's sql_database (250,000 rows)",
        "postgres_small_vestry",
        "postgres_small_dlt",
        at_least=4,
        runs=1,
    ),
    Pair("1,000 changed of 5 million by row hash / keys and hashes read", "hash_vestry", "hash_duckdb", at_most=1.5),
    Pair("join and aggregate with ten rules / the bare SQL", "build_vestry", "build_duckdb", at_most=1.5),
    Pair("discovery of 200 tables of 100,000 rows (seconds)", "discovery", None, at_most=120, peak_mb=1000, runs=1),
    Pair("run with nothing to do, 30 products (seconds)", "idle_vestry", None, at_most=1.0),
    Pair(
        "1,000 changed of 5 million in a snapshot / its full build",
        "snapshot_changed",
        "snapshot_full",
        at_most=0.10,
        runs=1,
    ),
    Pair("portal over 2,000 tables, 50 readers at once: p95 (seconds)", "pages", None, at_most=0.1, runs=1),
    Pair("catalogue of 2,000 tables after a change (seconds)", "rebuild", None, at_most=1.0, runs=1),
    Pair("search in 200,000 documents: p95 (seconds)", "search", None, at_most=0.02, runs=1),
    Pair("10,000 decisions on columns of 1,000 tables, in batches (seconds)", "decisions", None, at_most=1.0),
    Pair("governed SQL over 5 million rows / delta_scan", "governed_whole", "governed_whole_duckdb", at_most=1.3),
    Pair(
        "the same of a release with two masks / delta_scan of it",
        "governed_masked",
        "governed_masked_duckdb",
        at_most=1.3,
        runs=5,
    ),
    Pair("making that release / COPY of its SELECT", "governed_release", "governed_release_duckdb", at_most=1.5),
    Pair(
        "Delta Sharing, 5 million rows to pandas by the official client / the same files from disk",
        "sharing_loaded",
        "sharing_disk",
        at_most=1.5,
    ),
    Pair("MQTT, 5,000 a second, killed three times: p99 (seconds)", "mqtt_to_queryable", None, at_most=15, runs=1),
]


def measure(name: str) -> dict[str, float]:
    """Run one work in a process of its own: seconds of the work, peak memory of the process in MB."""
    done = subprocess.run([sys.executable, "-m", "bench.cases", name], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def judge(pair: Pair) -> dict[str, object]:
    """Run a pair in turn, and compare run by run."""
    ours, theirs = [], []
    for _ in range(pair.runs):
        if pair.rival:
            theirs.append(measure(pair.rival))
        ours.append(measure(pair.ours))
    seconds = statistics.median(r["seconds"] for r in ours)
    peak = max(r["peak_mb"] for r in ours)
    rival = statistics.median(r["seconds"] for r in theirs) if theirs else None
    ratios = [a["seconds"] / b["seconds"] for a, b in zip(ours, theirs, strict=False)]
    if pair.at_least:
        figure = 1 / statistics.median(ratios)
        reached, wanted = figure >= pair.at_least, f"at least {pair.at_least:g} ×"
    else:
        figure = statistics.median(ratios) if ratios else seconds
        reached, wanted = figure <= (pair.at_most or 0), f"at most {pair.at_most:g}"
    if pair.peak_mb:
        reached, wanted = reached and peak <= pair.peak_mb, f"{wanted}, {pair.peak_mb:g} MB"
    return {
        "work": pair.title,
        "seconds": round(seconds, 3),
        "rival": rival and round(rival, 3),
        "figure": round(figure, 3),
        "wanted": wanted,
        "peak_mb": round(peak),
        "reached": bool(reached),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("only", nargs="*", help="part of a work's title")
    only = parser.parse_args().only
    rows = []
    print(f"{'work':<60} {'ours s':>8} {'rival s':>8} {'figure':>7} {'peak MB':>8}  to reach")
    for pair in PAIRS:
        if only and not any(word in pair.title for word in only):
            continue
        row = judge(pair)
        rows.append(row)
        rival = f"{row['rival']:.2f}" if row["rival"] else ""
        sign = "✓" if row["reached"] else "✗"
        print(
            f"{row['work']:<60} {row['seconds']:>8.2f} {rival:>8} {row['figure']:>7.2f} {row['peak_mb']:>8}  "
            f"{sign} {row['wanted']}",
            flush=True,
        )
    RESULTS.mkdir(exist_ok=True)
    kept = RESULTS / f"{datetime.now(UTC):%Y-%m-%d}.json"
    machine = {"processors": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    # What was measured earlier the same day stays, unless it was measured again.
    measured = {row["work"] for row in rows}
    earlier = json.loads(kept.read_text())["works"] if kept.is_file() else []
    rows = [*(row for row in earlier if row["work"] not in measured), *rows]
    kept.write_text(json.dumps({"machine": machine, "works": rows}, indent=1, ensure_ascii=False) + "\n")
    print(f"kept in {kept.relative_to(Path.cwd()) if kept.is_relative_to(Path.cwd()) else kept}")


if __name__ == "__main__":
    main()
