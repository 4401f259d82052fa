"""One small Westmarsh, made once for all tests of the demo."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from filelock import FileLock

from council import Council, vestry
from vestry.demo import Systems, make_systems
from vestry.run.query import ask
from vestry.run.workspace import Workspace

PEOPLE = 2_000


def once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], str]) -> tuple[Path, str]:
    """A folder that the first process of this run of tests makes and all share, with what was said of it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    said = folder.with_suffix(".said")
    with FileLock(folder.with_suffix(".lock")):
        if not said.is_file():
            said.write_text(make(folder))
    return folder, said.read_text()


@pytest.fixture(scope="session")
def westmarsh(tmp_path_factory: pytest.TempPathFactory) -> Systems:
    """The systems of a small Westmarsh, made once for all tests, which leave them as they are."""

    def make(root: Path) -> str:
        made = make_systems(root, people=PEOPLE, seed=7)
        return json.dumps({"people": made.people, "homes": made.homes, "records": made.records, "counts": made.counts})

    root, said = once(tmp_path_factory, "westmarsh-systems", make)
    return Systems(root / "systems", root / "truth", **json.loads(said))


@dataclass
class Demo:
    """A Westmarsh that `vestry demo` made and ran, and what it said."""

    council: Council
    output: str

    @property
    def root(self) -> Path:
        return self.council.root

    def whose(self, sql: str) -> list[tuple[int, ...]]:
        """Rows of a query of the lake whose first columns are people's ids, as the truth's persons instead.

        A person of the index is whom most of its records are of.
        """
        with duckdb.connect() as con:
            con.register("found", _arrow(self.root, sql))
            con.register(
                "record", _arrow(self.root, "SELECT person_id, source, record_id FROM people.index.person_record")
            )
            con.execute(
                f"""CREATE TABLE who AS
                    SELECT r.person_id, mode(t.person_id) AS truly
                    FROM record r JOIN '{self.root}/truth/people.parquet' t USING (source, record_id) GROUP BY 1"""
            )
            columns = [c[0] for c in con.execute("DESCRIBE found").fetchall()]
            ids = [c for c in columns if c.startswith("person_id")]
            joins = " ".join(f"JOIN who w{i} ON w{i}.person_id = found.{c}" for i, c in enumerate(ids))
            shown = ", ".join(f"w{ids.index(c)}.truly" if c in ids else f"found.{c}" for c in columns)
            return con.execute(f"SELECT {shown} FROM found {joins}").fetchall()


def _arrow(root: Path, sql: str) -> pa.Table:
    workspace = Workspace.open(root)
    try:
        return ask(workspace, sql)
    finally:
        workspace.engine.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """`vestry demo` of a small Westmarsh, run once for all tests; each process has a copy. Tests leave it as it was."""

    def make(root: Path) -> str:
        done = vestry("demo", str(root), "--people", str(PEOPLE))
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    made, said = once(tmp_path_factory, "westmarsh-made", make)
    root = tmp_path_factory.mktemp("demo") / "westmarsh"
    shutil.copytree(made, root)
    return Demo(existing(root), said.replace(str(made), str(root)))


def existing(root: Path) -> Council:
    """A project that is there already, as tests' councils are."""
    council = Council.__new__(Council)
    council.root, council.events = root, []
    return council


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


@pytest.fixture
def truth(westmarsh: Systems, db: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A connection with a view for each file of the truth: person, record, stay, address, family_tie, link_work."""
    for path in westmarsh.truth.rglob("*.parquet"):
        db.execute(f"CREATE VIEW {path.stem} AS SELECT * FROM '{path}'")
    return db


def texts(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each file below ``folder`` as text; of a database its rows."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".sqlite":
            with sqlite3.connect(path) as db:
                yield path, "\n".join(db.iterdump())
        elif path.is_file():
            yield path, path.read_bytes().decode("utf-8", errors="ignore")
