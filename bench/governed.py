"""Governed SQL over 5 million rows: a table of which all is seen, and one of which a release shows some, masked.

The rival is DuckDB's `delta_scan` over the very files that the governed question reads: the table, or the release.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data import ROWS, WORK
from vestry.project import TableName

if TYPE_CHECKING:
    import duckdb

    from vestry.governance.access.gate import Gate

JOB, CLIENT = TableName("housing", "repairs", "job"), TableName("adults", "care", "client")
PURPOSE = "calls to residents"
#: A question over every column of every row, and one over what is masked.
WHOLE = (
    "SELECT category, count(*) AS n, sum(amount) AS amount, min(day) AS day, max(note) AS note, max(ref) AS ref, "
    "max(name) AS name, count(DISTINCT uprn) AS uprns, max(code) AS code, max(id) AS id FROM {} GROUP BY ALL"
)
MASKED = (
    "SELECT category, postcode, count(*) AS n, sum(amount) AS amount, max(uprn) AS uprn, max(note) AS note "
    "FROM {} GROUP BY ALL"
)
#: Questions of which the first is not counted.
_TIMES = 5
_ROW = """
    SELECT i AS id, 'name ' || (hash(i) % 100000) AS name, md5(i::VARCHAR) AS ref,
           ((hash(i * 7) % 1000000) / 100)::DECIMAL(18,2) AS amount,
           DATE '2020-01-01' + (hash(i * 3) % 2000)::INT AS day, 'cat' || (hash(i * 11) % 50) AS category,
           'note for row ' || i || ' and ' || md5((i * 5)::VARCHAR) AS note, (hash(i * 13) % 100000)::BIGINT AS uprn,
           'P' || (hash(i * 17) % 1000) AS code{more}
    FROM range({rows}) AS r(i)
