"""The project's own settings, `vestry.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from vestry.project.errors import Fault
from vestry.project.models import Settings
from vestry.project.validation import validated

FILE = "vestry.toml"
_HEADER = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+")
_KEY = re.compile(r"""\s*["']?([A-Za-z0-9_-]+)["']?\s*(?:=|\.)""")


def read_settings(root: Path, faults: list[Fault]) -> Settings:
    """The settings; where they have faults, those are added and plain settings stand in."""
    plain = Settings.model_validate({"council": {"name": root.name or "council"}})
    try:
        text = (root / FILE).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        faults.append(Fault(FILE, 0, "the file is not UTF-8", "save it as UTF-8"))
        return plain
    except OSError as error:
        faults.append(Fault(FILE, 0, f"the file cannot be read: {error.strerror}"))
        return plain
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        said = re.sub(r"\s*\(at .*\)", "", str(error))
        line = int(found.group(1)) if found else len(text.splitlines())
        mend = 'write `key = "value"` below a [section]'
        faults.append(Fault(FILE, line, f"not valid TOML: {said[:1].lower()}{said[1:]}", mend))
        return plain
    return validated(Settings, data, FILE, lambda keys: toml_line(text, keys), faults) or plain


def toml_line(text: str, keys: Sequence[str | int]) -> int:
    """The 1-based line of a key path such as `("lake", "location")`; of the nearest parent if it is absent."""
    wanted = [str(key) for key in keys]
    best, depth, section = 1, 0, list[str]()
    for number, row in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(row):
            section = [part.strip(" \"'") for part in header.group(1).split(".")]
            here = section
        elif key := _KEY.match(row):
            here = [*section, key.group(1)]
        else:
            continue
        if len(here) > depth and wanted[: len(here)] == here:
            best, depth = number, len(here)
    return best
