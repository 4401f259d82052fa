"""The documents of a catalogue, by the part of the project that says them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vestry.catalogue.missing import SMALLEST
from vestry.catalogue.model import Catalogue, ColumnEntry, TableEntry, owner_of
from vestry.catalogue.search.document import Document, Part
from vestry.lake.engine import failure
from vestry.project import VestryError, quote
from vestry.project.product import Product
from vestry.project.project import Domain
from vestry.project.source import Source

if TYPE_CHECKING:
    import duckdb

    from vestry.lake import Engine

#: What Markdown is marked up with, and nobody searches for.
_MARKS = re.compile(r"[#|`*>]+|-{2,}")
#: A column of so many different values is a list that people search for: trades, wards, kinds of claim.
_VALUES = 200
#: Tables of more rows are not read for the sake of that.
_ROWS = 2_000_000


def parts(catalogue: Catalogue, engine: Callable[[], Engine]) -> dict[str, Part]:
    """Everything that can be searched for; `engine` is started only where values of a table are read anew."""
    project = catalogue.project
    terms = {key: term.name for key, term in catalogue.glossary.terms.items()}
    found: dict[str, Part] = {}
    for domain in project.domains.values():
        readme = project.root / "domains" / domain.name / "README.md"
        found[f"domain {domain.name}"] = Part(
            _print(domain.file.text, _stamp(readme)), partial(_domain, domain, readme)
        )
    for product in project.products.values():
        tables = catalogue.tables_of(product)
        owner = owner_of(project, product)
        text = _print(product.file.text, _shape(tables, terms), owner or "", _stamp(product.folder / "README.md"))
        found[f"product {product.full_name}"] = Part(text, partial(_product, product, tables, owner, terms))
        for table in tables:
            if table.state and table.state.rows <= _ROWS and (columns := [c for c in table.columns if _is_list(c)]):
                version = _print(str(table.state.version), str(table.is_personal), *(c.name for c in columns))
                found[f"values {table.name}"] = Part(version, partial(_values, table, columns, engine))
    for source in project.sources.values():
        entries = catalogue.tables_of_source(source)
        text = _print(source.file.text, _shape(entries, terms))
        found[f"source {source.name}"] = Part(text, partial(_source, source, entries, terms))
    if glossary := project.glossary.file:
        found["glossary"] = Part(_print(glossary.text), partial(_terms, catalogue))
    return found


def _domain(domain: Domain, readme: Path) -> Iterator[Document]:
    spec = domain.spec
    text = _said(spec.description, spec.owner, spec.steward)
    yield Document("domain", domain.name, spec.name, text, (domain.name,), domain.name)
    yield from _page(readme, domain.name, spec.name, domain.name)


def _product(
    product: Product, tables: list[TableEntry], owner: str | None, terms: Mapping[str, str]
) -> Iterator[Document]:
    contract = product.contract
    said = contract.description
    title = contract.name or product.name.replace("_", " ")
    personal = any(table.is_personal for table in tables)
    text = _said(said.purpose, said.usage, said.limitations, owner, *contract.tags)
    yield Document(
        "product", product.full_name, title, text, (product.full_name,), product.domain, contract.layer, "", personal
    )
    yield from _page(product.folder / "README.md", product.full_name, title, product.domain)
    for table in tables:
        yield from _table(table, product.domain, terms)


def _table(table: TableEntry, domain: str, terms: Mapping[str, str]) -> Iterator[Document]:
    yield Document(
        "table", str(table.name), table.title, _said(table.description), (str(table.name),), domain, table.layer, "",
        table.is_personal,
    )  # fmt: skip
    for column in table.columns:
        if not column.name.startswith("_"):
            term = terms.get(column.term or "", "")
            is_said = term.casefold() in (column.description or "").casefold()
            yield Document(
                "column", column.full_name, column.name,
                _said(column.description, "" if is_said else term, f"in {table.name}"),
                (column.full_name,), domain, table.layer, column.classification or "", column.is_personal,
            )  # fmt: skip


def _source(source: Source, tables: list[TableEntry], terms: Mapping[str, str]) -> Iterator[Document]:
    text = _said(source.spec.description, source.spec.owner, source.spec.connector)
    yield Document(
        "source", source.name, source.name.replace("_", " "), text, (f"bronze.{source.name}",), layer="bronze"
    )
    for table in tables:
        yield from _table(table, "", terms)


def _terms(catalogue: Catalogue) -> Iterator[Document]:
    for key, term in catalogue.glossary.terms.items():
        text = _said(term.definition, *term.synonyms)
        yield Document("term", key, term.name, text, (key, *term.synonyms), term.domain or "")


def _values(table: TableEntry, columns: list[ColumnEntry], engine: Callable[[], Engine]) -> Iterator[Document]:
    """The values of columns that are lists, each as one document: what is searched for is the list that has it.

    Raises VestryError where the table cannot be read at the version that the catalogue knows.
    """
    import duckdb

    assert table.state is not None
    running = engine()
    relation = running.relation(table.name, table.state.version)
    # A value in few rows about people says something of one of them, whatever its column is.
    least = SMALLEST if table.is_personal else 1
    try:
        with running.cursor() as con:
            for column, values in _lists(con, relation, columns, least):
                yield Document(
                    "value", column.full_name, f"{column.name} of {table.name.table}", ", ".join(values),
                    (column.full_name,), table.name.domain, table.layer, column.classification or "",
                )  # fmt: skip
    except duckdb.Error as error:
        raise VestryError(failure(error), f"the values of {table.name}") from error


def _lists(
    con: duckdb.DuckDBPyConnection, relation: str, columns: list[ColumnEntry], least: int
) -> Iterator[tuple[ColumnEntry, list[str]]]:
    """Those of the columns that have few different values, with those that at least so many rows share."""
    counts = ", ".join(f"approx_count_distinct({quote(c.name)})" for c in columns)
    counted = con.execute(f"SELECT {counts} FROM {relation}").fetchone() or ()
    # A count that is nearly right may be a tenth too high.
    for column, count in zip(columns, counted, strict=True):
        if 0 < count <= 1.1 * _VALUES:
            name = quote(column.name)
            each = f"SELECT {name}, count(*) FROM {relation} WHERE {name} IS NOT NULL GROUP BY 1"
            rows = con.execute(each).fetchall()
            if len(rows) <= _VALUES:
                yield column, sorted(value for value, of in rows if of >= least)


def _is_list(column: ColumnEntry) -> bool:
    return not column.is_personal and column.type == "VARCHAR" and column.promised is not None and not column.is_key


def _page(readme: Path, key: str, title: str, domain: str) -> Iterator[Document]:
    if readme.is_file():
        text = _MARKS.sub(" ", readme.read_text("utf-8", "replace"))
        yield Document("page", key, f"Playbook: {title}", " ".join(text.split()), (key,), domain)


def _shape(tables: list[TableEntry], terms: Mapping[str, str]) -> str:
    """What the documents of tables are made of besides the project's own file."""
    shape = []
    for table in tables:
        carried = {c.name: terms.get(c.term) for c in table.columns if c.term}
        shape.append((str(table.name), table.layer, [c.name for c in table.columns], carried))
    return json.dumps(shape)


def _said(*texts: str | None) -> str:
    return ". ".join(text.rstrip(".") for text in texts if text)


def _print(*texts: str) -> str:
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=12).hexdigest()


def _stamp(file: Path) -> str:
    try:
        at = file.stat()
    except OSError:
        return ""
    return f"{at.st_mtime_ns} {at.st_size}"