"""
_POSTCODE = ", 'WX' || (1 + hash(i) % 20) || ' ' || (hash(i * 19) % 10) || 'AB' AS postcode"


def project() -> Path:
    """The project, made once, with both tables in the lake."""
    from vestry.lake import Engine, Lake

    root = WORK / "governed"
    if (root / "made").is_file():
        return root
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    (root / "vestry.toml").write_text('[council]\nname = "Benchham"\n[sql]\nmemory_mb = 2048\n')
    columns = ["id", "name", "ref", "amount", "day", "category", "note", "uprn", "code"]
    lake = Lake(str(root / "lake"), root / ".vestry")
    engine = Engine(lake, memory_limit="4GB")
    for name, classification, more in ((JOB, "internal", []), (CLIENT, "personal", ["postcode"])):
        folder = root / "domains" / name.domain / name.product
        folder.mkdir(parents=True)
        (folder.parent / "domain.yaml").write_text(f"name: {name.domain}\nowner: Jo Bloggs\n")
        listed = "".join(
            f"      - {{name: {c}, logicalType: {_LOGICAL.get(c, 'string')}, classification: {classification}}}\n"
            for c in columns + more
        )
        (folder / "contract.yaml").write_text(
            f"apiVersion: v3.1.0\nkind: DataContract\nid: {name.product}\nversion: 1.0.0\nstatus: active\n"
            f"schema:\n  - name: {name.table}\n    properties:\n{listed}"
        )
        (folder / f"{name.table}.sql").write_text(_ROW.format(rows=ROWS, more=_POSTCODE if more else ""))
        with engine.cursor() as con:
            sql = _ROW.format(rows=ROWS, more=_POSTCODE if more else "")
            lake.publish(lake.stage(con, name, sql), record={"rows": ROWS})
    engine.close()
    (root / "made").touch()
    return root


_LOGICAL = {"id": "integer", "amount": "number", "day": "date", "uprn": "integer"}


def whole() -> float:
    """Seconds of the governed question over all of a table."""
    return _asked(JOB, WHOLE)


def whole_duckdb() -> float:
    return _scanned(str(project() / "lake" / JOB.folder), WHOLE)


def masked() -> float:
    """The same over a release with a condition on rows and two masks, which is there already."""
    _granted()
    return _asked(CLIENT, MASKED)


def masked_duckdb() -> float:
    gate = _granted()
    from vestry.governance.access.gate import Where

    release = gate.read(_user(), [CLIENT], Where("sql")).releases[CLIENT]
    return _scanned(str(project() / "lake" / release.table.folder), MASKED)


def release() -> float:
    """Seconds in which the release is made."""
    from vestry.governance.access.gate import Where
    from vestry.governance.access.release import release_of

    gate = _granted()
    _ = gate.live.workspace.engine
    view = gate.view(_user(), CLIENT, Where("sql"))
    shutil.rmtree(project() / "lake" / "vestry", ignore_errors=True)
    return _timed(lambda: release_of(gate.live.workspace, view, gate.today))


def release_duckdb() -> float:
    """Seconds of a COPY of the same SELECT by the same engine."""
    from vestry.governance.access import release as releases
    from vestry.governance.access.gate import Where

    gate = _granted()
    workspace = gate.live.workspace
    select = releases._select(workspace, gate.view(_user(), CLIENT, Where("sql")), gate.today)
    sql = select.format(source=f"delta_scan('{project() / 'lake' / CLIENT.folder}')")
    out = WORK / "release.parquet"
    out.unlink(missing_ok=True)
    with workspace.engine.cursor() as con:
        return _timed(lambda: con.execute(f"COPY ({sql}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)"))


def _granted() -> Gate:
    from vestry.catalogue.live import Live
    from vestry.governance.access.gate import Gate
    from vestry.governance.access.grants import give, grants_of
    from vestry.governance.access.terms import Condition, Terms
    from vestry.governance.access.treatment import Treatment
    from vestry.governance.state import connect

    gate = Gate(Live(project()))
    council = gate.live.workspace.project
    if not grants_of(council, _user().id, CLIENT):
        clear = dict.fromkeys(("id", "amount", "day", "category", "note", "code"), Treatment.CLEAR)
        columns = {**clear, "uprn": Treatment.HASHED, "postcode": Treatment.DISTRICT}
        half = Condition("category", tuple(f"cat{n}" for n in range(25)))
        with connect(council) as con:
            terms = Terms({CLIENT: columns}, date.today() + timedelta(days=365), (half,))  # noqa: DTZ011
            give(con, council, _user().id, "adults.care", PURPOSE, terms, ["olu"])
    return gate


def _user():  # type: ignore[no-untyped-def]
    from vestry.governance.identity.user import User

    return User("ann", "Ann", roles=frozenset({"staff", "analyst"}))


def _asked(table: TableName, sql: str) -> float:
    """The median over questions, each by a process that was waiting."""
    from vestry.governance.access.gate import Where
    from vestry.governance.sql.questions import Questions

    gate = _granted()
    questions = Questions(gate)
    try:
        times = []
        for _ in range(_TIMES):
            times.append(_timed(lambda: questions.ask(_user(), sql.format(table), Where("sql"))))
            questions._workers._aside.submit(int).result()  # the next is begun after what waits there already
            for worker in questions._workers._waiting:
                worker.tables("SELECT 1")  # it answers when it has begun
    finally:
        questions.close()
    return statistics.median(times[1:])


def _scanned(folder: str, sql: str) -> float:
    """The median over the same questions, by one connection that has the extension loaded."""
    import duckdb

    from vestry.lake.engine import extension

    con: duckdb.DuckDBPyConnection = duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
    con.execute(f"LOAD '{extension('delta')}'")
    asked = sql.format(f"delta_scan('{folder}')")
    times = []
    for _ in range(_TIMES):
        times.append(_timed(lambda: con.execute(asked).to_arrow_table()))
    return statistics.median(times[1:])


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
