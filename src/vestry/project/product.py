"""Data products: one folder each, with a contract and a recipe for every table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vestry.project.contract import Contract, Table
from vestry.project.errors import Fault, ProjectError, did_you_mean, listed
from vestry.project.names import NAME_RULE, TableName, is_table_name
from vestry.project.validation import validated
from vestry.project.yamlfile import YamlFile, read_yaml

#: Recipes of ours, by suffix; other packages add theirs by entry points in `vestry.builders`.
KINDS = ("sql", "py", "snapshot.yaml")
#: Further tables that one recipe makes where the contract promises them: `<table>_<part>`.
PARTS = {"snapshot.yaml": ("history",), "match.yaml": ("record", "event")}


@dataclass(frozen=True)
class ProductTable:
    """One table of a product: what is promised, and the file that makes it."""

    name: TableName
    contract: Table
    layer: str
    recipe: Path
    #: `sql`, `py`, `snapshot.yaml` …: the recipe's suffix, which names its builder.
    kind: str

    @property
    def part(self) -> str:
        """What it is of its recipe: `history` of a snapshot's `<table>_history`; empty for the table itself."""
        return self.name.table.removeprefix(self.recipe.name.partition(".")[0]).removeprefix("_")


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

    @property
    def promised(self) -> list[TableName]:
        """Every table of the contract, made or not."""
        return [TableName(self.domain, self.name, table.name) for table in self.contract.tables]

    def line(self, table: str, column: str | None = None, *keys: str | int) -> int:
        """Where the contract speaks of a table, of its column, of a key in that."""
        tables = [t.name for t in self.contract.tables]
        if table not in tables:
            return 1
        place: list[str | int] = ["schema", tables.index(table)]
        if column is not None:
            columns = [c.name for c in self.contract.tables[tables.index(table)].columns]
            place += ["properties", columns.index(column)] if column in columns else ["properties"]
        return self.file.line([*place, *(keys or ("name",))])


def read_product(root: Path, domain: str, folder: Path, faults: list[Fault]) -> Product | None:
    """One product; what is wrong with it is added to `faults`."""
    file = folder / "contract.yaml"
    shown = file.relative_to(root).as_posix()
    if not is_table_name(folder.name):
        where = folder.relative_to(root).as_posix()
        faults.append(Fault(where, 0, f"`{folder.name}` is not a name for a product", NAME_RULE))
    if not file.is_file():
        near = next((f.name for f in sorted(folder.glob("*.y*ml")) if f.stem.lower().startswith("contract")), None)
        mend = f"rename {near} to contract.yaml" if near else "write one: see `vestry schema contract`"
        faults.append(Fault(shown, 0, "the product has no contract.yaml", mend))
        return None
    try:
        document = read_yaml(file, shown)
    except ProjectError as error:
        faults.extend(error.faults)
        return None
    contract = validated(Contract, document.data, shown, document.line, faults)
    if contract is None:
        return None
    tables = tuple(_tables(root, domain, folder, document, contract, faults))
    return Product(domain, folder.name, folder, document, contract, tables)


def _tables(
    root: Path, domain: str, folder: Path, document: YamlFile, contract: Contract, faults: list[Fault]
) -> Iterator[ProductTable]:
    recipes, others = _recipes(folder)
    seen: set[str] = set()
    for index, table in enumerate(contract.tables):
        line = document.line(("schema", index, "name"))
        if table.name.casefold() in seen:
            faults.append(Fault(document.path, line, f"the table `{table.name}` is promised twice", "keep one"))
            continue
        seen.add(table.name.casefold())
        if not is_table_name(table.name):
            faults.append(Fault(document.path, line, f"`{table.name}` is not a name for a table", NAME_RULE))
        faults.extend(_columns_twice(document, index, table))
        name = TableName(domain, folder.name, table.name)
        found = recipes.get(table.name) or others.get(table.name, [])
        if len(found) > 1:
            files = listed(f"{table.name}.{kind}" for kind in found)
            faults.append(Fault(document.path, line, f"the table `{name}` is made twice, by {files}", "keep one"))
        whole = _whole_of(table.name, recipes)
        if whole and found:
            files = listed((whole, f"{table.name}.{found[0]}"))
            faults.append(Fault(document.path, line, f"the table `{name}` is made twice, by {files}", "keep one"))
        if found:
            yield ProductTable(name, table, contract.layer, folder / f"{table.name}.{found[0]}", found[0])
        elif whole:
            yield ProductTable(name, table, contract.layer, folder / whole, whole.partition(".")[2])
        else:
            faults.append(_nothing_makes(document, line, table.name, recipes))
    for stem, kinds in recipes.items():
        if stem.casefold() not in seen:
            where = (folder / f"{stem}.{kinds[0]}").relative_to(root).as_posix()
            near = did_you_mean(stem, [t.name for t in contract.tables])
            mend = f"add it to the schema of {document.path}" + (f"; {near}" if near else "")
            faults.append(Fault(where, 1, f"the contract promises no table `{stem}`", mend))


def _nothing_makes(document: YamlFile, line: int, table: str, recipes: Mapping[str, list[str]]) -> Fault:
    other_case = next((stem for stem in recipes if stem.casefold() == table.casefold()), None)
    if other_case:
        file = f"{other_case}.{recipes[other_case][0]}"
        mend = f"{file} differs only by case: rename it to {table}.{recipes[other_case][0]}"
    else:
        mend = f"add {table}.sql beside the contract, or take the table out of it"
    return Fault(document.path, line, f"nothing makes the table `{table}`", mend)


def _recipes(folder: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The suffixes of each table's files: those of recipes as we know them, and all others."""
    found: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for file in sorted(folder.iterdir()):
        stem, _, kind = file.name.partition(".")
        if not stem or not kind or stem.startswith("_") or not file.is_file():
            continue
        is_recipe = kind in KINDS or kind.endswith(".yaml")
        (found if is_recipe else others).setdefault(stem, []).append(kind)
    return found, others


def _whole_of(table: str, recipes: Mapping[str, Collection[str]]) -> str | None:
    """The recipe of another table that makes this one too."""
    for kind, parts in PARTS.items():
        base, _, part = table.rpartition("_")
        if part in parts and kind in recipes.get(base, ()):
            return f"{base}.{kind}"
    return None


def _columns_twice(document: YamlFile, index: int, table: Table) -> Iterator[Fault]:
    seen: dict[str, tuple[str, int]] = {}
    for place, column in enumerate(table.columns):
        line = document.line(("schema", index, "properties", place, "name"))
        if column.name.casefold() in seen:
            other, before = seen[column.name.casefold()]
            alike = "" if other == column.name else f" (as `{other}`: case does not part names)"
            what = f"the column `{column.name}` is promised twice{alike}"
            yield Fault(document.path, line, what, f"it stands on line {before} too; keep one")
        seen.setdefault(column.name.casefold(), (column.name, line))
