"""A dump of a database whose owner lets nobody near it: restored into a server of our own, read, thrown away."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.ingest.connector import Context, Part
from vestry.ingest.database.server import attached
from vestry.ingest.database.url import Address
from vestry.ingest.fingerprints import number
from vestry.project import DataError
from vestry.project.project import expand

if TYPE_CHECKING:
    import duckdb

_FILE = "vestry.file"
_CUSTOM = b"PGDMP"


def news(context: Context) -> str | None:
    """Whether there is another dump than the one that was loaded."""
    file = _newest(context)
    had = context.mark(_FILE)
    if had is None:
        return "not loaded yet"
    return None if had == _state(context, file) else f"{file.name} is new"


def parts(context: Context, con: duckdb.DuckDBPyConnection, workdir: Path) -> Iterator[Part]:
    """The table, from the newest dump."""
    from dataclasses import replace

    from vestry.ingest.database.tables import table_parts

    file = _newest(context)
    state = _state(context, file)
    if context.mark(_FILE) == state:
        return
    alias = f"{context.source.name}/{context.table}"
    with (
        _restored(file, context.where) as address,
        attached(con, context.engine.load, address, alias, context.where, 86_400, False) as server,
    ):
        for part in table_parts(context, server, once=True):
            yield replace(part, origin=f"{file.name}/{context.table}", marks={**part.marks, _FILE: state})


def _newest(context: Context) -> Path:
    """The dump that was written last of those that fit; a name tells nothing."""
    pattern = Path(expand(context.settings.backup, context.where, context.project.env))
    base = Path(pattern.anchor) if pattern.is_absolute() else context.project.root
    files = [f for f in base.glob(str(pattern.relative_to(pattern.anchor))) if f.is_file()]
    if not files:
        raise DataError("there is no backup", context.where, "check `backup`, or that the disk is mounted")
    return max(files, key=lambda f: f.stat().st_mtime_ns)


def _state(context: Context, file: Path) -> int:
    return number(context.fingerprints.of(file), context.spec)


@contextmanager
def _restored(file: Path, where: str) -> Iterator[Address]:
    """A server of our own on a socket in a folder of its own, with the dump in it, for as long as the block runs."""
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        head = stream.read(65_536)
    # A socket's path may have a hundred characters, and PostgreSQL refuses a folder that others may write.
    folder = Path(tempfile.mkdtemp(prefix="vestry-dump-"))
    try:
        if head.startswith(_CUSTOM) or b"PostgreSQL database dump" in head:
            with _postgres(file, folder, head.startswith(_CUSTOM), where) as address:
                yield address
        elif b"MySQL dump" in head or b"MariaDB dump" in head:
            with _mariadb(file, folder, where) as address:
                yield address
        else:
            raise DataError(
                f"{file.name} is no dump of pg_dump or mysqldump",
                where,
                "a SQLite file is read by `url: sqlite:///…`, a folder of exports by the connector `files`",
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgres(file: Path, folder: Path, custom: bool, where: str) -> Iterator[Address]:
    binaries = _binaries("initdb", sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), where)
    user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses root
        user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        shutil.chown(folder, "nobody", "nogroup")
    data, control = folder / "data", [*user, str(binaries / "pg_ctl"), "-w", "-D", str(folder / "data")]
    _run(
        [*user, str(binaries / "initdb"), "-D", str(data), "-U", "vestry", "-A", "trust", "-E", "UTF8", "--no-sync"],
        where,
    )
    options = f"-c listen_addresses='' -k {folder} -F -c autovacuum=off"
    _run([*control, "-l", str(folder / "log"), "-o", options, "start"], where)
    try:
        reach = ["-h", str(folder), "-U", "vestry"]
        _run([str(binaries / "createdb"), *reach, "dump"], where)
        # Owners and rights of the server that it comes from are not here, and not wanted.
        if custom:
            _run(
                [str(binaries / "pg_restore"), *reach, "-d", "dump", "--no-owner", "--no-acl", str(file)],
                where,
                stream=None,
                lenient=True,
            )
        else:
            _run([str(binaries / "psql"), *reach, "-q", "-d", "dump"], where, stream=file, lenient=True)
        yield Address("postgres", host=str(folder), user="vestry", database="dump")
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True, cwd=folder)


@contextmanager
def _mariadb(file: Path, folder: Path, where: str) -> Iterator[Address]:
    places = [Path(p) for p in ("/usr/sbin", "/usr/bin", "/usr/local/bin")]
    server = _binaries("mariadbd", places, where) / "mariadbd"
    install = _binaries("mariadb-install-db", places, where) / "mariadb-install-db"
    client = _binaries("mariadb", places, where) / "mariadb"
    user = ["--user=root"] if os.geteuid() == 0 else []
    data, socket = folder / "data", folder / "s"
    _run(
        [
            str(install),
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            *user,
        ],
        where,
    )
    process = subprocess.Popen(
        [
            str(server),
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={socket}",
            "--skip-networking",
            "--skip-log-bin",
            *user,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        reach = [str(client), "--no-defaults", f"--socket={socket}", "-u", "root"]
        for _ in range(300):
            if (
                subprocess.run(
                    [*reach, "-e", "CREATE DATABASE IF NOT EXISTS `dump`"], check=False, capture_output=True
                ).returncode
                == 0
            ):
                break
            time.sleep(0.1)
        _run([*reach, "dump"], where, stream=file)
        yield Address("mysql", host="localhost", user="root", database="dump", options={"socket": str(socket)})
    finally:
        process.terminate()
        process.wait(30)


def _binaries(name: str, places: Sequence[Path], where: str) -> Path:
    for place in places:
        if (place / name).is_file():
            return place
    package = "postgresql" if name == "initdb" else "mariadb-server"
    raise DataError(
        f"`{name}` is not on this machine, so a dump cannot be restored", where, f"apt-get install {package}"
    )


def _run(command: Sequence[str], where: str, stream: Path | None = None, lenient: bool = False) -> None:
    """Run a step of the restore. What it prints may hold rows, and is not repeated."""
    if stream is None:
        done = subprocess.run(command, check=False, capture_output=True, cwd="/")
    else:
        with gzip.open(stream) if stream.suffix == ".gz" else stream.open("rb") as text:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
            )
            assert process.stdin is not None
            try:
                shutil.copyfileobj(text, process.stdin)
                process.stdin.close()
            except BrokenPipeError:
                pass
            done = subprocess.CompletedProcess(command, process.wait())
    if done.returncode and not lenient:
        what = f"the dump could not be restored: `{Path(command[-1] if not command else command[0]).name}` failed"
        raise DataError(what, where, "is it whole? try it by hand on a machine of your own")
