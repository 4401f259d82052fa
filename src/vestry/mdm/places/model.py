"""`<table>.uprn.yaml`: the gazetteer, and the tables that hold addresses as somebody wrote them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from vestry.project.errors import did_you_mean
from vestry.project.models import Strict, TableText
from vestry.project.names import TableName, literal, quote
from vestry.project.validation import typed
from vestry.project.yamlfile import YamlFile, parse_yaml, read_yaml

#: What a gazetteer says of an address, by BS 7666, and whether it can do without it.
PARTS = {
    "uprn": True,
    "organisation": False,
    "saon": False,
    "paon": True,
    "street": True,
    "locality": False,
    "town": False,
    "postcode": True,
    "logical_status": False,
}


class Gazetteer(Strict):
    """The one list of addresses."""

    table: TableText = Field(description="The table of entries (LPIs): a property may have several.")
    columns: dict[str, str] = Field(
        default_factory=dict,
        description=f"Part: column, or SQL. Default: the column of that name. Parts: {', '.join(PARTS)}.",
    )
    where: str | None = Field(
        default=None,
        description="SQL that is true of the entries that an address may be matched to: say the homes, not the shell "
        "of a building above its flats. The search finds all.",
    )

    @field_validator("columns")
    @classmethod
    def _are_parts(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in PARTS:
                near = did_you_mean(name, PARTS, f"the parts are {', '.join(PARTS)}")
                raise ValueError(f"parts of an address; `{name}` is none; {near}")
        return value

    @property
    def name(self) -> TableName:
        return TableName.parse(self.table)

    def part(self, name: str, known: Collection[str] | None = None) -> str:
        """SQL of a part; NULL where the table (whose columns are `known`) has none, and none is needed."""
        if name in self.columns:
            return self.columns[name]
        if not PARTS[name] and known is not None and name not in known:
            return "NULL"
        return quote(name)


class AddressTable(Strict):
    """A table that holds addresses as text."""

    table: TableText = Field(description="The table: bronze.source.table or domain.product.table.")
    address: str = Field(description="The column of the address, or SQL that puts its lines together.")
    postcode: str | None = Field(default=None, description="The column (or SQL) of its postcode, where it has one.")
    uprn: str | None = Field(default=None, description="The column (or SQL) of the UPRN that the source itself gives.")
    where: str | None = Field(default=None, description="SQL that is true of the rows that count.")

    @property
    def name(self) -> TableName:
        return TableName.parse(self.table)


class Thresholds(Strict):
    """How certain the model must be (in bits: each one doubles the odds)."""

    match: float = Field(default=8.0, description="Weight from which an address is matched.")
    apart: float = Field(default=3.0, description="By how much the best must outweigh the next best.")
    review: float = Field(default=0.0, description="Weight from which a person is asked; below, there is no candidate.")

    @model_validator(mode="after")
    def _in_order(self) -> Thresholds:
        if self.review > self.match:
            raise ValueError(f"in order: `review` ({self.review:g}) is above `match` ({self.match:g})")
        return self


class UprnFile(Strict):
    """Addresses as people wrote them, matched to the gazetteer."""

    gazetteer: Gazetteer
    addresses: list[AddressTable] = Field(min_length=1, description="The tables that hold addresses as text.")
    thresholds: Thresholds = Field(default_factory=Thresholds)
    no_address: list[str] = Field(
        default_factory=list, description="Texts that stand for no address, besides those that Vestry knows."
    )


def read_uprn(file: Path, shown: str) -> tuple[YamlFile, UprnFile]:
    """A recipe and its file. Raises ProjectError that lists its faults."""
    return typed(UprnFile, read_yaml(file, shown))


def parse_uprn(text: str, shown: str) -> tuple[YamlFile, UprnFile]:
    """As `read_uprn`, of text that is at hand."""
    return typed(UprnFile, parse_yaml(text, shown))


def entries_select(gazetteer: Gazetteer, relation: str, known: Collection[str]) -> str:
    """SQL of a gazetteer's entries: the parts, `may_match`, and `address`, which is one line without the postcode."""
    parts = ", ".join(
        f"tidy(CAST({gazetteer.part(p, known)} AS VARCHAR)) AS {p}"
        for p in PARTS
        if p not in ("uprn", "postcode", "logical_status")
    )
    may_match = f"coalesce(({gazetteer.where}), false)" if gazetteer.where else "true"
    return (
        "SELECT *, concat_ws(', ', saon, CASE "
        # A number stands before its street without a comma; a name does not.
        "WHEN regexp_matches(paon, '^[0-9]') THEN concat_ws(' ', paon, street) "
        "ELSE concat_ws(', ', paon, street) END, locality, town) AS address "
        f"FROM (SELECT uprn(CAST({gazetteer.part('uprn')} AS VARCHAR)) AS uprn, {parts}, "
        f"postcode(CAST({gazetteer.part('postcode')} AS VARCHAR)) AS postcode, "
        f"coalesce(try_cast({gazetteer.part('logical_status', known)} AS INTEGER), 1) AS logical_status, "
        f"{may_match} AS may_match FROM {relation}) WHERE uprn IS NOT NULL"
    )


def addresses_select(table: AddressTable, relation: str) -> str:
    """SQL of the addresses of one table as they are written: `address`, `postcode`, `given` and `source`."""
    where = f"WHERE {table.where}" if table.where else ""
    return (
        f"SELECT tidy(CAST({table.address} AS VARCHAR)) AS address, "
        f"postcode(CAST({table.postcode or 'NULL'} AS VARCHAR)) AS postcode, "
        f"uprn(CAST({table.uprn or 'NULL'} AS VARCHAR)) AS given, {literal(table.table)} AS source "
        f"FROM {relation} {where}"
    )
