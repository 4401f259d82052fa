"""Information assets: every product, and every source that is held as it came."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from vestry.catalogue.model import Catalogue, TableEntry, owner_of
from vestry.catalogue.register.kinds import kinds_of
from vestry.project.processing import BASES, Processing, processing_of, retention_of
from vestry.project.product import Product
from vestry.project.source import Source


@dataclass(frozen=True)
class Controller:
    """Whose the data are: the council, and whom to ask."""

    name: str
    contact: str | None
    dpo: str | None


@dataclass(frozen=True)
class Asset:
    """One row of the register. `size` is in bytes; `updated` is None, and `rows` 0, before the first run."""

    #: `housing.repairs` of a product, `repairs` of a source.
    name: str
    title: str
    kind: Literal["product", "source"]
    domain: str | None
    layer: str
    owner: str | None
    steward: str | None
    purpose: str | None
    usage: str | None
    limitations: str | None
    #: Systems of record that it comes from.
    systems: tuple[str, ...]
    location: str
    tables: tuple[str, ...]
    rows: int
    size: int
    updated: datetime | None
    is_personal: bool
    is_special: bool
    is_criminal: bool
    #: Columns that nobody has classified, and that count as personal for that.
    unclassified: int
    #: Kinds of personal data that it holds.
    data: tuple[str, ...]
    retention: str | None
    #: The file that says so, below the project.
    file: str
    #: Products that are made from it.
    used_by: tuple[str, ...] = ()
    processing: Processing = field(default_factory=Processing)

    @property
    def bases(self) -> tuple[str, ...]:
        """The lawful bases in words: `public task (Article 6(1)(e))`."""
        return tuple(f"{BASES[letter]} (Article 6(1)({letter}))" for letter in self.processing.lawful_basis)

    @property
    def sensitivity(self) -> str:
        """What the most sensitive of its columns hold, in words."""
        words = [w for w, is_so in (("special category", self.is_special), ("criminal", self.is_criminal)) if is_so]
        return " and ".join(words) or ("personal" if self.is_personal else "not personal")


def product_asset(catalogue: Catalogue, product: Product) -> Asset:
    """A product as its contract describes it and as it stands in the lake."""
    contract, tables = product.contract, catalogue.tables_of(product)
    domain = catalogue.project.domains.get(product.domain)
    stewards = [m.name or m.username for m in contract.team.members if m.role in ("steward", "data steward")]
    columns = [column for table in tables for column in table.columns]
    personal = [column for column in columns if column.is_personal]
    processing = processing_of(product)
    return Asset(
        name=product.full_name,
        title=contract.name or product.full_name,
        kind="product",
        domain=product.domain,
        layer=contract.layer,
        owner=owner_of(catalogue.project, product),
        steward=stewards[0] if stewards else domain.spec.steward if domain else None,
        purpose=contract.description.purpose,
        usage=contract.description.usage,
        limitations=contract.description.limitations,
        systems=tuple(sorted({n.product for n in catalogue.graph.upstream(product.promised) if n.is_bronze})),
        location=f"{catalogue.project.settings.lake.location}/{product.domain}/{product.name}",
        used_by=_used_by(catalogue, tables, but=product.full_name),
        is_personal=bool(personal),
        is_special=any(c.classification == "special" for c in personal),
        is_criminal=any(c.classification == "criminal" for c in personal),
        unclassified=sum(c.classification is None for c in personal),
        data=tuple(dict.fromkeys([*kinds_of(personal, catalogue.glossary), *processing.data])),
        retention=retention_of(contract),
        file=product.file.path,
        processing=processing,
        **_standing(tables),
    )


def source_asset(catalogue: Catalogue, source: Source, products: Sequence[Asset]) -> Asset:
    """A source as it is held in bronze. What it is processed for, the products say that are made from it."""
    tables = catalogue.tables_of_source(source)
    used_by = _used_by(catalogue, tables)
    users = [asset for asset in products if asset.name in used_by]
    columns = [column for table in tables for column in table.columns]
    personal = [column for column in columns if column.is_personal]
    return Asset(
        name=source.name,
        title=source.name.replace("_", " ").capitalize(),
        kind="source",
        domain=None,
        layer="bronze",
        owner=source.spec.owner,
        steward=None,
        purpose=source.spec.description,
        usage=None,
        limitations=None,
        systems=(source.name,),
        location=place_of(source),
        used_by=used_by,
        # Nothing classifies the columns of a source: it is what is made of it, and personal where nobody has said.
        is_personal=any(asset.is_personal for asset in users) if users else bool(personal),
        is_special=any(asset.is_special for asset in users),
        is_criminal=any(asset.is_criminal for asset in users),
        unclassified=0 if users else len(personal),
        data=tuple(kinds_of(personal, catalogue.glossary)) if any(a.is_personal for a in users) else (),
        retention=None,
        file=source.file.path,
        **_standing(tables),
    )


def place_of(source: Source) -> str:
    """Where a source is reached, without who logs in there."""
    spec = source.spec
    for key in ("url", "path", "servers", "backup", "host"):
        if value := getattr(spec, key, None):
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            if text.startswith("odbc:"):
                found = re.search(r"\bSERVER\s*=\s*([^;]+)", text, re.IGNORECASE)
                return f"{spec.connector}: {found[1].strip() if found else 'odbc'}"
            return f"{spec.connector}: {re.sub(r'//[^/@]*@', '//', text.partition('?')[0])}"
    return str(spec.connector)


def _used_by(catalogue: Catalogue, tables: Sequence[TableEntry], but: str = "") -> tuple[str, ...]:
    """The products that read any of the tables."""
    readers = (reader for table in tables for reader in catalogue.readers(table.name))
    return tuple(sorted({f"{r.domain}.{r.product}" for r in readers if not r.is_bronze} - {but}))


def _standing(tables: Sequence[TableEntry]) -> dict[str, Any]:
    states = [table.state for table in tables if table.state]
    return {
        "tables": tuple(str(table.name) for table in tables),
        "rows": sum(state.rows for state in states),
        "size": sum(state.size for state in states),
        "updated": max((state.written for state in states), default=None),
    }


def assets_of(catalogue: Catalogue) -> Iterator[Asset]:
    """Every product by its name, then every source."""
    products = [product_asset(catalogue, product) for _, product in sorted(catalogue.project.products.items())]
    yield from products
    for _, source in sorted(catalogue.project.sources.items()):
        yield source_asset(catalogue, source, products)
