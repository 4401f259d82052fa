"""A MariaDB of the tests' own, on a free port of the loopback address."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "tawny owl"


@dataclass(frozen=True)
class MariaDB:
    """A running server; the user `vestry` may do everything over TCP, with a password."""

    port: int
    socket: Path

    def url(self, database: str, password: str = PASSWORD.replace(" ", "%20")) -> str:
        return f"mysql://vestry:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, sql: str, database: str = "mysql") -> str:
        """Run statements; what they print, tab-separated."""
        done = subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self.socket}", "-u", "root", "-N", database],
            input=sql, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    if not shutil.which("mariadbd") or not shutil.which("mariadb-install-db"):
        pytest.skip("MariaDB is not installed")
    # The path of a socket may have a hundred characters.
    folder = Path(f"/tmp/vestry-mariadb-{os.getpid()}")
    folder.mkdir(mode=0o755)
    data = folder / "data"
    user = ["--user=root"] if os.geteuid() == 0 else []
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
         "--skip-test-db", *user], check=True, capture_output=True,
    )  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={folder}/s", f"--port={port}",
         "--bind-address=127.0.0.1", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", *user],
        stdout=subprocess.DEVNULL, stderr=(folder / "log").open("w"),
    )  # fmt: skip
    found = MariaDB(port, folder / "s")
    try:
        for _ in range(150):
            if (folder / "s").exists():
                try:
                    found.execute(
                        f"CREATE USER vestry@'%' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO vestry@'%';"
                        f"CREATE USER vestry@localhost IDENTIFIED BY '{PASSWORD}';"
                        "GRANT ALL ON *.* TO vestry@localhost;"
                    )
                    break
                except AssertionError:
                    pass
            time.sleep(0.2)
        else:
            raise RuntimeError((folder / "log").read_text()[-2000:])
        yield found
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
