"""`vestry check`, as far as the files tell by themselves: every fault of a project at once.

What needs the engine (types, and columns that a star hides) is in `vestry.products.check`, which
the command calls and which calls `examine` here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.project.agreement import agreement_faults
from vestry.project.columns import column_faults
from vestry.project.cron import ZONE
from vestry.project.errors import Fault, ProjectError, listed
from vestry.project.glossary import column_faults as column_faults_of_glossary
from vestry.project.inputs import inputs_of, recipe_shown, recipe_text
from vestry.project.models import SnapshotFile
from vestry.project.names import BRONZE, Reference, TableName
from vestry.project.odcs import contract_faults
from vestry.project.product import KINDS, ProductTable
from vestry.project.project import Project, find_root, read_project
from vestry.project.promises import promise_faults, same_id_faults
from vestry.project.publication import publish_faults
from vestry.project.references import cycle_faults, origin_faults, reference_faults
from vestry.project.secrets import SECRET
from vestry.project.settings import FILE
from vestry.project.snapshot import read_snapshot, snapshot_faults
from vestry.project.sql import SqlFault, made_columns, parse, references
from vestry.project.uses import use_faults
from vestry.project.yamlfile import read_yaml

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class Examined:
    """A project as far as it can be read, its faults, and what its recipes say."""

    project: Project
    faults: list[Fault]
    inputs: Mapping[TableName, tuple[Reference, ...]]
    queries: Mapping[TableName, exp.Query]
    snapshots: Mapping[TableName, SnapshotFile]


def check(project_root: Path) -> list[Fault]:
    """Every fault that a project's files tell of, in the order of files and lines."""
    return examine(project_root).faults


def examine(project_root: Path, env: Mapping[str, str] | None = None) -> Examined:
    """Read the project at or above a folder and find its faults; `env` holds the secrets (default: its own)."""
    root = find_root(project_root)
    project, faults = read_project(root)
    faults = _with_standard(root, project, faults)
    unread = _unread(root, project)
    inputs: dict[TableName, tuple[Reference, ...]] = {}
    queries: dict[TableName, exp.Query] = {}
    snapshots: dict[TableName, SnapshotFile] = {}
    for product in project.products.values():
        faults += promise_faults(project, product)
        promised = {t.name: [c.name for c in t.columns] for t in product.contract.tables}
        for table in product.tables:
            try:
                if table.kind == "sql":
                    query = parse(recipe_text(table), recipe_shown(table))
                    queries[table.name], inputs[table.name] = query, tuple(references(query))
                    if (made := made_columns(query)) is not None:
                        faults += column_faults(product, table, made)
                    continue
                inputs[table.name] = inputs_of(table)
                if table.kind == "snapshot.yaml":
                    document, spec = read_snapshot(table.recipe, recipe_shown(table))
                    snapshots[table.name] = spec
                    if not table.part:
                        faults += snapshot_faults(document, spec, promised, table.name.table)
            except SqlFault as error:
                faults.append(error.fault)
            except ProjectError as error:
                faults += error.faults
            faults += _kind_faults(table)
    faults += same_id_faults(project)
    columns = {t.name: frozenset(c.name for c in t.contract.columns) for t in project.tables.values()}
    faults += column_faults_of_glossary(project.glossary, columns)
    read = {name: [r.name for r in found if r.name] for name, found in inputs.items()}
    faults += use_faults(project, read, datetime.now(ZONE).date())
    for agreement in project.agreements.values():
        faults += agreement_faults(agreement, project.products)
    faults += reference_faults(project, inputs, unread)
    faults += origin_faults(project, unread)
    faults += cycle_faults(project, inputs)
    faults += publish_faults(project)
    faults += _secret_faults(project, project.env if env is None else env)
    return Examined(project, sorted(set(faults)), inputs, queries, snapshots)


def _with_standard(root: Path, project: Project, faults: list[Fault]) -> list[Fault]:
    """The faults with those of the contract standard; where both speak of a line, the standard's stay."""
    found: list[Fault] = []
    loaded = {product.file.path: product.file for product in project.products.values()}
    for file in sorted((root / "domains").glob("*/*/contract.yaml")):
        shown = file.relative_to(root).as_posix()
        try:
            found += contract_faults(loaded.get(shown) or read_yaml(file, shown))
        except ProjectError:
            continue  # it has been told already
    told = {(fault.file, fault.line) for fault in found}
    kept = [f for f in faults if not f.file.endswith("/contract.yaml") or (f.file, f.line) not in told]
    return [*kept, *found]


def _unread(root: Path, project: Project) -> set[str]:
    """Products and sources whose files have faults of their own: what refers to them is not faulted for that."""
    products = {f"{p.parent.name}.{p.name}" for p in (root / "domains").glob("*/*") if p.is_dir()}
    sources = {f"{BRONZE}.{p.stem}" for p in (root / "sources").glob("*.y*ml")}
    return (products - set(project.products)) | (sources - {f"{BRONZE}.{name}" for name in project.sources})


def _kind_faults(table: ProductTable) -> Iterator[Fault]:
    if table.kind not in KINDS:
        known = sorted({*KINDS, *(e.name for e in entry_points(group="vestry.builders"))})
        if table.kind not in known:
            what = f"nothing builds a recipe that ends in .{table.kind}"
            mend = f"use {listed((f'.{kind}' for kind in known), 'or')}, or install the package that brings it"
            yield Fault(recipe_shown(table), 0, what, mend)


def _secret_faults(project: Project, env: Mapping[str, str]) -> Iterator[Fault]:
    settings = (project.root / FILE).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    texts = [(FILE, row, line) for line, row in enumerate(settings, 1) if not row.lstrip().startswith("#")]
    for source in project.sources.values():
        texts += [(source.file.path, text, line) for text, line in source.file.texts()]
    for file, text, line in texts:
        for name in SECRET.findall(text):
            if name not in env:
                what = f"the environment variable {name} is not set"
                yield Fault(file, line, what, f"set it before you run: export {name}=…, or put it in .env")
