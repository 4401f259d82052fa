"""An SFTP server: Debian's OpenSSH with a configuration and a host key of its own, for the user who runs the tests."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {home}/host_key
PidFile {home}/sshd.pid
AuthorizedKeysFile {home}/user_key.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
LogLevel VERBOSE
"""


@dataclass
class SftpServer:
    """A running server; `folder` is where the files are."""

    home: Path
    port: int
    user: str
    folder: Path

    @property
    def url(self) -> str:
        return f"sftp://{self.user}@127.0.0.1:{self.port}{self.folder}"

    @property
    def key(self) -> Path:
        return self.home / "user_key"

    @property
    def fingerprint(self) -> str:
        said = subprocess.run(
            ["ssh-keygen", "-l", "-f", self.home / "host_key.pub"], capture_output=True, text=True, check=True
        )
        return said.stdout.split()[1]

    @property
    def known_host(self) -> str:
        """The line of a known_hosts file."""
        kind, key, *_ = (self.home / "host_key.pub").read_text().split()
        return f"[127.0.0.1]:{self.port} {kind} {key}\n"

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()

    @property
    def sessions(self) -> int:
        return self.log.count("Accepted publickey")

    def put(self, name: str, content: str | bytes, age: float = 3600) -> Path:
        """A file that was written so many seconds ago."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        then = time.time() - age
        os.utime(path, (then, then))
        return path

    @contextmanager
    def running(self) -> Iterator[None]:
        with (self.home / "log").open("a") as log:
            process = subprocess.Popen([SSHD, "-D", "-e", "-f", self.home / "config"], stderr=log)
        try:
            until = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                    break
                except OSError:
                    assert process.poll() is None and time.monotonic() < until, self.log
                    time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(10)

    def new_host_key(self, kind: str = "ed25519") -> None:
        make_key(self.home / "host_key", kind)


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    path.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", path], check=True)
    return path


@contextmanager
def prepared(home: Path) -> Iterator[SftpServer]:
    """A server that is set up and not started."""
    if not Path(SSHD).exists():
        pytest.skip("OpenSSH's server is not installed (Debian: openssh-server)")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd drops root's powers to; Debian makes it at boot
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = SftpServer(home, port, getpass.getuser(), home / "out")
    server.folder.mkdir(parents=True)
    server.new_host_key()
    make_key(server.key)
    (home / "config").write_text(CONFIG.format(port=port, home=home))
    (home / "log").touch()
    yield server
