"""Which tables each recipe reads: what makes a graph of a project.

Recipes are only read, never run. What was found is kept in `.vestry/inputs.json` by the content
of the recipe, so that a run with nothing to do parses no SQL.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from types import TracebackType

from vestry.project.errors import Fault, ProjectError
from vestry.project.names import Reference, TableName
from vestry.project.product import ProductTable
from vestry.project.project import Project

#: Part of every key of the cache: raise it when recipes come to be read otherwise.
_READER = "2"


def inputs_of(table: ProductTable) -> tuple[Reference, ...]:
    """The tables that a recipe names, with their lines.

    Raises ProjectError that lists what is wrong where the recipe cannot be read.
    """
    return _read(table, _bytes(table.recipe))


class Inputs:
    """The inputs of a project's tables, remembered on disk between commands.

    with Inputs(project) as inputs:
        inputs.of(table)
    """

    def __init__(self, project: Project) -> None:
        self._file = project.state / "inputs.json"
        self._known: dict[str, list[tuple[str, int]]] = {}
        self._used: set[str] = set()
        self._grown = False

    def __enter__(self) -> Inputs:
        with suppress(OSError, ValueError, AttributeError):
            self._known = dict(json.loads(self._file.read_bytes()).items())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._grown:
            return
        kept = {key: self._known[key] for key in sorted(self._used)}
        with suppress(OSError):  # a cache: without it the next command only takes longer
            self._file.parent.mkdir(parents=True, exist_ok=True)
            aside = self._file.with_suffix(f".{os.getpid()}.tmp")
            aside.write_text(json.dumps(kept), encoding="utf-8")
            aside.replace(self._file)

    def of(self, table: ProductTable) -> tuple[TableName, ...]:
        """The tables that a recipe reads; what is no name of a table is left to `vestry check`.

        Raises ProjectError where the recipe cannot be read.
        """
        return tuple(r.name for r in self.references(table) if r.name is not None)

    def references(self, table: ProductTable) -> tuple[Reference, ...]:
        """As `of`, with lines, and with names that are no table's."""
        content = _bytes(table.recipe)
        key = hashlib.sha256(f"{_READER}/{table.kind}/{table.part}/".encode() + content).hexdigest()
        if key not in self._known:
            self._known[key] = [(r.text, r.line) for r in _read(table, content)]
            self._grown = True
        self._used.add(key)
        return tuple(Reference.of(text, line) for text, line in self._known[key])


def recipe_shown(table: ProductTable) -> str:
    """The recipe's path below the project, for messages."""
    return "/".join(table.recipe.parts[-4:])


def recipe_text(table: ProductTable) -> str:
    """Raises ProjectError where the recipe cannot be read as text."""
    return _text(table, _bytes(table.recipe))


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        shown = "/".join(file.parts[-4:])
        raise ProjectError([Fault(shown, 0, f"the file cannot be read: {error.strerror}")]) from error


def _text(table: ProductTable, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ProjectError([Fault(recipe_shown(table), line, "the file is not UTF-8", "save it as UTF-8")]) from error


def _read(table: ProductTable, content: bytes) -> tuple[Reference, ...]:
    shown = recipe_shown(table)
    text = _text(table, content)
    if table.kind == "sql":
        from vestry.project.sql import SqlFault, parse, references  # 0.4 s, so only where SQL is new

        try:
            return tuple(references(parse(text, shown)))
        except SqlFault as error:
            raise ProjectError([error.fault]) from error
    if table.kind == "py":
        from vestry.project.python import python_inputs

        return tuple(python_inputs(text, shown).values())
    if table.kind == "snapshot.yaml":
        from vestry.project.snapshot import snapshot_inputs

        return snapshot_inputs(text, shown)
    return tuple(_of_builder(table))


def _of_builder(table: ProductTable) -> Iterator[Reference]:
    """What another package's builder says: it may have `inputs(table)`, giving texts and lines."""
    for entry in entry_points(group="vestry.builders", name=table.kind):
        ask = getattr(entry.load(), "inputs", None)
        if ask is not None:
            yield from (Reference.of(text, line) for text, line in ask(table))
