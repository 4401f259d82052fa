"""A council project, read from its folder into typed objects."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from vestry.project.contract import Contract, Table
from vestry.project.errors import Fault, ProjectError, VestryError, did_you_mean
from vestry.project.models import DatabaseSource, DomainFile, FileSource, RestSource, Settings
from vestry.project.names import BRONZE, SYSTEM, TableName, is_name
from vestry.project.yamlfile import YamlFile, read_yaml

T = TypeVar("T")
AnySource = FileSource | DatabaseSource | RestSource
_SOURCE: TypeAdapter[AnySource] = TypeAdapter(Annotated[AnySource, Field(discriminator="connector")])
_SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class Source:
    """A system of record, and how to reach it."""

    name: str
    file: YamlFile
    spec: AnySource

    def bronze(self, table: str) -> TableName:
        return TableName(BRONZE, self.name, table)


@dataclass(frozen=True)
class Domain:
    """A business area that owns its data."""

    name: str
    file: YamlFile
    spec: DomainFile


@dataclass(frozen=True)
class ProductTable:
    """One table of a product: what is promised, and the file that makes it."""

    name: TableName
    contract: Table
    layer: str
    recipe: Path | None
    #: `sql`, `py`, `snapshot.yaml` …: the recipe's suffix, which names its builder.
    kind: str


@dataclass(frozen=True)
class Product:
    """One folder in a domain: the contract, and how its tables are made."""

    domain: str
    name: str
    folder: Path
    file: YamlFile
    contract: Contract
    tables: tuple[ProductTable, ...]

    @property
    def full_name(self) -> str:
        return f"{self.domain}.{self.name}"


@dataclass(frozen=True)
class Project:
    """Everything that a council wrote down, and where it lies."""

    root: Path
    settings: Settings
    sources: Mapping[str, Source] = field(default_factory=dict)
    domains: Mapping[str, Domain] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)

    @cached_property
    def tables(self) -> dict[TableName, ProductTable]:
        """Every table that products promise."""
        return {t.name: t for p in self.products.values() for t in p.tables}

    @cached_property
    def bronze(self) -> dict[TableName, Source]:
        """Every bronze table, with the source that it comes from."""
        return {s.bronze(t): s for s in self.sources.values() for t in s.spec.tables}

    @property
    def state(self) -> Path:
        """Local caches and locks; can be thrown away at any time."""
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
        if (folder / "vestry.toml").is_file():
            return folder
    raise VestryError(
        f"no council project in {start}: it has no vestry.toml",
        mend="make one with `vestry init DIR`, or name yours with -C DIR",
    )


def expand(text: str, where: str = "", env: Mapping[str, str] = os.environ) -> str:
    """Put the environment's values in place of `${NAME}`.

    Raises VestryError that names the variable where it is not set; the value is never shown.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in env:
            raise VestryError(
                f"the environment variable {name} is not set", where, f"set it: export {name}=…"
            )
        return env[name]

    return _SECRET.sub(value, text)


def secrets_in(value: Any) -> Iterator[str]:
    """The names of all `${NAME}` in a file's values."""
    if isinstance(value, str):
        yield from _SECRET.findall(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item)


def load_project(start: Path) -> Project:
    """Read the project at or above `start`.

    Raises ProjectError that lists every fault of its files at once.
    """
    root = find_root(start)
    project, faults = read_project(root)
    if faults:
        raise ProjectError(faults)
    return project


def read_project(root: Path) -> tuple[Project, list[Fault]]:
    """Read what can be read, and all faults of the rest."""
    faults: list[Fault] = []
    settings = _read_settings(root, faults)
    sources = {s.name: s for s in _read_sources(root, faults)}
    domains: dict[str, Domain] = {}
    products: dict[str, Product] = {}
    for folder in sorted(p for p in (root / "domains").glob("*") if p.is_dir() and not p.name.startswith(".")):
        _check_name(folder.name, "domain", f"domains/{folder.name}", faults)
        if folder.name in (BRONZE, SYSTEM):
            faults.append(
                Fault(f"domains/{folder.name}", 0, f"`{folder.name}` is kept for the platform", "rename the folder")
            )
        if domain := _read_domain(root, folder, faults):
            domains[domain.name] = domain
        for inner in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
            if product := _read_product(root, folder.name, inner, faults):
                products[product.full_name] = product
    return Project(root, settings, sources, domains, products), faults


