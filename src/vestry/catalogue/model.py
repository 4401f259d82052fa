"""The catalogue: every table and column with what the project promises and what the lake holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from vestry.catalogue.state import TableState
from vestry.project import Project, TableName
from vestry.project.contract import Column, duckdb_type
from vestry.project.contract import Table as Promised
from vestry.project.glossary import Glossary, Term
from vestry.project.product import Product
from vestry.project.source import Source
from vestry.run.graph import Graph

#: Classifications of columns whose values everybody in the council may see.
OPEN = frozenset({"public", "open", "internal"})


@dataclass(frozen=True)
class ColumnEntry:
    """One column; `type` is DuckDB's, None where it is neither promised nor made yet."""

    table: TableName
    name: str
    type: str | None
    #: As the contract promises it; None of bronze and of what the platform adds.
    promised: Column | None = None
    #: The key of the glossary's term that it carries.
    term: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.table}.{self.name}"

    @property
    def description(self) -> str | None:
        return self.promised.description if self.promised else None

    @property
    def classification(self) -> str | None:
        return self.promised.classification if self.promised else None

    @property
    def is_personal(self) -> bool:
        """Whether its values must not be shown: what nobody has classified counts as personal."""
        return self.name not in PLATFORM and self.classification not in OPEN

    @property
    def is_key(self) -> bool:
        return bool(self.promised and self.promised.primary_key)


#: Columns that every load adds: they say nothing of a person.
PLATFORM = frozenset({"_load_id", "_loaded_at", "_row"})


@dataclass(frozen=True)
class TableEntry:
    """One table: where it comes from, what is promised, and how it stands (None before its first run)."""

    name: TableName
    layer: str
    description: str | None
    owner: str | None
    #: The file that makes it, below the project.
    made_by: str
    #: The recipe's kind, or the source's connector.
    kind: str
    columns: tuple[ColumnEntry, ...]
    inputs: tuple[TableName, ...]
    state: TableState | None
    promised: Promised | None = None

    @cached_property
    def by_name(self) -> dict[str, ColumnEntry]:
        return {column.name: column for column in self.columns}

    @cached_property
    def is_personal(self) -> bool:
        return any(column.is_personal for column in self.columns)

    @property
    def title(self) -> str:
        return self.name.table.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Catalogue:
    """All that the council holds, at one moment."""

    project: Project
    graph: Graph
    tables: Mapping[TableName, TableEntry]
    #: How those of them that are in the lake stand there.
    states: Mapping[TableName, TableState]

    @property
    def glossary(self) -> Glossary:
        return self.project.glossary

    def tables_of(self, product: Product) -> list[TableEntry]:
        """The tables of a product, in the contract's order."""
        return [self.tables[name] for name in product.promised if name in self.tables]

    def tables_of_source(self, source: Source) -> list[TableEntry]:
        return [self.tables[source.bronze(table)] for table in source.spec.tables]

    def readers(self, name: TableName) -> Sequence[TableName]:
        """The tables that read this one."""
        return self.graph.readers.get(name, [])

    @cached_property
    def columns(self) -> dict[str, ColumnEntry]:
        """Every column by its full name, `domain.product.table.column`."""
        return {column.full_name: column for table in self.tables.values() for column in table.columns}

    @cached_property
    def carriers(self) -> dict[str, list[ColumnEntry]]:
        """The columns that carry each term of the glossary."""
        found: dict[str, list[ColumnEntry]] = {key: [] for key in self.glossary.terms}
        for column in self.columns.values():
            if column.term:
                found[column.term].append(column)
        return found

    def products_of(self, domain: str) -> list[Product]:
        return [p for p in self.project.products.values() if p.domain == domain]


def catalogue_of(project: Project, graph: Graph, states: Mapping[TableName, TableState]) -> Catalogue:
    """The catalogue of a project whose tables stand so in the lake."""
    terms = _terms_by_column(project.glossary)
    # A contract may say itself which term a column carries: its business name is the term's.
    said = {term.name: key for key, term in project.glossary.terms.items()}
    tables: dict[TableName, TableEntry] = {}
    for name, source in project.bronze.items():
        state = states.get(name)
        types = state.types if state else {}
        columns = tuple(ColumnEntry(name, c, kind, None, _term(terms, name, c)) for c, kind in types.items())
        description = getattr(source.spec.tables[name.table], "description", None) or source.spec.description
        tables[name] = TableEntry(
            name, "bronze", description, source.spec.owner, source.file.path, source.spec.connector,
            columns, graph.steps[name].inputs, state,
        )  # fmt: skip
    for product in project.products.values():
        owner = owner_of(project, product)
        for table in product.tables:
            state = states.get(table.name)
            tables[table.name] = TableEntry(
                table.name, table.layer, table.contract.description, owner, project.shown(table.recipe), table.kind,
                tuple(_columns(table.name, table.contract, state, terms, said)), graph.steps[table.name].inputs, state,
                table.contract,
            )  # fmt: skip
    return Catalogue(project, graph, tables, states)


def owner_of(project: Project, product: Product) -> str | None:
    """Who answers for a product: the owner in its contract's team, else that of its domain."""
    owners = [m.name or m.username for m in product.contract.team.members if m.role == "owner"]
    domain = project.domains.get(product.domain)
    return owners[0] if owners else domain.spec.owner if domain else None


def _columns(
    name: TableName,
    promised: Promised,
    state: TableState | None,
    terms: Mapping[str, str],
    said: Mapping[str, str],
) -> Iterable[ColumnEntry]:
    """The columns that are promised, then those that are there all the same."""
    types = dict(state.types) if state else {}
    for column in promised.columns:
        kind = types.pop(column.name, None) or duckdb_type(column)
        term = _term(terms, name, column.name) or said.get(column.business_name or "")
        yield ColumnEntry(name, column.name, kind, column, term)
    for other, kind in types.items():
        yield ColumnEntry(name, other, kind, None, _term(terms, name, other))


def _terms_by_column(glossary: Glossary) -> dict[str, str]:
    return {column: key for key, term in glossary.terms.items() for column in term.columns}


def _term(terms: Mapping[str, str], table: TableName, column: str) -> str | None:
    """The term of a column: what names it in full outranks what names every column that is called so."""
    return terms.get(f"{table}.{column}") or terms.get(column)


def suggested(catalogue: Catalogue) -> list[tuple[ColumnEntry, str]]:
    """Columns that carry no term and whose name is a word for one, with the key of that term."""
    words = {_folded(word): key for key, term in catalogue.glossary.terms.items() for word in _words(key, term)}
    found = []
    for column in catalogue.columns.values():
        if column.term is None and (key := words.get(_folded(column.name))):
            found.append((column, key))
    return found


def _words(key: str, term: Term) -> list[str]:
    return [key, term.name, *term.synonyms]


def _folded(word: str) -> str:
    return "".join(filter(str.isalnum, word.casefold()))
