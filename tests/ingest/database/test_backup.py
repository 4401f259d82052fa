"""Tables from a dump, where nobody may come near the server."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest

from conftest import Database
from council import Council

pytestmark = pytest.mark.slow
PEOPLE = "CREATE TABLE person (id INT PRIMARY KEY, name VARCHAR(40)); INSERT INTO person VALUES (1, 'Ada'), (2, 'Ben');"


def source(council: Council, backup: str) -> None:
    council.source("old", f"connector: database\nbackup: '{backup}'\ntables:\n  person: {{}}\n")


def dumped(database: Database, *args: str) -> bytes:
    if "mysql" in database.url:
        command = ["mariadb-dump", f"--socket={database.server.socket}", "-u", "root", database.name]
    else:
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        command = [str(binaries / "pg_dump"), database.url, *args]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.mark.parametrize(
    ("kind", "args", "name"),
    [("pg", [], "a.sql"), ("pg", ["-Fc"], "a.dump"), ("pg", [], "a.sql.gz"), ("maria", [], "a.sql"),
     ("maria", [], "a.sql.gz")],
)  # fmt: skip
def test_a_dump_is_restored_read_and_thrown_away(
    council: Council, request: pytest.FixtureRequest, kind: str, args: list[str], name: str
) -> None:
    database: Database = request.getfixturevalue(kind)
    database.execute(PEOPLE)
    text = dumped(database, *args)
    council.write(f"dumps/{name}", gzip.compress(text) if name.endswith(".gz") else text)
    source(council, "dumps/*")
    council.good()
    assert council.rows("SELECT id, name FROM bronze.old.person ORDER BY id") == [(1, "Ada"), (2, "Ben")]
    assert council.good()["bronze.old.person"].status == "skipped"
    assert not list(Path("/tmp").glob("vestry-dump-*"))


def test_the_newest_dump_counts(council: Council, pg: Database) -> None:
    pg.execute(PEOPLE)
    council.write("dumps/z.sql", dumped(pg))
    source(council, "dumps/*.sql")
    council.good()
    pg.execute("UPDATE person SET name = 'Eve' WHERE id = 1")
    council.write("dumps/a.sql", dumped(pg))
    council.good()
    assert council.rows("SELECT name FROM bronze.old.person ORDER BY id") == [("Eve",), ("Ben",)]


def test_what_is_no_dump_is_told(council: Council) -> None:
    council.write("dumps/a.sql", "id,name\n1,Ada\n")
    source(council, "dumps/a.sql")
    error = council.run()["bronze.old.person"].error
    assert error is not None and "no dump of pg_dump or mysqldump" in error.what
    source(council, "gone/*.sql")
    error = council.run()["bronze.old.person"].error
    assert error is not None and "no backup" in error.what
