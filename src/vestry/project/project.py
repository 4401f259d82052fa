"""A council project, read from its folder into typed objects."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from vestry.project.access import Access, access_faults, read_access
from vestry.project.agreement import FOLDER as AGREEMENTS
from vestry.project.agreement import Agreement, read_agreement
from vestry.project.errors import Fault, ProjectError, VestryError
from vestry.project.glossary import Glossary, read_glossary
from vestry.project.kept import Kept
from vestry.project.models import DomainFile, Settings
from vestry.project.names import BRONZE, NAME_RULE, SYSTEM, TableName, is_table_name
from vestry.project.product import Product, ProductTable, read_product
from vestry.project.secrets import environment, expand, secrets_in
from vestry.project.settings import FILE, read_settings
from vestry.project.source import Source, read_sources
from vestry.project.validation import validated
from vestry.project.yamlfile import YamlFile, read_yaml

__all__ = [
    "Domain",
    "Product",
    "ProductTable",
    "Project",
    "Source",
    "expand",
    "find_root",
    "load_project",
    "read_project",
    "secrets_in",
]


@dataclass(frozen=True)
class Domain:
    """A business area that owns its data."""

    name: str
    file: YamlFile
    spec: DomainFile


@dataclass(frozen=True)
class Project:
    """Everything that a council wrote down, and where it lies."""

    root: Path
    settings: Settings
    sources: Mapping[str, Source] = field(default_factory=dict)
    domains: Mapping[str, Domain] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)
    glossary: Glossary = field(default_factory=Glossary)
    agreements: Mapping[str, Agreement] = field(default_factory=dict)
    access: Access = field(default_factory=Access)
    #: Seconds since 1970, by which sources are due and windows end.
    clock: Callable[[], float] = time.time

    @cached_property
    def tables(self) -> dict[TableName, ProductTable]:
        """Every table that products promise."""
        return {t.name: t for p in self.products.values() for t in p.tables}

    @cached_property
    def bronze(self) -> dict[TableName, Source]:
        """Every bronze table, with the source that it comes from."""
        return {s.bronze(t): s for s in self.sources.values() for t in s.spec.tables}

    @cached_property
    def env(self) -> Mapping[str, str]:
        """Where `${NAME}` in the project's files comes from."""
        return environment(self.root)

    @property
    def state(self) -> Path:
        """Local caches and locks, which can be thrown away; and what people decided, which cannot."""
        return self.root / ".vestry"

    def product_of(self, name: TableName) -> Product | None:
        return self.products.get(f"{name.domain}.{name.product}")

    def shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def find_root(start: Path) -> Path:
    """The nearest folder at or above `start` that holds a `vestry.toml`."""
    start = start.resolve()
    if not start.is_dir():
        raise VestryError(f"{start} is not a folder", mend="name the project's folder with -C DIR")
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    raise VestryError(
        f"no council project in {start}: it has no {FILE}",
        mend="make one with `vestry init DIR`, or name yours with -C DIR",
    )


def load_project(start: Path) -> Project:
    """Read the project at or above `start`.

    Raises ProjectError that lists every fault of its files at once.
    """
    root = find_root(start)
    project, faults = read_project(root)
    if faults:
        raise ProjectError(faults)
    return project


def read_project(root: Path, kept: Kept | None = None) -> tuple[Project, list[Fault]]:
    """Read what can be read, and all faults of the rest; with `kept`, only the files that changed since."""
    kept = kept or Kept()
    faults: list[Fault] = []
    settings = kept.part(root / FILE, lambda found: read_settings(root, found), faults)
    glossary = kept.part(root / "glossary.yaml", lambda found: read_glossary(root, found), faults)
    access = kept.part(root / "access.yaml", lambda found: read_access(root, found), faults)
    sources = {source.name: source for source in read_sources(root, faults, kept)}
    domains: dict[str, Domain] = {}
    products: dict[str, Product] = {}
    for folder in _folders(root / "domains"):
        shown = f"domains/{folder.name}"
        if not is_table_name(folder.name):
            faults.append(Fault(shown, 0, f"`{folder.name}` is not a name for a domain", NAME_RULE))
        if folder.name in (BRONZE, SYSTEM):
            faults.append(Fault(shown, 0, f"`{folder.name}` is kept for the platform", "rename the folder"))
        if domain := kept.part(folder, partial(_read_domain, root, folder), faults):
            domains[domain.name] = domain
        for inner in _folders(folder):
            read = partial(read_product, root, folder.name, inner)
            if product := kept.part(inner, read, faults):
                products[product.full_name] = product
    agreements: dict[str, Agreement] = {}
    for file in sorted((root / AGREEMENTS).glob("*.yaml")):
        if agreement := kept.part(file, partial(read_agreement, root, file), faults):
            agreements[agreement.key] = agreement
    kept.forget_others()
    faults += access_faults(access, settings, [folder.name for folder in _folders(root / "domains")])
    return Project(root, settings, sources, domains, products, glossary, agreements, access), faults


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(p for p in parent.iterdir() if not p.name.startswith((".", "_")) and p.is_dir())


def _read_domain(root: Path, folder: Path, faults: list[Fault]) -> Domain | None:
    file = folder / "domain.yaml"
    shown = file.relative_to(root).as_posix()
    if not file.is_file():
        faults.append(Fault(shown, 0, "the domain has no domain.yaml", "write one: name, description, owner"))
        return None
    try:
        document = read_yaml(file, shown)
    except ProjectError as error:
        faults.extend(error.faults)
        return None
    spec = validated(DomainFile, document.data, shown, document.line, faults)
    return Domain(folder.name, document, spec) if spec else None
