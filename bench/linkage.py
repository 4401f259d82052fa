"""How well, and how fast, the citizen index links people whom it has never seen, by its defaults alone.

`python -m bench.linkage NAME` prints one measurement as JSON: febrl4, febrl3, dupehell, westmarsh (how well), million,
incremental, stable (how fast, and whose ids stay). `all --write` makes `docs/linkage-quality.md` of all of them.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

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


#: Towns of the same size and kind, of other people; the first is the one that is measured above.
_SEEDS = (7, 8, 9, 10, 11)


@measure
def towns(work: Path) -> dict[str, Any]:
    """Several Westmarshes: of a small group in one town nobody can tell chance from being seen less well."""
    found: list[dict[str, Any]] = []
    for seed in _SEEDS:
        root = work / "project"
        truth = people_sets.westmarsh(root, seed=seed)
        in_a_process("bench.linkage", "run", root, f"+{INDEX}")
        found.append(judged(root, truth))
    pairs = {
        side: sum(e["pairwise"]["right"] for e in found)
        / sum(e["pairwise"]["right"] + e["pairwise"][lost] for e in found)
        for side, lost in (("precision", "false"), ("recall", "missed"))
    }
    traditions = {}
    for name in found[0]["by_group"]["naming_tradition"]:
        here = [e["by_group"]["naming_tradition"][name] for e in found]
        links = sum(g["links"] for g in here)
        recalls = [g["recall"] for g in here]
        recall = sum(g["recall"] * g["links"] for g in here) / links
        traditions[name] = {"links": round(links), "recall": recall, "least": min(recalls), "most": max(recalls)}
    return {"seeds": list(_SEEDS), "pairwise": pairs, "traditions": traditions}


#: Of the million, held back to come later: a thousand records, and a twentieth.
_THOUSAND = "hash(record_id) % 1000 = 0"
_TWENTIETH = "hash(record_id, 1) % 20 = 0"


#: How often is measured what takes long, for a machine is not equally fast at all times: the fastest counts.
_TURNS = 2


@measure
def million(work: Path) -> dict[str, Any]:
    """A first index of a million records, and by turns Splink itself with the same settings over the same records."""
    root, truth = _english(work, 1_000_000)
    ran, bare = [], []
    for _ in range(_TURNS):
        for made in ("lake", ".vestry"):
            shutil.rmtree(root / made, ignore_errors=True)
        ran.append(in_a_process("bench.linkage", "run", root, f"+{INDEX}"))
        bare.append(in_a_process("bench.linkage", "splink", root))
    ours, theirs = min(ran, key=lambda r: r["index_seconds"]), min(bare, key=lambda r: r["seconds"])
    return {
        "run": ours,
        "splink_run": theirs,
        "ratio": round(ours["index_seconds"] / theirs["seconds"], 3),
        "turns": [(a["index_seconds"], b["seconds"]) for a, b in zip(ran, bare, strict=True)],
        "vestry": judged(root, truth),
    }


@measure
def incremental(work: Path) -> dict[str, Any]:
    """A thousand new records against an index of a million."""
    root, truth = _english(work, 1_001_000, _THOUSAND)
    first = in_a_process("bench.linkage", "run", root, f"+{INDEX}")
    begun = work / "begun"
    root.rename(begun)
    new, then = 0, []
    for _ in range(_TURNS):
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(begun, root)
        new = _add(work, root)
        then.append(in_a_process("bench.linkage", "run", root, f"+{INDEX}"))
    run = min(then, key=lambda r: r["index_seconds"])
    share = run["index_seconds"] / first["index_seconds"]
    return {"run": run, "first": first, "new": new, "share": round(share, 4), "vestry": judged(root, truth)}


@measure
def stable(work: Path) -> dict[str, Any]:
    """Whose id changed when a twentieth of the records came later, and by what."""
    root, truth = _english(work, 200_000, _TWENTIETH)
    first = in_a_process("bench.linkage", "run", root, f"+{INDEX}")
    before = work / "before.parquet"
    _ask(root, f"COPY (SELECT source, record_id, person_id FROM {{record}}) TO '{before}' (FORMAT parquet)")
    (last,) = _ask(root, "SELECT max(event_id) FROM {event}")[0]
    new = _add(work, root)
    then = in_a_process("bench.linkage", "run", root, f"+{INDEX}")
    told = (
        f"SELECT DISTINCT old_person_id AS was, person_id AS now FROM {{event}} WHERE event_id > {last} "
        "AND kind IN ('merge', 'split', 'move')"
    )
    changed = (
        f"SELECT b.person_id AS was, r.person_id AS now, count(*) AS records FROM '{before}' AS b "
        "JOIN {record} AS r USING (source, record_id) WHERE b.person_id <> r.person_id GROUP BY ALL"
    )
    people, records, untold = _ask(
        root,
        f"SELECT count(DISTINCT was), coalesce(sum(records), 0), count(*) FILTER ((was, now) NOT IN "
        f"(SELECT (was, now) FROM ({told}))) FROM ({changed})",
    )[0]
    kinds = _ask(root, f"SELECT kind, count(*) FROM {{event}} WHERE event_id > {last} GROUP BY ALL ORDER BY ALL")
    return {
        "run": then,
        "first": first,
        "new": new,
        "people_whose_id_changed": people,
        "their_records": int(records),
        "changed_without_an_event": untold,
        "events": dict(kinds),
        "vestry": judged(root, truth),
    }


def _english(work: Path, records: int, later: str | None = None) -> tuple[Path, Path]:
    made = people_sets.english(work, records)
    if later:
        people_sets.hold_back(made, later)
    root = work / "project"
    people_sets.write_project(root, made)
    return root, made.truth


def _add(work: Path, root: Path) -> int:
    """Let the files that were held back come in; how many records they hold."""
    count = 0
    for file in sorted(work.glob("*-later.parquet")):
        row = duckdb.execute(f"SELECT count(*) FROM '{file}'").fetchone()
        count += row[0] if row else 0
        shutil.copy(file, root / "drop" / file.name)
    return count


def _ask(root: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask with {record}, {event}, {standard} and {model} of the index for relations."""
    from vestry.run.workspace import Workspace

    workspace = Workspace.open(root)
    parts = {"record": "_record", "event": "_event", "standard": "__standard", "model": "__model"}
    named = {name: workspace.engine.relation(_name(f"{INDEX}.person{part}")) for name, part in parts.items()}
    answer = workspace.engine.cursor().execute(sql.format(**named)).fetchall()
    workspace.engine.close()
    return answer


