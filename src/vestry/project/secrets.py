"""Secrets: named `${NAME}` in a project's files, taken from the environment, never written there or shown."""

from __future__ import annotations

import os
import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vestry.project.errors import VestryError

SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*\Z")


def environment(root: Path) -> Mapping[str, str]:
    """The environment, and what a file `.env` beside `vestry.toml` adds to it: `NAME=value`, a line each.

    The file is for one machine and never in git; what the environment says itself goes first.
    """
    try:
        lines = (root / ".env").read_text(encoding="utf-8-sig").splitlines()
    except OSError:
        return os.environ
    found = (_LINE.match(line) for line in lines if not line.lstrip().startswith("#"))
    return ChainMap(os.environ, {m[1]: m[2].strip("\"'") for m in found if m})


def expand(text: str, where: str = "", env: Mapping[str, str] | None = None) -> str:
    """Put the environment's values in place of `${NAME}`.

    Raises VestryError that names the variable where it is not set; the value is never shown.
    """
    values = os.environ if env is None else env

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            raise VestryError(
                f"the environment variable {name} is not set", where, f"set it: export {name}=…, or put it in .env"
            )
        return values[name]

    return SECRET.sub(value, text)


def secrets_in(value: Any) -> Iterator[str]:
    """The names of all `${NAME}` in a file's values."""
    if isinstance(value, str):
        yield from SECRET.findall(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item)