def _read_settings(root: Path, faults: list[Fault]) -> Settings:
    name = "vestry.toml"
    try:
        text = (root / name).read_text(encoding="utf-8-sig")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        found = re.search(r"line (\d+)", str(error))
        faults.append(Fault(name, int(found.group(1)) if found else 0, f"not valid TOML: {error}"))
        return Settings.model_validate({"council": {"name": root.name}})
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        lines = text.splitlines()

        def line(keys: tuple[str | int, ...]) -> int:
            key = str(keys[-1]) if keys else ""
            return next((n for n, row in enumerate(lines, 1) if re.match(rf"\s*\[?{re.escape(key)}\b", row)), 1)

        faults.extend(_faults_of(error, name, line, Settings))
        return Settings.model_validate({"council": {"name": root.name}})


def _read_sources(root: Path, faults: list[Fault]) -> Iterator[Source]:
    seen: dict[str, str] = {}
    for file in sorted([*(root / "sources").glob("*.yaml"), *(root / "sources").glob("*.yml")]):
        shown = file.relative_to(root).as_posix()
        _check_name(file.stem, "source", shown, faults)
        if file.stem in seen:
            faults.append(Fault(shown, 0, f"the source `{file.stem}` is in {seen[file.stem]} too", "rename one"))
            continue
        seen[file.stem] = shown
        document = _yaml(file, shown, faults)
        if document is None:
            continue
        spec = _validate(_SOURCE, document, faults)
        if spec is not None:
            for table in spec.tables:
                if not is_name(table) or "__" in table:
                    line = document.line(("tables", table))
                    faults.append(Fault(shown, line, f"`{table}` is not a name for a table", _NAME_RULE))
            yield Source(file.stem, document, spec)


def _read_domain(root: Path, folder: Path, faults: list[Fault]) -> Domain | None:
    file = folder / "domain.yaml"
    shown = file.relative_to(root).as_posix()
    if not file.is_file():
        faults.append(Fault(shown, 0, "the domain has no domain.yaml", "write one: name, description, owner"))
        return None
    document = _yaml(file, shown, faults)
    spec = _validate(TypeAdapter(DomainFile), document, faults) if document else None
    return Domain(folder.name, document, spec) if document and spec else None


def _read_product(root: Path, domain: str, folder: Path, faults: list[Fault]) -> Product | None:
    file = folder / "contract.yaml"
    shown = file.relative_to(root).as_posix()
    _check_name(folder.name, "product", folder.relative_to(root).as_posix(), faults)
    if not file.is_file():
        faults.append(Fault(shown, 0, "the product has no contract.yaml", "see `vestry schema contract`"))
        return None
    document = _yaml(file, shown, faults)
    contract = _validate(TypeAdapter(Contract), document, faults) if document else None
    if document is None or contract is None:
        return None
    recipes = _recipes(folder)
    tables: list[ProductTable] = []
    seen: set[str] = set()
    for index, table in enumerate(contract.tables):
        line = document.line(("schema", index, "name"))
        if table.name in seen:
            faults.append(Fault(shown, line, f"the table `{table.name}` is promised twice", "keep one"))
            continue
        seen.add(table.name)
        if not is_name(table.name) or "__" in table.name:
            faults.append(Fault(shown, line, f"`{table.name}` is not a name for a table", _NAME_RULE))
        faults.extend(_columns_twice(document, index, table))
        name = TableName(domain, folder.name, table.name)
        found = recipes.get(table.name, [])
        if len(found) > 1:
            files = " and ".join(f"{table.name}.{kind}" for kind in found)
            faults.append(Fault(shown, line, f"`{name}` is made by {files}", "keep one of them"))
        if not found:
            made_by = _history_of(folder, table.name)
            if not made_by:
                mend = f"add {table.name}.sql beside the contract" + (
                    f" ({did_you_mean(table.name, recipes, '')})" if recipes else ""
                )
                faults.append(Fault(shown, line, f"nothing makes the table `{table.name}`", mend))
                continue
            tables.append(ProductTable(name, table, contract.layer, None, "history"))
            continue
        tables.append(ProductTable(name, table, contract.layer, folder / f"{table.name}.{found[0]}", found[0]))
    for stem, kinds in recipes.items():
        if stem not in seen:
            where = (folder / f"{stem}.{kinds[0]}").relative_to(root).as_posix()
            mend = f"add it to the schema of {shown}; {did_you_mean(stem, seen, '')}".rstrip("; ")
            faults.append(Fault(where, 1, f"the contract promises no table `{stem}`", mend))
    return Product(domain, folder.name, folder, document, contract, tuple(tables))


