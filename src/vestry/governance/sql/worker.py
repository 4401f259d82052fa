"""The process that answers one question and ends: `python -m vestry.governance.sql.worker LIMITS`.

It is told on its standard input, a line of JSON at a time, first the question, to say which tables it is about, then
the views that stand for these, over exact files, and answers on the standard output. The rows go as an Arrow stream to
the file that it was given open. It imports nothing of the project but how a statement is read, holds no secret and no
environment, and before a question is run it can open nothing but the files of the views.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from vestry.governance.sql import walls
from vestry.governance.sql.said import explained
from vestry.governance.sql.statement import NotAsked, analyse, literal

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

#: Rows of a piece of the answer, and characters of a person's id.
_PIECE, _ID = 20_000, 100
_MACROS = Path(__file__).parents[2] / "lake" / "macros.sql"
_CONFIG = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    # What does not fit in memory is refused: nothing of an answer stays on a disk.
    "temp_directory": "",
    "max_temp_directory_size": "0B",
}


class Limits(NamedTuple):
    """What one question may use: bytes of memory, threads, seconds, rows and bytes of its answer."""

    memory: int
    threads: int
    seconds: float
    rows: int
    answer: int


def main() -> None:
    """Answer one question."""
    limits = Limits(**json.loads(sys.argv[1]))
    into = int(sys.argv[2])
    # The engine can be made to write to the standard output: its words are not ours.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    processors = max(1, limits.threads)
    walls.limit(limits.memory, int(limits.seconds * (processors + 1)) + 10, limits.answer)
    sys.setrecursionlimit(20_000)  # the tree of a question that is nested as deeply as DuckDB allows
    import duckdb
    import pyarrow.ipc  # noqa: F401 - now, while there is time

    walls.libraries()  # likewise
    con = _engine(limits)
    macros = [
        name for (name,) in con.execute("SELECT function_name FROM duckdb_functions() WHERE NOT internal").fetchall()
    ]
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if "views" in asked:
                said = _answer(con, asked, limits, into)
            else:
                said = {"tables": analyse(con, asked["sql"], macros).tables}
        except duckdb.Error as error:  # of the views: a file is not there any more
            said = _told(explained(error, "", ()))
        except NotAsked as error:
            said = _told(error)
        out.write(json.dumps(said) + "\n")
        out.flush()
        if "views" in asked:
            return


def _told(error: NotAsked) -> dict[str, Any]:
    return {"kind": error.kind, "what": error.what, "line": error.line, "mend": error.mend}


def _engine(limits: Limits) -> duckdb.DuckDBPyConnection:
    import duckdb

    # The other threads are begun behind the walls.
    duckdb.close()  # the module's own engine, with its threads
    config = {**_CONFIG, "memory_limit": f"{limits.memory // 2**20}MiB", "threads": "1"}
    con = duckdb.connect(config=config)  # type: ignore[arg-type]
    con.execute("SET TimeZone = 'UTC'")
    con.execute(_MACROS.read_text(encoding="utf-8"))
    return con


def _answer(con: duckdb.DuckDBPyConnection, asked: dict[str, Any], limits: Limits, into: int) -> dict[str, Any]:
    """Make the views, lock everything, run the question, and write its rows. Raises NotAsked."""
    import duckdb

    sql, files = asked["sql"], asked["files"]
    is_enclosed = walls.enclose(files)
    con.execute(f"SET threads = {limits.threads}")
    names: set[str] = set()
    people: list[str] = []
    for view in asked["views"]:
        schema = f"{_quote(view['domain'])}.{_quote(view['product'])}"
        name = f"{schema}.{_quote(view['table'])}"
        con.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {_quote(view['domain'])}")
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        con.execute(f"CREATE VIEW {name} AS {view['select']}")
        names |= {view["table"], *view["columns"]}
        if view["has_person"]:
            people.append(name)
    con.execute(f"SET allowed_paths = [{', '.join(map(literal, files))}]")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
    statements = con.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise NotAsked("statement", "only questions can be asked, one at a time")
    over = threading.Event()

    def stop() -> None:
        over.set()
        con.interrupt()

    timer = threading.Timer(limits.seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        with os.fdopen(into, "wb") as file:
            rows, is_cut, texts = _write(con, sql, limits.rows, asked["named"] if people else 0, file)
        shown = _people(con, people, texts)
    except (duckdb.Error, MemoryError, OSError, RuntimeError, ValueError) as error:
        if over.is_set():
            what = f"the answer took longer than {limits.seconds:g} seconds"
            raise NotAsked("time", what, mend="ask for less: fewer rows, a join by equal columns") from None
        raise explained(error, sql, names) from None
    finally:
        timer.cancel()
    return {"rows": rows, "cut": is_cut, "people": shown, "enclosed": is_enclosed}


def _write(
    con: duckdb.DuckDBPyConnection, sql: str, most: int, named: int, file: IO[bytes]
) -> tuple[int, bool, list[str]]:
    """Write the first rows of the answer; returns how many, whether there are more, and the texts of up to `named`."""
    import pyarrow as pa

    reader = con.execute(sql).to_arrow_reader(_PIECE)
    schema = _told_apart(reader.schema)
    rows, is_cut, texts = 0, False, set[str]()
    with pa.ipc.new_stream(file, schema) as out:
        for batch in reader:
            if rows + batch.num_rows > most:
                batch, is_cut = batch.slice(0, most - rows), True
            out.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            rows += batch.num_rows
            if rows <= named:
                texts |= set(_short_texts(batch))
            if is_cut:
                break
    return rows, is_cut, sorted(texts) if rows <= named else []


def _short_texts(batch: pa.RecordBatch) -> Iterator[str]:
    """What may be the id of a person."""
    import pyarrow as pa

    for column in batch.columns:
        if pa.types.is_string(column.type) or pa.types.is_integer(column.type):
            yield from (text for v in column.to_pylist() if len(text := str(v)) <= _ID and "\0" not in text)


def _people(con: duckdb.DuckDBPyConnection, views: list[str], texts: list[str]) -> list[str]:
    """Which of the texts are ids of people, whatever the columns are called that they stand in."""
    found: set[str] = set()
    for view in views if texts else []:
        listed = ", ".join(map(literal, texts))
        sql = f"SELECT DISTINCT CAST(person_id AS VARCHAR) AS id FROM {view} WHERE id IN (SELECT unnest([{listed}]))"
        found |= {person for (person,) in con.execute(sql).fetchall()}
    return sorted(found)


def _told_apart(schema: pa.Schema) -> pa.Schema:
    """The same columns, each under a name of its own."""
    import pyarrow as pa

    names: list[str] = []
    for name in schema.names:
        number, own = 1, name
        while own in names:
            number += 1
            own = f"{name}_{number}"
        names.append(own)
    return pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    main()
