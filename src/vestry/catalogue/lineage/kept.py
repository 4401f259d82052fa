"""The lineage of all tables, kept on disk: after a change only the recipes that it touches are read again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vestry.catalogue.lineage.model import ColumnName, Lineage, Origin
from vestry.catalogue.lineage.recipes import ColumnsOf, read_lineage
from vestry.project import ProductTable, TableName

#: Part of every key of the cache: raise it when recipes come to be read otherwise.
_READER = 1


class Lineages:
    """Lineage, kept in `.vestry/lineage.json` by the recipe's content, what is promised, and the inputs' columns."""

    def __init__(self, state: Path) -> None:
        self._file = state / "lineage.json"
        self._known: dict[str, Any] = {}
        self._read: dict[str, Lineage] = {}
        with suppress(OSError, ValueError, AttributeError):
            self._known = dict(json.loads(self._file.read_bytes()).items())

    def of(
        self,
        tables: Iterable[ProductTable],
        inputs: Mapping[TableName, Collection[TableName]],
        columns_of: ColumnsOf,
    ) -> dict[TableName, Lineage]:
        """The lineage of those tables, whose recipes read those inputs."""
        tables = list(tables)
        together: dict[Path, dict[TableName, None]] = {}  # parts of one recipe may read what another part names
        for table in tables:
            together.setdefault(table.recipe, {}).update(dict.fromkeys(inputs.get(table.name, ())))
        shapes = {name: "\n".join(columns_of(name)) for named in together.values() for name in named}
        found: dict[TableName, Lineage] = {}
        keys: dict[str, None] = {}
        grown = False
        for table in tables:
            named = sorted(together[table.recipe])
            key = _key(table, [f"{name}\n{shapes[name]}" for name in named])
            keys[key] = None
            if key not in self._read:
                if (known := self._decoded(key)) is None:
                    known = read_lineage(table, inputs.get(table.name, ()), columns_of)
                    self._known[key] = _encoded(known)
                    grown = True
                self._read[key] = known
            found[table.name] = self._read[key]
        if grown or self._known.keys() != keys.keys():
            self._known = {key: self._known[key] for key in keys}
            self._read = {key: self._read[key] for key in keys}
            self._save()
        return found

    def _decoded(self, key: str) -> Lineage | None:
        with suppress(KeyError, ValueError, TypeError, IndexError):
            return _decoded(self._known[key])
        return None

    def _save(self) -> None:
        with suppress(OSError):  # a cache: without it the next command only takes longer
            self._file.parent.mkdir(parents=True, exist_ok=True)
            aside = self._file.with_suffix(f".{os.getpid()}.tmp")
            aside.write_text(json.dumps(self._known), encoding="utf-8")
            aside.replace(self._file)


def _key(table: ProductTable, inputs: Sequence[str]) -> str:
    promised = [(c.name, *c.sources) for c in table.contract.columns]
    try:
        content = table.recipe.read_bytes()
    except OSError:
        content = b""
    about = f"{_READER}\n{table.name}\n{table.kind}\n{promised}\n{inputs}\n"
    return hashlib.sha256(about.encode() + content).hexdigest()


def _encoded(lineage: Lineage) -> list[Any]:
    """Names are written once, and told by their numbers."""
    numbers: dict[ColumnName, int] = {}

    def numbered(names: Iterable[ColumnName]) -> list[int]:
        return sorted(numbers.setdefault(name, len(numbers)) for name in names)

    columns = {c: [numbered(sorted(o.of)), numbered(sorted(o.by))] for c, o in lineage.columns.items()}
    rows = numbered(sorted(lineage.rows))
    tables = list(dict.fromkeys(str(name.table) for name in numbers))
    return [tables, [[tables.index(str(n.table)), n.column] for n in numbers], columns, rows, lineage.why]


def _decoded(kept: list[Any]) -> Lineage:
    texts, pairs, columns, rows, why = kept
    tables = [TableName.parse(text) for text in texts]
    names = [ColumnName(tables[table], column) for table, column in pairs]

    def named(numbers: list[int]) -> frozenset[ColumnName]:
        return frozenset([names[number] for number in numbers])

    return Lineage({c: Origin(named(of), named(by)) for c, (of, by) in columns.items()}, named(rows), why)
