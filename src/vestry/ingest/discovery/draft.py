"""From what was found to a source and a product, to be read and mended by who owns the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from vestry.ingest.discovery.report import Column, Table
from vestry.ingest.files.names import snake_case
from vestry.project import Project, VestryError, quote

_DOMAIN = "drafts"


def write_drafts(project: Project, name: str, source: Mapping[str, Any], tables: Sequence[Table]) -> list[Path]:
    """Write `sources/<name>.yaml`, unless it is there, and a draft product of all tables below `domains/drafts`.

    `source` holds the source's keys but its tables. Raises VestryError where the product is there already.
    """
    folder = project.root / "domains" / _DOMAIN / name
    if folder.exists():
        raise VestryError(f"the product {_DOMAIN}.{name} is there already", str(folder), "move it, or rename it")
    named = {snake_case(t.name.rpartition("/")[2].partition(".")[0]) or "data": t for t in tables if t.columns}
    written = []
    file = project.root / "sources" / f"{name}.yaml"
    if not file.exists():
        is_database = source["connector"] == "database"
        entries = {n: {"table": t.name} if is_database else {"files": t.name} for n, t in named.items()}
        written.append(_write(file, {**source, "tables": entries}))
    if _DOMAIN not in project.domains:
        written.append(
            _write(project.root / "domains" / _DOMAIN / "domain.yaml", {"name": "Drafts", "owner": "to be named"})
        )
    written.append(_write(folder / "contract.yaml", _contract(name, named)))
    for table, found in named.items():
        columns = ",\n".join(f"    {_read(c)} AS {quote(_named(c))}" for c in found.columns)
        written.append(_write(folder / f"{table}.sql", f"SELECT\n{columns}\nFROM bronze.{name}.{table}\n"))
    return written


def _contract(name: str, tables: dict[str, Table]) -> dict[str, Any]:
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"{_DOMAIN}.{name}",
        "name": name,
        "version": "0.1.0",
        "status": "draft",
        "domain": _DOMAIN,
        "description": {"purpose": f"Drafted from {name}: say what it is for."},
        "schema": [
            {
                "name": table,
                "description": f"`{found.name}` of {name}, {found.rows:,} rows when it was looked at.",
                "properties": [_property(found, column) for column in found.columns],
            }
            for table, found in tables.items()
        ],
    }


def _property(table: Table, column: Column) -> dict[str, Any]:
    promised: dict[str, Any] = {"name": _named(column), "logicalType": "string"}
    if list(table.keys) == [column.name]:
        promised["primaryKey"] = True
    if column.kind:
        promised["description"] = f"{column.kind.name[0].upper()}{column.kind.name[1:]}: {column.why}."
    promised["classification"] = table.classification(column)
    return promised


def _named(column: Column) -> str:
    return snake_case(column.name) or "column"


def _read(column: Column) -> str:
    return f"tidy({quote(column.name)}::VARCHAR)"


def _write(file: Path, content: str | dict[str, Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    file.write_text(text, encoding="utf-8")
    return file
