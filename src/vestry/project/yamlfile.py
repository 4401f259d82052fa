"""YAML with the line of every key, so that a fault can be shown where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from vestry.project.errors import Fault, ProjectError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _KeepText(_Loader):  # type: ignore[misc]
    """Leaves `yes`, `no`, `on`, `off` and dates as the text that was written."""


_KeepText.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag != "tag:yaml.org,2002:timestamp" and not (tag == "tag:yaml.org,2002:bool" and first in "yYnNoO")
    ]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class YamlFile:
    """One YAML file: its data, and where each part of it stands.

    `path` is as shown to people (relative to the project).
    """

    path: str
    text: str
    data: Any

    def line(self, keys: Sequence[str | int] = ()) -> int:
        """The 1-based line of a key path such as `("tables", "job", "columns")`; of the nearest parent if it is absent."""
        node = self._root
        line = 1
        for key in keys:
            found = None
            if isinstance(node, yaml.MappingNode):
                for key_node, value in node.value:
                    if key_node.value == str(key):
                        found, line = value, key_node.start_mark.line + 1
                        break
            elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and 0 <= key < len(node.value):
                found = node.value[key]
                line = found.start_mark.line + 1
            if found is None:
                return line
            node = found
        return line

    @cached_property
    def _root(self) -> yaml.Node | None:
        node: yaml.Node | None = yaml.compose(self.text, Loader=_KeepText)
        return node


def read_yaml(file: Path, shown: str) -> YamlFile:
    """Read one YAML file whose top is a mapping; `shown` is its name in messages.

    Raises ProjectError with the line and the cure where it cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProjectError([Fault(shown, 0, "the file is not UTF-8", "save it as UTF-8")]) from error
    except OSError as error:
        raise ProjectError([Fault(shown, 0, f"the file cannot be read: {error.strerror}")]) from error
    try:
        data = yaml.load(text, Loader=_KeepText)  # noqa: S506 - a safe loader, made stricter
    except yaml.YAMLError as error:
        raise ProjectError([_syntax_fault(error, text, shown)]) from error
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ProjectError([Fault(shown, 1, "the file must hold `key: value` lines", "see `vestry schema`")])
    document = YamlFile(shown, text, data)
    faults = list(_repeated_keys(document._root, shown))
    if faults:
        raise ProjectError(faults)
    return document


def _syntax_fault(error: yaml.YAMLError, text: str, shown: str) -> Fault:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    here = lines[line - 1] if line <= len(lines) else ""
    if "\t" in here[: len(here) - len(here.lstrip())] or (mark and "\t" in str(getattr(error, "problem", ""))):
        return Fault(shown, line, "a tab in the indentation", "YAML is indented with spaces: replace the tab")
    problem = getattr(error, "problem", None) or "this is not YAML"
    return Fault(shown, line, f"not valid YAML: {problem}", "look at this line and the one above it")


def _repeated_keys(node: Any, shown: str) -> list[Fault]:
    faults = []
    stack = [node]
    while stack:
        here = stack.pop()
        if isinstance(here, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, value in here.value:
                name = str(key.value)
                if name in seen and name != "<<":
                    mend = f"it stands on line {seen[name]} too; keep one"
                    faults.append(Fault(shown, key.start_mark.line + 1, f"the key `{name}` stands twice", mend))
                seen[name] = key.start_mark.line + 1
                stack.append(value)
        elif isinstance(here, yaml.SequenceNode):
            stack.extend(here.value)
    return faults
