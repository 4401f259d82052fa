"""Each work twice: by Vestry, and by the raw engine. Called in a process of its own, `python -m bench.cases NAME`."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import data, governed, portal, servers

Work = Callable[[], float]
WORKS: dict[str, Work] = {}
SMALL = 250_000


def work(function: Work) -> Work:
    WORKS[function.__name__] = function
    return function


def _project(name: str, files: dict[str, str]) -> Path:
    """A council project with an empty lake."""
    root = data.WORK / name
    shutil.rmtree(root, ignore_errors=True)
    for path, text in {"vestry.toml": '[council]\nname = "Benchham"\n', **files}.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def _run(root: Path, *select: str) -> float:
    """Seconds that a run takes, the project being open and the engine started."""
    from vestry.run.workspace import Workspace

    workspace = Workspace.open(root)
    _ = workspace.engine
    started = time.perf_counter()
    outcomes = workspace.run(select, lambda event: None)
    seconds = time.perf_counter() - started
    wrong = [o for o in outcomes if o.status != "done" and o.status != "skipped"]
    assert not wrong, [(str(o.step.name), o.detail, str(o.error)) for o in wrong]
    assert any(o.status == "done" for o in outcomes)
    return seconds


def _duckdb(*statements: str, extension: str | None = None) -> float:
    """Seconds that DuckDB takes for the last of the statements."""
    import duckdb

    from vestry.lake.engine import extension as binary

    con = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    con.execute("SET TimeZone = 'UTC'")
    if extension:
        con.execute(f"LOAD '{binary(extension)}'")
    for statement in statements[:-1]:
        con.execute(statement)
    started = time.perf_counter()
    con.execute(statements[-1])
    return time.perf_counter() - started


def _out(name: str) -> str:
    file = data.WORK / f"{name}.parquet"
    file.unlink(missing_ok=True)
    return f"'{file}' (FORMAT parquet, COMPRESSION zstd)"


def _csv_project(rows: int) -> Path:
    source = f"connector: files\npath: {data.WORK}\ntables:\n  job:\n    files: {data.csv(rows).name}\n"
    return _project(f"csv-{rows}", {"sources/repairs.yaml": source})


@work
def csv_vestry() -> float:
    return _run(_csv_project(data.ROWS))


@work
def csv_duckdb() -> float:
    return _duckdb(f"COPY (FROM read_csv('{data.csv()}')) TO {_out('csv')}")


@work
def csv_small_vestry() -> float:
    return _run(_csv_project(SMALL))


@work
def csv_small_dlt() -> float:
    """dlt as its documentation begins: files, read_csv, the Delta table format."""
    import dlt
    from dlt.sources.filesystem import filesystem, read_csv

    root = data.WORK / "dlt"
    shutil.rmtree(root, ignore_errors=True)
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.filesystem(str(root / "lake")),
        dataset_name="bronze",
        pipelines_dir=str(root / "state"),
    )
    files = filesystem(bucket_url=data.WORK.as_uri(), file_glob=data.csv(SMALL).name)
    started = time.perf_counter()
    pipeline.run((files | read_csv()).with_name("job"), table_format="delta")
    return time.perf_counter() - started


@work
def sqlite_vestry() -> float:
    source = f"connector: database\nurl: sqlite:////{data.sqlite()}\ntables:\n  job:\n"
    return _run(_project("sqlite", {"sources/northgate.yaml": source}))


@work
def sqlite_duckdb() -> float:
    return _duckdb(
        f"ATTACH '{data.sqlite()}' AS src (TYPE sqlite, READ_ONLY)",
        f"COPY (FROM src.job) TO {_out('sqlite')}",
        extension="sqlite_scanner",
    )


@work
def postgres_vestry() -> float:
    with servers.postgres() as url:
        source = f"connector: database\nurl: {url}\ntables:\n  job:\n"
        return _run(_project("postgres", {"sources/academy.yaml": source}))


@work
def postgres_duckdb() -> float:
    with servers.postgres() as url:
        port = url.rsplit(":", 1)[-1].split("/")[0]
        return _duckdb(
            f"ATTACH 'host=127.0.0.1 port={port} user=postgres dbname=postgres' AS src (TYPE postgres, READ_ONLY)",
            f"COPY (FROM src.job) TO {_out('postgres')}",
            extension="postgres_scanner",
        )


@work
def postgres_small_vestry() -> float:
    with servers.postgres(SMALL) as url:
        source = f"connector: database\nurl: {url}\ntables:\n  job:\n"
        return _run(_project("postgres-small", {"sources/academy.yaml": source}))


@work
def postgres_small_dlt() -> float:
    """dlt as its documentation begins: sql_database at its defaults, the Delta table format."""
    import dlt
    from dlt.sources.sql_database import sql_database

    root = data.WORK / "dlt-postgres"
    shutil.rmtree(root, ignore_errors=True)
    with servers.postgres(SMALL) as url:
        pipeline = dlt.pipeline(
            "bench",
            destination=dlt.destinations.filesystem(str(root / "lake")),
            dataset_name="bronze",
            pipelines_dir=str(root / "state"),
        )
        tables = sql_database(url.replace("postgresql://", "postgresql+psycopg2://"), table_names=["job"])
        started = time.perf_counter()
        pipeline.run(tables, table_format="delta")
        return time.perf_counter() - started


@work
def hash_vestry() -> float:
    """A thousand changed rows of five million, found by their hashes."""
    root = data.WORK / "hash"
    with servers.postgres() as url:
        source = f"connector: database\nurl: {url}\nevery: 1s\ntables:\n  job: {{changes: hash}}\n"
        if not (root / "lake").exists():
            _run(_project("hash", {"sources/academy.yaml": source}))
        (root / "sources/academy.yaml").write_text(source)
        _in_postgres(url, "UPDATE job SET note = 'changed ' || now() WHERE id BETWEEN 3000000 AND 3000999")
        time.sleep(1.1)
        return _run(root)


@work
def hash_duckdb() -> float:
    with servers.postgres() as url:
        port = url.rsplit(":", 1)[-1].split("/")[0]
        columns = "id, hash(id, name, ref, amount, day, category, note, uprn, code)"
        return _duckdb(
            f"ATTACH 'host=127.0.0.1 port={port} user=postgres dbname=postgres' AS src (TYPE postgres, READ_ONLY)",
            f"CREATE TABLE hashed AS SELECT {columns} FROM src.job",
            extension="postgres_scanner",
        )


def _in_postgres(url: str, sql: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as con:
        con.execute(sql)


_SPEND = """
    SELECT j.uprn, year(j.day)::INTEGER AS year, w.ward, count(*) AS jobs, sum(j.amount)::DECIMAL(18,2) AS cost,
           min(j.day) AS first_day, max(j.day) AS last_day, avg(j.amount)::DOUBLE AS mean, max(j.code) AS code,
           count(DISTINCT j.category) AS categories
    FROM {jobs} AS j JOIN {wards} AS w USING (uprn)
    GROUP BY ALL
