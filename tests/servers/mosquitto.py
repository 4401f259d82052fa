"""An MQTT broker: Debian's Mosquitto, with its state in a folder of its own."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
CONFIG = """\
listener {port} 127.0.0.1
user {user}
persistence true
persistence_location {home}/
autosave_interval 1
max_queued_messages 0
max_inflight_messages 2000
log_dest file {home}/log
log_type error
log_type warning
log_type notice
{more}
"""


@dataclass
class Broker:
    """A broker that can be stopped and started again; it keeps what waits for those who are away."""

    home: Path
    port: int
    more: str = "allow_anonymous true"
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        (self.home / "mosquitto.conf").write_text(
            CONFIG.format(port=self.port, home=self.home, user=getpass.getuser(), more=self.more)
        )
        command = [MOSQUITTO, "-c", str(self.home / "mosquitto.conf")]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while True:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            assert self._process.poll() is None and time.monotonic() < until, "Mosquitto did not start"
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(20)
            self._process = None


def prepared(home: Path) -> Broker:
    """A broker that is set up and not started."""
    if not Path(MOSQUITTO).exists():
        pytest.skip("Mosquitto is not installed (Debian: mosquitto)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home.mkdir(parents=True, exist_ok=True)
    return Broker(home, port)
