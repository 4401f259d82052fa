"""What the operating system keeps from a process that answers questions: memory, time, files and the network.

These walls hold whatever runs inside them, be it the engine's own fault.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache

#: Address space besides what the engine may fill: libraries, stacks of threads, allocators' reserves.
_BESIDES = 4 * 2**30
#: Landlock's system calls, the same on every processor, and what of it is used (linux/landlock.h).
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
#: Access to files that each version can forbid, and to the network from version 4 on; signals and sockets from 6 on.
_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_NETWORK, _SCOPE = (1 << 2) - 1, (1 << 2) - 1
_NO_NEW_PRIVILEGES = 38


def limit(memory: int, seconds: int, answer: int) -> None:
    """Limits of this process: bytes of memory, seconds of processor time, bytes of the one file that it writes."""
    space = memory + _BESIDES
    for what, most in (
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, answer),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


class _Rules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scope", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def enclose(files: Iterable[str]) -> bool:
    """From now on this process opens these files and Python's own libraries to read, nothing else, and no connection.

    What is open already stays open. It holds for threads that are begun from now on. Returns False where it does not
    hold for all: the kernel has no Landlock (Linux before 5.13), or there are other threads already.
    """
    if not sys.platform.startswith("linux") or len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - as below
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    if version < 1:
        return False
    handled = max(bits for since, bits in _FILES.items() if since <= version)
    rules = _Rules(handled, _NETWORK if version >= 4 else 0, _SCOPE if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rule_set = libc.syscall(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    if rule_set < 0:
        return False
    for path in files:
        _allow(libc, rule_set, path, _READ_FILE)
    for path in libraries():
        _allow(libc, rule_set, path, _READ_FILE | _READ_DIR)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    failed: int = libc.syscall(_RESTRICT, ctypes.c_int(rule_set), ctypes.c_uint32(0))
    os.close(rule_set)
    return failed == 0


def _allow(libc: ctypes.CDLL, rule_set: int, path: str, access: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there is not opened either
    beneath = _Beneath(access, parent)
    libc.syscall(_ADD, ctypes.c_int(rule_set), ctypes.c_int(_PATH_BENEATH), ctypes.byref(beneath), ctypes.c_uint32(0))
    os.close(parent)


@cache
def libraries() -> frozenset[str]:
    """Where what is imported late lies, and time zones."""
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {os.path.dirname(str(sys.modules["duckdb"].__file__))}  # noqa: PTH120 - pathlib is not imported here
    return frozenset(paths) | {"/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo"}
