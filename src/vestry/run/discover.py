"""`vestry discover`: what a system or a drive holds that nobody has described."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vestry.ingest.discovery.drive import files_below
from vestry.ingest.discovery.report import Discovery, Table
from vestry.ingest.discovery.systems import tables_of
from vestry.ingest.files.names import snake_case
from vestry.project import Project, VestryError, load_project
from vestry.project.errors import did_you_mean
from vestry.project.project import expand


def discover(what: str, folder: Path, tell: Callable[[str], None], write: bool) -> tuple[Discovery, list[Path]]:
    """Look at a source of the project, a folder of files, or a database by its URL; with `write`, draft them.

    Returns what was found, and the files that were written. Raises VestryError where it cannot be reached.
    """
    from vestry.ingest.discovery.draft import write_drafts

    place = Path(what)
    keys: Mapping[str, Any]
    if "://" in what:
        kept = what if what.startswith("sqlite:") else "${DATABASE_URL}"
        name, keys = snake_case(Path(what.partition("?")[0]).stem) or "database", {"connector": "database", "url": kept}
        found = Discovery(list(tables_of(what, Path.cwd(), name, tell)))
    elif place.is_dir():
        name, keys = snake_case(place.resolve().name) or "files", {"connector": "files", "path": str(place.resolve())}
        found = files_below(place, name, tell)
    else:
        name, keys, found = _source(load_project(folder), what, tell)
    if not write:
        return found, []
    project = load_project(folder)
    return found, write_drafts(project, name, keys, found.tables)


def _source(project: Project, name: str, tell: Callable[[str], None]) -> tuple[str, Mapping[str, Any], Discovery]:
    """Everything in the system of a source, whether the source names it or not."""
    if name not in project.sources:
        raise VestryError(
            f"there is no source `{name}`, and no such folder",
            mend=did_you_mean(name, project.sources, "name a source, a folder, or a database as sqlite:///…"),
        )
    source = project.sources[name]
    spec, where = source.spec, source.file.path
    if spec.connector == "database":
        url = expand(spec.url, where, project.env)
        return name, {}, Discovery(list(tables_of(url, project.root, name, tell)))
    if spec.connector == "files":
        folder = project.root / expand(spec.path, where, project.env)
        if folder.is_dir():
            return name, {}, files_below(folder, name, tell)
    raise VestryError(
        f"`{name}` is neither a database nor a folder that can be looked through", where, "load it, then ask its tables"
    )


def as_rows(found: Discovery) -> list[dict[str, Any]]:
    """A row for each column, as a table or JSON shows it: what it holds, of what kind, and why that is thought."""
    return [_row(table, i) for table in found.tables for i in range(len(table.columns))]


def _row(table: Table, place: int) -> dict[str, Any]:
    column = table.columns[place]
    return {
        "system": table.system,
        "table": table.name,
        "column": column.name,
        "type": column.type,
        "filled": round(column.filled, 4),
        "distinct": column.distinct,
        "holds": column.kind.name if column.kind else None,
        "identifier": bool(column.kind and column.kind.identifier),
        "classification": table.classification(column),
        "why": column.why or None,
        "least": column.least,
        "greatest": column.greatest,
    }