"""
_WARDS = "SELECT i AS uprn, 'ward ' || (i % 20) AS ward FROM range(100000) AS r(i)"
_PLACES = """apiVersion: v3.1.0
kind: DataContract
id: housing.spend
name: Spend
version: 1.0.0
status: active
schema:
  - name: spend
    properties:
      - {name: uprn, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: year, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 2,
         logicalTypeOptions: {minimum: 2020, maximum: 2030}}
      - {name: ward, logicalType: string, required: true, logicalTypeOptions: {pattern: "^ward "}}
      - {name: jobs, logicalType: integer, logicalTypeOptions: {minimum: 1}}
      - {name: cost, logicalType: number, physicalType: "DECIMAL(18,2)", required: true}
      - {name: first_day, logicalType: date}
      - name: last_day
        logicalType: date
        quality:
          - {type: sql, query: "SELECT count(*) FROM ${table} WHERE last_day < first_day", mustBe: 0}
      - {name: mean, logicalType: number}
      - {name: code, logicalType: string, required: true}
      - {name: categories, logicalType: integer}
    quality:
      - {metric: rowCount, mustBeGreaterThan: 0}
"""


def _build_project() -> Path:
    root = data.WORK / "build"
    if (root / "lake" / "bronze" / "w" / "ward").exists():
        return root
    import duckdb

    wards = data.WORK / "wards.parquet"
    duckdb.execute(f"COPY ({_WARDS}) TO '{wards}' (FORMAT parquet)")
    files = "connector: files\npath: {path}\ntables:\n  {table}:\n    files: {name}\n"
    _project(
        "build",
        {
            "sources/j.yaml": files.format(path=data.WORK, table="job", name=data.parquet().name),
            "sources/w.yaml": files.format(path=data.WORK, table="ward", name=wards.name),
            "domains/housing/domain.yaml": "name: Housing\nowner: Housing\n",
            "domains/housing/spend/contract.yaml": _PLACES,
            "domains/housing/spend/spend.sql": _SPEND.format(jobs="bronze.j.job", wards="bronze.w.ward"),
        },
    )
    _run(root, "layer:bronze")
    return root


@work
def build_vestry() -> float:
    root = _build_project()
    shutil.rmtree(root / "lake" / "housing", ignore_errors=True)
    return _run(root, "housing.spend")


@work
def build_duckdb() -> float:
    lake = _build_project() / "lake" / "bronze"
    jobs, wards = f"delta_scan('{lake}/j/job')", f"delta_scan('{lake}/w/ward')"
    return _duckdb(f"COPY ({_SPEND.format(jobs=jobs, wards=wards)}) TO {_out('build')}", extension="delta")


_CHANGES = "SELECT *, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS changed_at FROM '{file}'"
_SNAPSHOT = """from: bronze.feed.change
key: id
order_by: changed_at
"""
_APPLICATION = """apiVersion: v3.1.0
kind: DataContract
id: planning.feed
name: Feed
version: 1.0.0
status: active
schema:
  - name: job
    properties:
      - {name: id, logicalType: integer, primaryKey: true, primaryKeyPosition: 1, required: true}
      - {name: name, logicalType: string}
      - {name: ref, logicalType: string}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(18,2)"}
      - {name: day, logicalType: date, required: true}
      - {name: category, logicalType: string, required: true}
      - {name: note, logicalType: string}
      - {name: uprn, logicalType: integer}
      - {name: code, logicalType: string}
      - {name: changed_at, logicalType: timestamp}