def _recipes(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for file in sorted(folder.iterdir()):
        stem, _, kind = file.name.partition(".")
        if file.is_file() and (kind in ("sql", "py") or kind.endswith(".yaml")) and not stem.startswith("_"):
            found.setdefault(stem, []).append(kind)
    return found


def _history_of(folder: Path, table: str) -> bool:
    """Is this the history beside a snapshot?"""
    return table.endswith("_history") and (folder / f"{table.removesuffix('_history')}.snapshot.yaml").is_file()


def _columns_twice(document: YamlFile, index: int, table: Table) -> Iterator[Fault]:
    seen: set[str] = set()
    for place, column in enumerate(table.columns):
        if column.name.lower() in seen:
            line = document.line(("schema", index, "properties", place, "name"))
            yield Fault(document.path, line, f"the column `{column.name}` is promised twice", "keep one")
        seen.add(column.name.lower())


_NAME_RULE = "names are lower-case letters, digits and single underscores, beginning with a letter"


def _check_name(name: str, what: str, shown: str, faults: list[Fault]) -> None:
    if not is_name(name) or "__" in name:
        faults.append(Fault(shown, 0, f"`{name}` is not a name for a {what}", _NAME_RULE))


def _yaml(file: Path, shown: str, faults: list[Fault]) -> YamlFile | None:
    try:
        return read_yaml(file, shown)
    except ProjectError as error:
        faults.extend(error.faults)
        return None


def _validate(adapter: TypeAdapter[T], document: YamlFile, faults: list[Fault]) -> T | None:
    try:
        return adapter.validate_python(document.data)
    except ValidationError as error:
        faults.extend(_faults_of(error, document.path, document.line, adapter))
        return None


def _faults_of(error: ValidationError, shown: str, line: Any, model: Any) -> Iterator[Fault]:
    for problem in error.errors():
        # A tagged union puts its tag first in the place; that is no key of the file.
        keys = tuple(k for k in problem["loc"] if k not in ("files", "database", "rest") or problem["loc"][0] != k)
        name = ".".join(str(k) for k in keys)
        if problem["type"] == "extra_forbidden":
            known = _keys_at(model, problem["loc"])
            yield Fault(shown, line(keys), f"unknown key `{name}`", did_you_mean(str(keys[-1]), known))
        elif problem["type"] == "missing":
            yield Fault(shown, line(keys[:-1]), f"the key `{name}` is missing", f"add `{keys[-1]}:`")
        elif problem["type"].startswith("union_tag"):
            known = ["files", "database", "rest"]
            value = str(problem.get("ctx", {}).get("tag", ""))
            what = f"unknown connector `{value}`" if value else "the key `connector` is missing"
            yield Fault(shown, line(("connector",)), what, did_you_mean(value, known, f"known: {', '.join(known)}"))
        else:
            yield Fault(shown, line(keys), f"`{name}`: {problem['msg'].lower()}", "see `vestry schema`")


def _keys_at(model: Any, place: tuple[str | int, ...]) -> list[str]:
    """The keys that a model takes at a place: by walking its JSON Schema along the place."""
    schema = model.model_json_schema() if isinstance(model, type) and issubclass(model, BaseModel) else model.json_schema()
    definitions = schema.get("$defs", {})

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            node = definitions[node["$ref"].rsplit("/", 1)[-1]]
        options = [resolved(n) for n in node.get("anyOf", []) if n.get("type") != "null"]
        return options[0] if len(options) == 1 else node

    node = resolved(schema)
    for key in place[:-1]:
        if "discriminator" in node:
            node = resolved({"$ref": node["discriminator"]["mapping"].get(str(key), "")})
            continue
        inner = node.get("properties", {}).get(str(key)) or node.get("additionalProperties") or node.get("items")
        if not isinstance(inner, dict):
            return []
        node = resolved(inner)
    return list(node.get("properties", {}))
