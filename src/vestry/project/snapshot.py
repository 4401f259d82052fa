"""Snapshot recipes: the current state of a feed that only tells of changes."""

from __future__ import annotations

from pathlib import Path

from vestry.project.errors import Fault, ProjectError
from vestry.project.models import SnapshotFile
from vestry.project.names import Reference
from vestry.project.validation import validated
from vestry.project.yamlfile import YamlFile, parse_yaml, read_yaml


def read_snapshot(file: Path, shown: str) -> tuple[YamlFile, SnapshotFile]:
    """A snapshot recipe and its file. Raises ProjectError that lists its faults."""
    return _typed(read_yaml(file, shown))


def snapshot_inputs(text: str, shown: str) -> tuple[Reference, ...]:
    """The table of changes. Raises ProjectError that lists the recipe's faults."""
    document, spec = _typed(parse_yaml(text, shown))
    return (Reference.of(spec.from_, document.line(("from",))),)


def _typed(document: YamlFile) -> tuple[YamlFile, SnapshotFile]:
    faults: list[Fault] = []
    spec = validated(SnapshotFile, document.data, document.path, document.line, faults)
    if spec is None:
        raise ProjectError(faults)
    return document, spec
