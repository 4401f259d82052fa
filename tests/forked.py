"""The `vestry` command as a process of its own that begins with its modules read: a fork of one that waits.

To read them takes most of the time of a short command, and the tests start hundreds.
"""

from __future__ import annotations

import atexit
import gc
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
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

#: What commands read when they come to it; not duckdb, which a fork cannot use.
_LATE = (
    "vestry.run.workspace", "vestry.ingest.rest", "pyarrow.dataset", "sqlglot.optimizer.qualify",
    "sqlglot.dialects.duckdb", "sqlalchemy", "dbos",
)  # fmt: skip
#: Whether this system can tell of the end of a process that is no child of who asks.
works = hasattr(os, "pidfd_open")
_STATUS = struct.Struct("i")


def run(
    arguments: Sequence[str], env: Mapping[str, str], seconds: float, input: str = ""
) -> subprocess.CompletedProcess[str]:
    """`vestry` with these arguments and this environment; `input` is what it reads from its standard input.

    Raises subprocess.TimeoutExpired, having killed it.
    """
    words = [str(a) for a in arguments]
    asked = json.dumps({"arguments": words, "env": dict(env), "cwd": str(Path.cwd())}).encode()
    with tempfile.TemporaryFile() as said_in, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        said_in.write(input.encode())
        said_in.seek(0)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            socket.send_fds(_waiting(), [asked], [said_in.fileno(), out.fileno(), err.fileno(), theirs.fileno()])
            theirs.close()
            (pid,) = _STATUS.unpack(ours.recv(_STATUS.size))
            ours.settimeout(seconds)
            try:
                (status,) = _STATUS.unpack(ours.recv(_STATUS.size))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(["vestry", *words], seconds) from None
        out.seek(0)
        err.seek(0)
        code = os.waitstatus_to_exitcode(status)
        return subprocess.CompletedProcess(["vestry", *words], code, out.read().decode(), err.read().decode())


@cache
def _waiting() -> socket.socket:
    """The socket of the process that waits; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    subprocess.Popen([sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()])
    theirs.close()
    return ours


def _wait(control: socket.socket) -> list[str] | None:
    """Fork for each that asks; in the fork, the arguments of the command."""
    pending: dict[int, tuple[int, int]] = {}  # an open process: its id, and whom its end is told
    with selectors.DefaultSelector() as ready:
        ready.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is not control:
                    pid, answer = pending.pop(key.fd)
                    ready.unregister(key.fd)
                    with socket.socket(fileno=answer) as told:
                        # Who asked may have gone
                        told.send(_STATUS.pack(os.waitpid(pid, 0)[1]), socket.MSG_NOSIGNAL)
                    os.close(key.fd)
                    continue
                message, descriptors, *_ = socket.recv_fds(control, 1 << 20, 4)
                if not message:
                    return None
                pid = os.fork()
                if pid == 0:
                    return _become(json.loads(message), descriptors)
                *standard, answer = descriptors
                for descriptor in standard:
                    os.close(descriptor)
                os.write(answer, _STATUS.pack(pid))
                opened = os.pidfd_open(pid)
                pending[opened] = pid, answer
                ready.register(opened, selectors.EVENT_READ)


def _become(asked: dict[str, object], descriptors: Sequence[int]) -> list[str]:
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    os.closerange(3, max(descriptors) + 1)
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    os.chdir(asked["cwd"])
    return asked["arguments"]


def _end(main: Callable[[], object], arguments: Sequence[str]) -> NoReturn:
    """The command, and the end of the process without taking the modules apart, which takes as long as to read them."""
    sys.argv = [str(Path(sys.executable).with_name("vestry")), *arguments]
    code = 1
    try:
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
    import importlib

    from vestry.cli import main

    for module in _LATE:
        importlib.import_module(module)
    assert "duckdb" not in sys.modules
    gc.freeze()
    arguments = _wait(socket.socket(fileno=int(sys.argv[1])))
    if arguments is not None:
        _end(main, arguments)
