"""Snapshot recipes: the current state of a feed that only tells of changes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from vestry.project.errors import Fault, did_you_mean
from vestry.project.models import SnapshotFile
from vestry.project.names import BRONZE, Reference
from vestry.project.validation import typed
from vestry.project.yamlfile import YamlFile, parse_yaml, read_yaml


def read_snapshot(file: Path, shown: str) -> tuple[YamlFile, SnapshotFile]:
    """A snapshot recipe and its file. Raises ProjectError that lists its faults."""
    return typed(SnapshotFile, read_yaml(file, shown))


def snapshot_inputs(text: str, shown: str) -> tuple[Reference, ...]:
    """The table of changes. Raises ProjectError that lists the recipe's faults."""
    document, spec = typed(SnapshotFile, parse_yaml(text, shown))
    return (Reference.of(spec.from_, document.line(("from",))),)


def snapshot_faults(
    document: YamlFile, spec: SnapshotFile, promised: Mapping[str, Collection[str]], table: str
) -> Iterator[Fault]:
    """What a snapshot recipe says that its contract, or SQL, does not know.

    `promised` are the columns of each table of the contract; `table` is the one that the recipe makes.
    """
    from vestry.project.sql import SqlFault, parse  # 0.4 s, which a run with nothing to do does not have

    columns = promised.get(table, ())
    history = f"{table}_history"
    for key in spec.key:
        if key not in columns:
            what = f"the key `{key}` is not a column of `{table}` in the contract"
            yield Fault(document.path, document.line(("key",)), what, did_you_mean(key, columns))
    for name in spec.columns:
        if name not in columns and name not in promised.get(history, ()):
            what = f"the column `{name}` is made, and the contract does not promise it"
            yield Fault(document.path, document.line(("columns", name)), what, did_you_mean(name, columns))
    if spec.history and history not in promised:
        what = f"history is asked for, and the contract promises no table `{history}`"
        mend = f"add `{history}` to the contract, with the columns valid_from and valid_to, or take `history` out"
        yield Fault(document.path, document.line(("history",)), what, mend)
    if not spec.from_.startswith(f"{BRONZE}."):
        what = f"`{spec.from_}` is not a bronze table, and a snapshot is made of a feed as it was received"
        yield Fault(document.path, document.line(("from",)), what, "name bronze.source.table")
    expressions: dict[tuple[str, ...], str] = {("columns", name): sql for name, sql in spec.columns.items()}
    expressions |= {
        (key,): sql for key, sql in (("deleted_when", spec.deleted_when), ("valid_from", spec.valid_from)) if sql
    }
    for place, sql in expressions.items():
        try:
            parse(f"SELECT\n{sql}\n", document.path)
        except SqlFault as error:
            yield Fault(document.path, document.line(place), f"`{place[-1]}`: {error.fault.what}", error.fault.mend)
