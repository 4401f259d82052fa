"""The lineage of all tables, kept on disk: after a change only the recipes that it touches are read again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vestry.catalogue.lineage.model import ColumnName, Lineage, Origin
from vestry.catalogue.lineage.recipes import ColumnsOf, read_lineage
from vestry.project import ProductTable, TableName

#: Part of every key of the cache: raise it when recipes come to be read otherwise.
_READER = 2


class Lineages:
    """Lineage, kept in `.vestry/lineage.json` by the recipe's content, what is promised, and the inputs' columns."""

    def __init__(self, state: Path) -> None:
        self._file = state / "lineage.json"
        #: As it is written: what is not asked for is not taken apart.
        self._known: dict[str, str] = {}
        self._read: dict[str, Lineage] = {}
        with suppress(OSError, ValueError, AttributeError):
            kept = json.loads(self._file.read_bytes()).items()
            self._known = {key: text for key, text in kept if isinstance(text, str)}

    def of(
        self,
        tables: Iterable[ProductTable],
        inputs: Mapping[TableName, Collection[TableName]],
        columns_of: ColumnsOf,
    ) -> Mapping[TableName, Lineage]:
        """The lineage of those tables, whose recipes read those inputs."""
        by_name = {table.name: table for table in tables}
        together: dict[Path, dict[TableName, None]] = {}  # parts of one recipe may read what another part names
        for table in by_name.values():
            together.setdefault(table.recipe, {}).update(dict.fromkeys(inputs.get(table.name, ())))
        shapes = {name: "\n".join(columns_of(name)) for named in together.values() for name in named}
        keys: dict[TableName, str] = {}

        def read(name: TableName) -> Lineage:
            found = read_lineage(by_name[name], inputs.get(name, ()), columns_of)
            self._known[keys[name]] = json.dumps(_encoded(found))
            self._read[keys[name]] = found
            return found

        def lineage(name: TableName) -> Lineage:
            if keys[name] not in self._read:
                try:
                    self._read[keys[name]] = _decoded(json.loads(self._known[keys[name]]))
                except (KeyError, ValueError, TypeError, IndexError):  # something else wrote the cache
                    return read(name)
            return self._read[keys[name]]

        before = set(self._known)
        for table in by_name.values():
            named = sorted(together[table.recipe])
            keys[table.name] = _key(table, [f"{name}\n{shapes[name]}" for name in named])
            if keys[table.name] not in self._known:
                read(table.name)
        used = set(keys.values())
        self._known = {key: self._known[key] for key in used}
        self._read = {key: known for key, known in self._read.items() if key in used}
        if used != before:
            self._save()
        return _Found(keys, lineage)

    def _save(self) -> None:
        with suppress(OSError):  # a cache: without it the next command only takes longer
            self._file.parent.mkdir(parents=True, exist_ok=True)
            aside = self._file.with_suffix(f".{os.getpid()}.tmp")
            aside.write_text(json.dumps(self._known), encoding="utf-8")
            aside.replace(self._file)


class _Found(Mapping[TableName, Lineage]):
    """The lineage of each table, taken apart when it is asked for."""

    def __init__(self, names: Collection[TableName], lineage: Callable[[TableName], Lineage]) -> None:
        self._names, self._lineage = names, lineage

    def __getitem__(self, name: TableName) -> Lineage:
        return self._lineage(name)

    def __iter__(self) -> Iterator[TableName]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


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
