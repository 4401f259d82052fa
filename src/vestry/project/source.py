"""Sources: one YAML file for each system of record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from vestry.project.errors import Fault, ProjectError, did_you_mean, listed
from vestry.project.kept import Kept
from vestry.project.names import BRONZE, NAME_RULE, TableName, is_table_name
from vestry.project.source_models import DatabaseSource, FileSource, RestSource
from vestry.project.validation import validated
from vestry.project.yamlfile import YamlFile, read_yaml

AnySource = FileSource | DatabaseSource | RestSource
CONNECTORS: dict[str, type[AnySource]] = {"files": FileSource, "database": DatabaseSource, "rest": RestSource}


@dataclass(frozen=True)
class Source:
    """A system of record, and how to reach it."""

    name: str
    file: YamlFile
    #: As its connector's model has it: one of ours, or another package's with `tables` by name.
    spec: Any

    def bronze(self, table: str) -> TableName:
        return TableName(BRONZE, self.name, table)

    def needs(self, table: str) -> tuple[TableName, ...]:
        """The bronze tables that are loaded before this one, because it is read from them."""
        above = getattr(self.spec.tables[table], "from_", None)
        return (self.bronze(above),) if above else ()


def read_sources(root: Path, faults: list[Fault], kept: Kept) -> Iterator[Source]:
    """Every source that can be read; the faults of the rest are added to `faults`."""
    seen: dict[str, str] = {}
    for file in sorted([*(root / "sources").glob("*.yaml"), *(root / "sources").glob("*.yml")]):
        shown = file.relative_to(root).as_posix()
        if not is_table_name(file.stem):
            faults.append(Fault(shown, 0, f"`{file.stem}` is not a name for a source", NAME_RULE))
        if file.stem in seen:
            faults.append(Fault(shown, 0, f"the source `{file.stem}` is in {seen[file.stem]} too", "keep one"))
            continue
        seen[file.stem] = shown
        if source := kept.part(file, partial(_read_source, file, shown), faults):
            yield source


def _read_source(file: Path, shown: str, faults: list[Fault]) -> Source | None:
    try:
        document = read_yaml(file, shown)
    except ProjectError as error:
        faults.extend(error.faults)
        return None
    kind = document.data.get("connector")
    model = CONNECTORS.get(kind) or _model_of(str(kind))
    if model is None:
        known = sorted(entry.name for entry in entry_points(group="vestry.connectors"))
        what = f"unknown connector `{kind}`" if kind else "the key `connector` is missing"
        mend = did_you_mean(str(kind), known) if kind else f"add `connector:` {listed(known, 'or')}"
        faults.append(Fault(shown, document.line(("connector",)), what, mend))
        return None
    spec: Any = validated(model, document.data, shown, document.line, faults)
    if spec is None:
        return None
    for table in spec.tables:
        if not is_table_name(table):
            line = document.line(("tables", table))
            faults.append(Fault(shown, line, f"`{table}` is not a name for a table", NAME_RULE))
    return Source(file.stem, document, spec)


def connector_models() -> dict[str, type[BaseModel]]:
    """The model of each connector's YAML, ours and other packages'."""
    others = sorted({entry.name for entry in entry_points(group="vestry.connectors")} - set(CONNECTORS))
    return {**CONNECTORS, **{kind: model for kind in others if (model := _model_of(kind))}}


def _model_of(kind: str) -> type[BaseModel] | None:
    """The `Settings` of a connector that stands by itself: a pydantic model with `connector` and `tables`."""
    for entry in entry_points(group="vestry.connectors", name=kind):
        model = getattr(entry.load(), "Settings", None)
        if isinstance(model, type) and issubclass(model, BaseModel):
            return model
    return None