def splink(root: Path) -> dict[str, float]:
    """Splink itself, on records that are standardised already: train, predict, cluster, with the index's settings."""
    import logging
    import warnings

    from splink import DuckDBAPI, Linker

    from vestry.mdm.people.linker import RANDOM_PAIRS, training_rules
    from vestry.mdm.people.standard import comparable

    logging.getLogger("splink").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    held = json.loads(_ask(root, "SELECT model FROM {model} ORDER BY model_id DESC LIMIT 1")[0][0])
    records = root / "standard.parquet"
    _ask(root, f"COPY (SELECT * FROM {comparable('{standard}')}) TO '{records}' (FORMAT parquet)")
    con = duckdb.connect()
    started = time.perf_counter()
    con.execute(f"CREATE TABLE records AS FROM '{records}'")
    linker = Linker("records", held["settings"], DuckDBAPI(connection=con), set_up_basic_logging=False)
    linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=1)
    for rule in training_rules(con, "records", _filled(con)):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    # What was trained here is thrown away: the pairs are weighed by the very model of the index.
    linker = Linker("records", held["settings"], DuckDBAPI(connection=con), set_up_basic_logging=False)
    pairs = linker.inference.predict(threshold_match_weight=-12)
    linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_weight=0)
    seconds = time.perf_counter() - started
    records.unlink()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round(seconds, 2), "peak_mb": round(peak)}


def _filled(con: duckdb.DuckDBPyConnection) -> list[str]:
    from vestry.mdm.people.standard import COMPARED

    counts = con.execute(f"SELECT {', '.join(f'count({c})' for c in COMPARED)} FROM records").fetchone() or ()
    return [c for c, count in zip(COMPARED, counts, strict=True) if count]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.linkage", description=__doc__)
    parser.add_argument("what", choices=["all", "run", "splink", *MEASURES])
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--write", action="store_true", help="make docs/linkage-quality.md")
    parser.add_argument("--keep", type=Path, help="a folder to work in, which is kept")
    args = parser.parse_args()
    if args.what == "run":
        print(json.dumps(run(Path(args.rest[0]), *args.rest[1:])))
        return
    if args.what == "splink":
        print(json.dumps(splink(Path(args.rest[0]))))
        return
    found = {}
    for name in MEASURES if args.what == "all" else [args.what]:
        with people_sets.scratch() as folder:
            work = (args.keep or Path(folder)) / name
            work.mkdir(parents=True, exist_ok=True)
            found[name] = MEASURES[name](work)
            print(json.dumps({"measure": name, **found[name]}, indent=1), flush=True)
    if args.write:
        from bench import linkage_page

        linkage_page.write(found)


if __name__ == "__main__":
    main()
