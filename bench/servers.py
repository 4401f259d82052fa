"""A PostgreSQL of the bench's own, with the rows of `data` in it; it is kept between works and runs only within one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from bench import data
from vestry.lake.engine import extension

_FOLDER = Path(tempfile.gettempdir()) / "vestry-bench-postgres"


@contextmanager
def postgres(rows: int = data.ROWS) -> Iterator[str]:
    """The URL of a database with the table `job` of so many rows."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    user: list[str] = []
    _FOLDER.mkdir(exist_ok=True)
    if os.geteuid() == 0:  # PostgreSQL refuses root
        user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        shutil.chown(_FOLDER, "nobody", "nogroup")
    folder = _FOLDER / "data"
    if not folder.exists():
        make = [*user, str(binaries[-1] / "initdb"), "-D", str(folder), "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, cwd=_FOLDER)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    control = [*user, str(binaries[-1] / "pg_ctl"), "-D", str(folder), "-w", "-l", str(_FOLDER / "log")]
    options = f"-p {port} -h 127.0.0.1 -k {_FOLDER} -F -c shared_buffers=512MB"
    subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, cwd=_FOLDER)
    try:
        _fill(port, rows)
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "fast", "stop"], check=False, capture_output=True, cwd=_FOLDER)


def _fill(port: int, rows: int) -> None:
    with duckdb.connect() as con:
        con.execute(f"LOAD '{extension('postgres_scanner')}'")
        con.execute(f"ATTACH 'host=127.0.0.1 port={port} user=postgres dbname=postgres' AS pg (TYPE postgres)")
        there = con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'job'").fetchone()
        held = con.execute("SELECT count(*) FROM pg.job").fetchone() if there and there[0] else (0,)
        if held and held[0] == rows:
            return
        con.execute("DROP TABLE IF EXISTS pg.job")
        con.execute(f"CREATE TABLE pg.job AS FROM '{data.parquet(rows)}'")
        con.execute("CALL postgres_execute('pg', 'ALTER TABLE job ADD PRIMARY KEY (id)')")
        con.execute("CALL postgres_execute('pg', 'ANALYZE job')")
