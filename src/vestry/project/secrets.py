"""Secrets: named `${NAME}` in a project's files, taken from the environment, never written or shown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from vestry.project.errors import VestryError

SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def expand(text: str, where: str = "", env: Mapping[str, str] | None = None) -> str:
    """Put the environment's values in place of `${NAME}`.

    Raises VestryError that names the variable where it is not set; the value is never shown.
    """
    values = os.environ if env is None else env

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            raise VestryError(f"the environment variable {name} is not set", where, f"set it: export {name}=…")
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
