"""What is told of products and tables: what somebody may read of them, and by which right."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field
from starlette.requests import Request

from vestry.catalogue.model import Catalogue, TableEntry
from vestry.governance.access.gate import Gate, Where
from vestry.governance.access.release import COUNT
from vestry.governance.access.view import View
from vestry.project import TableName
from vestry.project.errors import did_you_mean
from vestry.project.product import Product
from vestry.serve.page import Missing, where_of
from vestry.serve.reader import reader_of


class ColumnSaid(BaseModel):
    name: str
    type: str = Field(description="DuckDB's type of what you see.")
    meaning: str | None
    classification: str | None = Field(description="None: nobody has classified it, and it counts as personal.")
    treatment: str = Field(description="How it is shown to you: clear, hashed, age band, year, postcode district.")
    filter: Literal["address", "body"] = Field(
        description="Where conditions on it may stand: those on personal columns only in the body of a POST."
    )


class TableSaid(BaseModel):
    """A table as you may read it, for one purpose."""

    name: str
    product: str
    meaning: str | None
    layer: str
    columns: list[ColumnSaid]
    rows_where: list[str] = Field(description="Which rows you see; all where it is empty.")
    statistics: bool = Field(description="Whether you see counts of rows only.")
    purpose: str
    rules: list[str] = Field(description="The policies that let you read it.")
    grant: str | None
    until: date | None = Field(description="The day on which the grant ends.")
    rows: str = Field(description="The address of its rows.")


class ProductSaid(BaseModel):
    name: str
    meaning: str | None
    status: str | None
    tables: list[str] = Field(description="The tables that you may read.")
    closed: list[str] = Field(description="The tables that you may not read without a grant.")


def tables(request: Request, gate: Gate) -> list[TableSaid]:
    """Every table that the reader sees, for each purpose."""
    catalogue = gate.live.catalogue()
    return [_table(catalogue.tables[view.table], view) for view in gate.seen(reader_of(request), _where(request))]


def table(request: Request, gate: Gate, entry: TableEntry, purpose: str) -> TableSaid:
    """One table. Raises Refused."""
    return _table(entry, gate.view(reader_of(request), entry.name, _where(request), purpose))


def products(request: Request, gate: Gate) -> list[ProductSaid]:
    """The products of which the reader may know."""
    catalogue = gate.live.catalogue()
    user = reader_of(request)
    seen = {view.table for view in gate.seen(user, _where(request))}
    found = [_product(product, catalogue, seen, user.has("staff")) for product in catalogue.project.products.values()]
    return [said for said in found if said.tables or said.closed]


def product(request: Request, gate: Gate, name: str) -> ProductSaid:
    """One product. Raises Missing with the nearest name."""
    found = {said.name: said for said in products(request, gate)}
    if name not in found:
        raise Missing(
            "there is no such product that you may see", mend=did_you_mean(name[:200], found, "/products lists them")
        )
    return found[name]


def _where(request: Request) -> Where:
    return where_of(request, "rest")


def _product(product: Product, catalogue: Catalogue, seen: set[TableName], is_staff: bool) -> ProductSaid:
    entries = catalogue.tables_of(product)
    contract = product.contract
    return ProductSaid(
        name=product.full_name,
        meaning=contract.description.purpose,
        status=contract.status,
        tables=[str(entry.name) for entry in entries if entry.name in seen],
        closed=[str(entry.name) for entry in entries if entry.name not in seen and is_staff],
    )


def _table(entry: TableEntry, view: View) -> TableSaid:
    columns = [
        ColumnSaid(
            name=shown.name, type=shown.shown_kind, meaning=column.description, classification=column.classification,
            treatment=str(shown.treatment), filter="body" if column.is_personal else "address",
        )
        for shown in view.columns
        for column in (entry.by_name[shown.name],)
    ]  # fmt: skip
    if view.statistics:
        columns.append(
            ColumnSaid(
                name=COUNT, type="BIGINT", meaning="How many rows, rounded", classification="internal",
                treatment="clear", filter="address",
            )
        )  # fmt: skip
    return TableSaid(
        name=str(entry.name), product=f"{entry.name.domain}.{entry.name.product}", meaning=entry.description,
        layer=entry.layer, columns=columns, rows_where=[str(condition) for condition in view.rows],
        statistics=view.statistics, purpose=view.purpose, rules=list(view.rules),
        grant=view.grant.id if view.grant else None, until=view.grant.terms.until if view.grant else None,
        rows=f"/api/v1/tables/{entry.name}/rows",
    )  # fmt: skip
