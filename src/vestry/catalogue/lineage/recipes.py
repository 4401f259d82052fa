"""What each column of a table is made of, whatever kind its recipe is; remembered by what it was read from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vestry.catalogue.lineage.sql import Made, Ref, Schema, made_of
from vestry.project import ProjectError, TableName, quote
from vestry.project.inputs import recipe_shown, recipe_text
from vestry.project.product import ProductTable
from vestry.project.snapshot import read_snapshot
from vestry.project.sql import SqlFault

#: Part of every key: raise it when recipes come to be read otherwise.
_READER = "1"


class Recipes:
    """The lineage of recipes, kept in a file between processes."""

    def __init__(self, cache: Path) -> None:
        self._file = cache
        self._known: dict[str, Any] = {}
        self._used: set[str] = set()
        with suppress(OSError, ValueError, AttributeError):
            self._known = dict(json.loads(cache.read_bytes()).items())

    def of(self, table: ProductTable, schema: Schema) -> dict[str, Made]:
        """Each column of a table; `schema` has the columns of its inputs. What cannot be read is not exact."""
        try:
            text = recipe_text(table)
        except ProjectError:
            return {}
        declared = {c.name: c.sources for c in table.contract.columns if c.sources}
        columns = {str(name): sorted(of) for name, of in sorted(schema.items())}
        said = json.dumps([_READER, table.kind, table.part, text, declared, columns])
        key = hashlib.sha256(said.encode()).hexdigest()
        self._used.add(key)
        if key not in self._known:
            self._known[key] = _plain(_declared(_read(table, text, schema), declared, schema))
        return _of_plain(self._known[key])

    @contextmanager
    def kept(self) -> Iterator[Recipes]:
        """Ask for all tables within this: afterwards what was not asked for is forgotten, and the rest saved."""
        before, self._used = set(self._known), set()
        yield self
        self._known = {key: self._known[key] for key in sorted(self._used)}
        if set(self._known) != before:
            with suppress(OSError):  # a cache
                self._file.parent.mkdir(parents=True, exist_ok=True)
                aside = self._file.with_suffix(f".{os.getpid()}.tmp")
                aside.write_text(json.dumps(self._known), encoding="utf-8")
                aside.replace(self._file)


def _read(table: ProductTable, text: str, schema: Schema) -> dict[str, Made]:
    try:
        if table.kind == "sql":
            return made_of(text, recipe_shown(table), schema)
        if table.kind == "snapshot.yaml":
            return _of_snapshot(table, schema)
        if table.kind == "match.yaml":
            return _of_people(table, schema)
    except (SqlFault, ProjectError):
        pass
    return _all_of(table, schema)


def _all_of(table: ProductTable, schema: Schema) -> dict[str, Made]:
    """Any column of any input, for all that is known."""
    made = Made(frozenset((name, column) for name, columns in schema.items() for column in columns), exact=False)
    return {column.name: made for column in table.contract.columns}


def _of_snapshot(table: ProductTable, schema: Schema) -> dict[str, Made]:
    _, spec = read_snapshot(table.recipe, recipe_shown(table))
    known = {c.casefold() for c in schema.get(TableName.parse(spec.from_), {})}
    added = {"valid_from": spec.valid_from or spec.order_by[-1], "valid_to": spec.valid_from or spec.order_by[-1]}
    columns = {c.name: spec.columns.get(c.name) or added.get(c.name, c.name) for c in table.contract.columns}
    columns = {name: sql for name, sql in columns.items() if sql != name or name.casefold() in known}
    deciding = ", ".join([*(spec.columns.get(k, k) for k in spec.key), *spec.order_by])
    where = f" WHERE NOT ({spec.deleted_when})" if spec.deleted_when else ""
    selected = ", ".join(f"{sql} AS {quote(name)}" for name, sql in columns.items())
    sql = f"SELECT {selected} FROM {spec.from_}{where} QUALIFY row_number() OVER (ORDER BY {deciding}) > 0"
    return made_of(sql, recipe_shown(table), schema)


def _of_people(table: ProductTable, schema: Schema) -> dict[str, Made]:
    """An attribute is of the columns that are mapped to it; who is who, of all of them."""
    from vestry.mdm.people.model import read_match

    _, spec = read_match(table.recipe, recipe_shown(table))
    found: dict[str, frozenset[Ref]] = {}
    for people in spec.people:
        selected = ", ".join(
            f"{sql} AS {quote(name)}" for name, sql in {**people.columns, "record_id": people.key}.items()
        )
        made = made_of(f"SELECT {selected} FROM {people.table}", recipe_shown(table), schema)
        for name, of in made.items():
            found[name] = found.get(name, frozenset()) | of.of
    every = frozenset().union(*found.values())
    return {
        c.name: Made(found.get(c.name, every), frozenset() if c.name in found else every)
        for c in table.contract.columns
    }


def _declared(made: dict[str, Made], declared: Mapping[str, tuple[str, ...]], schema: Schema) -> dict[str, Made]:
    """What the contract says of columns that could not be read exactly."""
    for name, sources in declared.items():
        if not made.get(name, Made(frozenset(), exact=False)).exact:
            refs = {(TableName(*parts[:3]), parts[3]) for s in sources if len(parts := s.split(".")) == 4}
            made[name] = Made(frozenset(r for r in refs if r[1] in schema.get(r[0], {})))
    return made


def _plain(made: Mapping[str, Made]) -> dict[str, Any]:
    """As JSON: many columns of a table are decided by the same, which is written once."""
    sets: dict[frozenset[Ref], int] = {}
    columns = {
        name: [sets.setdefault(m.of, len(sets)), sets.setdefault(m.decided_by, len(sets)), m.exact]
        for name, m in made.items()
    }
    return {"": [sorted(f"{t}.{c}" for t, c in refs) for refs in sets], **columns} if columns else {}


def _of_plain(kept: Mapping[str, Any]) -> dict[str, Made]:
    sets = [frozenset(_ref(text) for text in texts) for texts in kept.get("", ())]
    return {name: Made(sets[made[0]], sets[made[1]], made[2]) for name, made in kept.items() if name}


def _ref(text: str) -> Ref:
    table, _, column = text.rpartition(".")
    return TableName.parse(table), column
