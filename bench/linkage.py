"""How well, and how fast, the citizen index links people whom it has never seen, by its defaults alone.

`python -m bench.linkage NAME` prints one measurement as JSON: febrl4, febrl3, dupehell, westmarsh (how well), million,
incremental, stable (how fast, and whose ids stay). `all --write` makes `docs/linkage-quality.md` of all of them.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import people_sets

INDEX = "people.index"
Measure = Callable[[Path], dict[str, Any]]
MEASURES: dict[str, Measure] = {}


def measure(function: Measure) -> Measure:
    MEASURES[function.__name__] = function
    return function


def in_a_process(*args: object) -> dict[str, Any]:
    """Run a module of the bench in a process of its own, and what it prints last."""
    command = [sys.executable, "-m", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run(root: Path, *select: str) -> dict[str, float]:
    """`vestry run`: seconds of each step that was done, all together, and the peak memory of this process."""
    from vestry.run.workspace import Workspace

    workspace = Workspace.open(root)
    started = time.perf_counter()
    outcomes = workspace.run(select, lambda event: None)
    seconds = time.perf_counter() - started
    wrong = [f"{o.step.name}: {o.detail} {o.error or ''}" for o in outcomes if o.status not in ("done", "skipped")]
    if wrong:
        raise SystemExit("\n".join(wrong))
    steps = {str(o.step.name): round(o.seconds, 2) for o in outcomes if o.status == "done"}
    index = sum(s for name, s in steps.items() if name.startswith(INDEX))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round(seconds, 2), "index_seconds": round(index, 2), "peak_mb": round(peak)}


def judged(root: Path, truth: Path, found: str | None = None) -> dict[str, Any]:
    """The evaluation of a project's index, or of the clusters in a file (with what the index knows of the records)."""
    from vestry.mdm.people.evaluation import evaluate, read_truth
    from vestry.project import TableName
    from vestry.run.workspace import Workspace

    workspace = Workspace.open(root)
    con = workspace.engine.cursor()
    relation = workspace.engine.relation(TableName.parse(f"{INDEX}.person_record"))
    if found:
        relation = (
            f"(SELECT r.* REPLACE (f.person_id AS person_id) FROM {relation} AS r "
            f"JOIN read_parquet('{found}') AS f USING (source, record_id))"
        )
    evaluation = evaluate(con, relation, read_truth(con, truth)).as_dict()
    workspace.engine.close()
    return evaluation


def rival(root: Path, work: Path) -> tuple[dict[str, Any], Path]:
    """Plain Splink over what the match file's columns hold: seconds and memory, and its clusters."""
    from vestry.mdm.people.model import read_match
    from vestry.mdm.people.standard import prepare, see
    from vestry.run.workspace import Workspace

    workspace = Workspace.open(root)
    con = workspace.engine.cursor()
    file = root / "domains/people/index/person.match.yaml"
    _, spec = read_match(file, file.name)
    for table in [*spec.people, *spec.homes]:
        workspace.engine.mount(table.name if hasattr(table, "name") else _name(table.table))
    prepare(con, spec)
    see(con, spec)
    records, clusters = work / "records.parquet", work / "clusters.parquet"
    con.execute(f"COPY (SELECT * FROM mdm_seen) TO '{records}' (FORMAT parquet)")
    workspace.engine.close()
    return in_a_process("bench.plain_splink", records, clusters), clusters


def _name(table: str) -> Any:
    from vestry.project import TableName

    return TableName.parse(table)


def compared(root: Path, work: Path, truth: Path) -> dict[str, Any]:
    """Run a project's index and plain Splink, and judge both."""
    ran = in_a_process("bench.linkage", "run", root, f"+{INDEX}")
    plain, clusters = rival(root, work)
    return {
        "run": ran,
        "vestry": judged(root, truth),
        "splink_run": plain,
        "splink": judged(root, truth, str(clusters)),
    }


def _of_set(work: Path, made: people_sets.PeopleSet) -> dict[str, Any]:
    root = work / "project"
    people_sets.write_project(root, made)
    return compared(root, work, made.truth)


@measure
def febrl4(work: Path) -> dict[str, Any]:
    return _of_set(work, people_sets.febrl4(work))


@measure
def febrl3(work: Path) -> dict[str, Any]:
    return _of_set(work, people_sets.febrl3(work))


@measure
def dupehell(work: Path) -> dict[str, Any]:
    return _of_set(work, people_sets.dupehell(work))


@measure
def dupehell_patients(work: Path) -> dict[str, Any]:
    """Another of its domains: what suits one set only would show."""
    return _of_set(work, people_sets.dupehell(work, "healthcare"))


@measure
def westmarsh(work: Path) -> dict[str, Any]:
    root = work / "project"
    truth = people_sets.westmarsh(root)
    return compared(root, work, truth)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.linkage", description=__doc__)
    parser.add_argument("what", choices=["all", "run", *MEASURES])
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--write", action="store_true", help="make docs/linkage-quality.md")
    parser.add_argument("--keep", type=Path, help="a folder to work in, which is kept")
    args = parser.parse_args()
    if args.what == "run":
        print(json.dumps(run(Path(args.rest[0]), *args.rest[1:])))
        return
    for name in MEASURES if args.what == "all" else [args.what]:
        with people_sets.scratch() as folder:
            work = (args.keep or Path(folder)) / name
            work.mkdir(parents=True, exist_ok=True)
            print(json.dumps({"measure": name, **MEASURES[name](work)}, indent=1), flush=True)


if __name__ == "__main__":
    main()
