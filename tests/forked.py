"""Processes of the `vestry` command that begin with its modules read: each is a fork of one that waits.

To read them takes most of the time of a short command, and the tests start hundreds.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

#: What commands read when they come to it; not duckdb, which a fork cannot use.
_LATE = (
    "vestry.run.workspace", "vestry.run.worker", "vestry.ingest.rest", "pyarrow.dataset", "sqlglot.optimizer.qualify",
    "sqlglot.dialects.duckdb", "sqlalchemy", "dbos", "starlette.applications", "uvicorn",
)  # fmt: skip
_NUMBER = struct.Struct("i")
#: Whether this system can tell of the end of a process that is no child of who asks.
works = hasattr(os, "pidfd_open")


class Process:
    """A command that runs, with what a `Popen` of it has; `script` is run in place of it, as `python -c` does."""

    def __init__(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str] | None = None,
        stdin: IO[Any] | None = None,
        stdout: IO[Any] | None = None,
        stderr: IO[Any] | None = None,
        script: str | None = None,
    ) -> None:
        self.arguments = [str(a) for a in arguments]
        self.returncode: int | None = None
        plain = {
            "arguments": self.arguments,
            "env": {**os.environ, **(env or {})},
            "cwd": str(Path.cwd()),
            "script": script,
        }
        self._told, theirs = socket.socketpair()
        with theirs, Path(os.devnull).open("r+b") as nothing:
            standard = [(stream or nothing).fileno() for stream in (stdin, stdout, stderr)]
            socket.send_fds(_waiting(), [json.dumps(plain).encode()], [*standard, theirs.fileno()])
        self.pid: int = _NUMBER.unpack(self._told.recv(_NUMBER.size))[0]

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0.001)
        return None

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                (status,) = _NUMBER.unpack(self._told.recv(_NUMBER.size))
            except TimeoutError:
                raise subprocess.TimeoutExpired(self.arguments, timeout or 0) from None
            self.returncode = os.waitstatus_to_exitcode(status)
            self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    arguments: Sequence[str], env: Mapping[str, str], seconds: float, input: str = "", script: str | None = None
) -> subprocess.CompletedProcess[str]:
    """A command from its beginning to its end. Raises subprocess.TimeoutExpired, having killed it."""
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        asked.write(input.encode())
        asked.seek(0)
        process = Process(arguments, env, asked, out, err, script)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        out.seek(0)
        err.seek(0)
        said = out.read().decode(), err.read().decode()
        return subprocess.CompletedProcess(process.arguments, process.wait(), *said)


@cache
def _waiting() -> socket.socket:
    """The socket of the process that waits, which ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen([sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()])
    return ours


def _wait(control: socket.socket) -> dict[str, Any] | None:
    """Fork for each that asks, and tell how it ended; in the fork, what was asked."""
    open_ones: dict[int, tuple[int, socket.socket]] = {}
    with selectors.DefaultSelector() as ready:
        ready.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is control:
                    message, descriptors, *_ = socket.recv_fds(control, 1 << 20, 4)
                    if not message:
                        return None
                    pid = os.fork()
                    if pid == 0:
                        return _become(json.loads(message), descriptors)
                    *standard, answer = descriptors
                    for descriptor in standard:
                        os.close(descriptor)
                    process, told = os.pidfd_open(pid), socket.socket(fileno=answer)
                    told.send(_NUMBER.pack(pid))
                    open_ones[process] = pid, told
                    ready.register(process, selectors.EVENT_READ)
                else:
                    pid, told = open_ones.pop(key.fd)
                    ready.unregister(key.fd)
                    os.close(key.fd)
                    with told, suppress(BrokenPipeError):
                        told.send(_NUMBER.pack(os.waitpid(pid, 0)[1]))


def _become(asked: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    os.closerange(3, max(descriptors) + 1)
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    os.chdir(asked["cwd"])
    return asked


def _perform(asked: dict[str, Any]) -> NoReturn:
    """Do it, and end without taking the modules apart, which takes as long as to read them."""
    first = "-c" if asked["script"] else str(Path(sys.executable).with_name("vestry"))
    sys.argv = [first, *asked["arguments"]]
    code = 1
    try:
        if asked["script"]:
            exec(asked["script"], {"__name__": "__main__"})
            code = 0
        else:
            main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    threading._shutdown()
    atexit._run_exitfuncs()
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    from vestry.cli import main

    for module in _LATE:
        importlib.import_module(module)
    assert "duckdb" not in sys.modules
    gc.freeze()
    asked = _wait(socket.socket(fileno=int(sys.argv[1])))
    if asked is not None:
        _perform(asked)