"""


def _snapshot_project() -> Path:
    import duckdb

    drop = data.WORK / "snapshot-drop"
    shutil.rmtree(drop, ignore_errors=True)
    drop.mkdir(parents=True)
    duckdb.execute("SET TimeZone = 'UTC'")
    duckdb.execute(f"COPY ({_CHANGES.format(file=data.parquet())}) TO '{drop}/0.parquet' (FORMAT parquet)")
    return _project(
        "snapshot",
        {
            "sources/feed.yaml": f"connector: files\npath: {drop}\ntables:\n  change:\n    files: '*.parquet'\n",
            "domains/planning/domain.yaml": "name: Planning\nowner: Planning\n",
            "domains/planning/feed/contract.yaml": _APPLICATION,
            "domains/planning/feed/job.snapshot.yaml": _SNAPSHOT,
        },
    )


@work
def snapshot_full() -> float:
    root = _snapshot_project()
    _run(root, "layer:bronze")
    return _run(root, "planning.feed")


@work
def snapshot_changed() -> float:
    """After `snapshot_full`: a thousand keys that lie together have changed."""
    import duckdb

    root, drop = data.WORK / "snapshot", data.WORK / "snapshot-drop"
    number = len(list(drop.iterdir()))
    duckdb.execute("SET TimeZone = 'UTC'")
    change = (
        f"SELECT * REPLACE ('changed ' || {number} AS note, changed_at + INTERVAL {number} DAY AS changed_at) "
        f"FROM ({_CHANGES.format(file=data.parquet())}) WHERE id BETWEEN 3000000 AND 3000999"
    )
    duckdb.execute(f"COPY ({change}) TO '{drop}/{number}.parquet' (FORMAT parquet)")
    _run(root, "layer:bronze")
    return _run(root, "planning.feed")


@work
def discovery() -> float:
    """Two hundred tables of 100,000 rows, looked at by `vestry discover`."""
    from vestry.ingest.discovery.systems import tables_of

    file = data.legacy()
    started = time.perf_counter()
    tables = list(tables_of(f"sqlite:////{file}", file.parent, "legacy", lambda _: None))
    seconds = time.perf_counter() - started
    assert len(tables) == 200 and sum(t.of_people for t in tables) == 100
    return seconds


work(portal.pages)
work(portal.rebuild)
work(portal.search)


def _idle_project() -> Path:
    """Thirty products over three sources, built."""
    files = {}
    for s in range(3):
        (data.WORK / "idle-drop").mkdir(parents=True, exist_ok=True)
        (data.WORK / "idle-drop" / f"{s}.csv").write_text("id,name\n1,a\n2,b\n")
        files[f"sources/s{s}.yaml"] = (
            f"connector: files\npath: {data.WORK}/idle-drop\ntables:\n  t:\n    files: {s}.csv\n"
        )
    files["domains/d/domain.yaml"] = "name: D\nowner: D\n"
    for p in range(30):
        properties = "".join(
            f"      - {{name: c{c}, logicalType: string, description: column {c}}}\n" for c in range(20)
        )
        files[f"domains/d/p{p}/contract.yaml"] = (
            f"apiVersion: v3.1.0\nkind: DataContract\nid: d.p{p}\nname: P\nversion: 1.0.0\nstatus: active\nschema:\n"
            f"  - name: t\n    properties:\n      - {{name: id, logicalType: string, primaryKey: true}}\n{properties}"
        )
        columns = ", ".join(f"name AS c{c}" for c in range(20))
        reads = f"bronze.s{p % 3}.t" if p < 10 else f"d.p{p - 10}.t"
        select = f"SELECT id, {columns}" if p < 10 else "SELECT *"
        files[f"domains/d/p{p}/t.sql"] = f"{select} FROM {reads}"
    root = _project("idle", files)
    _run(root)
    return root


@work
def idle_vestry() -> float:
    root = data.WORK / "idle"
    if not (root / "lake").exists():
        _idle_project()
    started = time.perf_counter()
    subprocess.run([Path(sys.executable).with_name("vestry"), "-h"], check=True, capture_output=True)
    subprocess.run([Path(sys.executable).with_name("vestry"), "run", "-C", str(root)], check=True, capture_output=True)
    started = time.perf_counter()
    done = subprocess.run(
        [Path(sys.executable).with_name("vestry"), "run", "-C", str(root)], check=True, capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    assert "Nothing to do: 33 steps" in done.stdout, done.stdout
    return seconds


@work
def mqtt_to_queryable() -> float:
    """Seconds within which 99 of 100 events can be asked for; see `bench.stream`."""
    from bench.stream import measure

    found = measure()
    assert found["lost"] == found["doubled"] == 0 and found["events_a_second"] >= 4_950, found
    return found["p99"]


@work
def sharing_loaded() -> float:
    from bench.sharing import loaded

    return loaded()


@work
def sharing_disk() -> float:
    from bench.sharing import from_disk

    return from_disk()


@work
def decisions() -> float:
    """Seconds for 10,000 decisions, ten columns of each of 1,000 tables, with a policy that tells tables apart."""
    from datetime import date

    from vestry.governance.policies.rules import OURS, Circumstances, Question, Reader, Resource, Rules

    own = 'forbid (principal, action, resource) when { resource.product == "d7.p7" && !context.granted };'
    rules = Rules({OURS: Rules.of(data.WORK).texts[OURS], "policies/own.cedar": own})
    kinds = [
        (c, p, g)
        for c in ("open", "internal", "personal", "special", "criminal")
        for p, g in ((False, False), (True, True))
    ]
    reader, now = (
        Reader(frozenset({"staff", "special_category"})),
        Circumstances(date(2026, 11, 26), "calls to residents"),
    )
    batches = [
        [
            Question(Resource(f"d{t % 25}", f"d{t % 25}.p{t % 125}", f"d{t % 25}.p{t % 125}.t{t}", "gold", c, p), g)
            for t in range(first, first + 100)
            for c, p, g in kinds
        ]
        for first in range(0, 1_000, 100)
    ]
    rules.decide(reader, now, batches[0][:1])
    started = time.perf_counter()
    answers = [answer for batch in batches for answer in rules.decide(reader, now, batch)]
    seconds = time.perf_counter() - started
    assert len(answers) == 10_000 and 0 < sum(a.allowed for a in answers) < 10_000
    return seconds


for function in (
    governed.whole, governed.whole_duckdb, governed.masked, governed.masked_duckdb, governed.release,
    governed.release_duckdb,
):  # fmt: skip
    WORKS[f"governed_{function.__name__}"] = function


if __name__ == "__main__":
    seconds = WORKS[sys.argv[1]]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak}))
