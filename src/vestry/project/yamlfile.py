"""YAML with the line of every key, so that a fault can be shown where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vestry.project.errors import Fault, ProjectError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _KeepText(_Loader):  # type: ignore[misc]
    """Leaves `yes`, `no`, `on`, `off` and dates as the text that was written; notes keys that stand twice."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.repeated: list[tuple[str, int, int]] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen and name != "<<":
                self.repeated.append((name, line, seen[name]))
            seen[name] = line
        return super().construct_mapping(node, deep)


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
    _root: yaml.Node | None = field(default=None, repr=False, compare=False)

    def line(self, keys: Sequence[str | int] = ()) -> int:
        """The 1-based line of a key path such as `("tables", "job", "columns")`; of the nearest parent if absent."""
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

    def texts(self) -> Iterator[tuple[str, int]]:
        """Every text of the file's values, with its line."""
        stack = [self._root]
        while stack:
            node = stack.pop()
            if isinstance(node, yaml.ScalarNode):
                yield node.value, node.start_mark.line + 1
            elif isinstance(node, yaml.MappingNode):
                stack.extend(value for _, value in node.value)
            elif isinstance(node, yaml.SequenceNode):
                stack.extend(node.value)


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
    return parse_yaml(text, shown)


def parse_yaml(text: str, shown: str) -> YamlFile:
    """As `read_yaml`, of text that is at hand."""
    loader = None
    try:
        loader = _KeepText(text)
        root = loader.get_single_node()
        data = loader.construct_document(root) if root is not None else None
    except yaml.YAMLError as error:
        raise ProjectError([_syntax_fault(error, text, shown)]) from error
    finally:
        if loader is not None:
            loader.dispose()
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ProjectError([Fault(shown, 1, "the file must hold `key: value` lines", "see `vestry schema`")])
    if loader.repeated:
        raise ProjectError(
            Fault(shown, line, f"the key `{name}` stands twice", f"it stands on line {other} too; keep one")
            for name, line, other in loader.repeated
        )
    return YamlFile(shown, text, data, root)


#: What the YAML reader says, and what that means to the person who wrote the line.
_MEANING = {
    "mapping values are not allowed": ("a `:` where the text cannot have one", "put the text in quotes"),
    "could not find expected ':'": ("a key without its `:`", "write `key: value`"),
    "did not find expected key": ("the line does not fit the indentation around it", "indent it as its neighbours are"),
    "did not find expected '-'": ("the line does not fit the list above it", "indent it as its neighbours are"),
    "found unexpected end of stream": ("a quote that is not closed", "close it"),
    "found undefined alias": ("`*` begins an alias in YAML", "put the text in quotes"),
    "found unknown escape character": ("`\\` in double quotes begins an escape", "use single quotes"),
    "did not find expected ',' or": ("a `[` or `{` that is not closed", "close it"),
    "control characters are not allowed": ("a control character", "take it out"),
}


def _syntax_fault(error: yaml.YAMLError, text: str, shown: str) -> Fault:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    here = lines[line - 1] if line <= len(lines) else ""
    problem = str(getattr(error, "problem", None) or error)
    tabbed = next((n for n, row in enumerate(lines, 1) if "\t" in row[: len(row) - len(row.lstrip())]), None)
    if "\t" in here[: len(here) - len(here.lstrip())]:
        return Fault(shown, line, "a tab in the indentation", "YAML is indented with spaces: replace the tab")
    if tabbed and ("\\t" in problem or "indentation" in problem or "expected" in problem):
        return Fault(shown, tabbed, "a tab in the indentation", "YAML is indented with spaces: replace the tab")
    for said, (what, mend) in _MEANING.items():
        if said in problem:
            return Fault(shown, line, f"not valid YAML: {what}", mend)
    return Fault(shown, line, f"not valid YAML: {problem.splitlines()[0]}", "look at this line and the one above it")
