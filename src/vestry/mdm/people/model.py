"""`<table>.match.yaml`: which product tables hold people, and what may be said about how they are compared."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from vestry.mdm.people.comparisons import COMPARISONS
from vestry.project.errors import Fault, ProjectError, did_you_mean
from vestry.project.models import Strict, TableText
from vestry.project.names import TableName
from vestry.project.validation import typed
from vestry.project.yamlfile import YamlFile, read_yaml

#: What a table's columns may be mapped to, with their types in the index. `title` tells of the sex where nothing
#: else does; `other_id` is an identifier of no national kind that several tables share.
ATTRIBUTES = {
    "title": "VARCHAR",
    "forename": "VARCHAR",
    "middle_names": "VARCHAR",
    "surname": "VARCHAR",
    "date_of_birth": "DATE",
    "sex": "VARCHAR",
    "nhs_number": "VARCHAR",
    "ni_number": "VARCHAR",
    "upn": "VARCHAR",
    "other_id": "VARCHAR",
    "uprn": "VARCHAR",
    "address": "VARCHAR",
    "postcode": "VARCHAR",
    "telephone": "VARCHAR",
    "email": "VARCHAR",
    "valid_from": "DATE",
    "valid_to": "DATE",
}
#: What people call them.
LABELS = {
    "title": "title",
    "forename": "forename",
    "middle_names": "middle names",
    "surname": "surname",
    "date_of_birth": "date of birth",
    "sex": "sex",
    "nhs_number": "NHS number",
    "ni_number": "NI number",
    "upn": "UPN",
    "other_id": "other identifier",
    "uprn": "UPRN",
    "address": "address",
    "postcode": "postcode",
    "telephone": "telephone",
    "email": "email",
    "valid_from": "opened",
    "valid_to": "confirmed",
}
Rule = Literal["most_recent", "most_frequent", "longest", "trusted"]
#: How the golden record's values are chosen, where the file does not say.
GOLDEN: dict[str, Rule] = {
    "title": "most_recent",
    "forename": "most_frequent",
    "middle_names": "longest",
    "surname": "most_frequent",
    "date_of_birth": "most_frequent",
    "sex": "most_frequent",
    "nhs_number": "most_frequent",
    "ni_number": "most_frequent",
    "upn": "most_frequent",
    "other_id": "most_frequent",
    "uprn": "most_recent",
    "address": "most_recent",
    "postcode": "most_recent",
    "telephone": "most_recent",
    "email": "most_recent",
}


class Protected(Strict):
    """Records whose person is kept out of every link, search and list that is told."""

    when: str = Field(description="SQL that is true of such a record.")
    but_for: list[str] = Field(
        default_factory=list, description="Purposes for which the index may hold them; they are never linked."
    )


class PeopleTable(Strict):
    """One product table that holds people: a row for each record, or several that say what it was over time."""

    table: TableText = Field(description="The table: domain.product.table.")
    key: str = Field(description="The column (or SQL) that tells one record from another.")
    columns: dict[str, str] = Field(
        description=f"Attribute: column, or SQL over the table. Attributes: {', '.join(ATTRIBUTES)}."
    )
    where: str | None = Field(default=None, description="SQL that is true of the rows that count.")
    protected: str | Protected | None = Field(
        default=None, description="SQL that is true of a record whose person, with all linked records, is on no list."
    )
    apart: str | None = Field(
        default=None,
        description="SQL that gives the same text to records known to be different people: "
        "the members of one claim, of one tenancy.",
    )
    adult: str | bool | None = Field(
        default=None, description="True, or SQL that is true of somebody known to be grown up."
    )

    @field_validator("columns")
    @classmethod
    def _are_attributes(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in ATTRIBUTES:
                near = did_you_mean(name, ATTRIBUTES, f"the attributes are {', '.join(ATTRIBUTES)}")
                raise ValueError(f"`{name}` is no attribute of a person; {near}")
        if not {"forename", "surname"} & set(value):
            raise ValueError("a record of a person needs a forename or a surname")
        return value

    @property
    def name(self) -> TableName:
        return TableName.parse(self.table)

    def hidden(self, purpose: str | None) -> str | None:
        """SQL that is true of records that the index must not hold."""
        if isinstance(self.protected, Protected):
            return None if purpose in self.protected.but_for else self.protected.when
        return self.protected


class Homes(Strict):
    """A table of homes that records name: of people who moved, the home before is evidence too."""

    table: TableText = Field(description="The table of homes: domain.product.table.")
    source: str = Field(description="The column (or SQL) that names the table of people whose record it is.")
    record: str = Field(description="The column (or SQL) with the key of the record.")
    columns: dict[Literal["uprn", "address", "postcode"], str] = Field(
        min_length=1, description="uprn, address, postcode: column, or SQL over the table."
    )


class ToldApart(Strict):
    """A table of pairs of records that must never be one person, such as before and after an adoption."""

    table: TableText = Field(description="The table of pairs: domain.product.table.")
    of: TableText = Field(description="The table of people that both columns name records of.")
    left: str = Field(description="The column (or SQL) with the key of one record.")
    right: str = Field(description="The column (or SQL) with the key of the other.")


class Thresholds(Strict):
    """From which weight of evidence (bits) two records are one person, and from which a person is asked."""

    link: float = Field(default=0.0, description="Bits from which two records are linked; 0 is as likely as not.")
    review: float = Field(default=-2.0, description="Bits from which a person is asked; below, it speaks against.")

    @model_validator(mode="after")
    def _in_order(self) -> Thresholds:
        if self.review > self.link:
            raise ValueError(f"review ({self.review}) must not be above link ({self.link})")
        return self


class Survivor(Strict):
    """How one value of the golden record is chosen."""

    rule: Rule
    order: list[str] = Field(default_factory=list, description="For `trusted`: tables, most trusted first.")


class Step(Strict):
    """One degree of likeness of a comparison of the council's own."""

    when: str = Field(description="SQL over the standardised columns, `_l` and `_r`.")
    words: str
    m: float = Field(gt=0, le=1, description="How often two records of one person stand here, before training.")
    u: float | None = Field(default=None, gt=0, le=1, description="How often chance does; measured where not given.")
    tf: str = Field(default="", description="The column whose commonness tempers the evidence.")


class Compare(Strict):
    """A comparison in place of Vestry's, or one more."""

    needs: list[str]
    levels: list[Step]
    different: str
    m_different: float = Field(gt=0, le=1)


class MatchFile(Strict):
    """A citizen index: which tables hold people, and how they are compared."""

    people: list[PeopleTable] = Field(min_length=1, description="The tables that hold people.")
    homes: list[Homes] = Field(default_factory=list, description="Further homes of the same records, now or before.")
    told_apart: list[ToldApart] = Field(default_factory=list, description="Pairs that must never be one person.")
    purpose: str | None = Field(default=None, description="What the index is for, where that opens protected records.")
    thresholds: Thresholds = Field(default_factory=Thresholds)
    golden: dict[str, Rule | Survivor] = Field(
        default_factory=dict, description="Attribute: how its value is chosen. Default: see the reference."
    )
    short_forms: dict[str, list[str]] = Field(
        default_factory=dict, description="A forename and its short forms, besides those that Vestry knows."
    )
    not_names: list[str] = Field(
        default_factory=list, description="Words in a name's box that are no name, besides those that Vestry knows."
    )
    blocking: dict[str, list[str] | None] = Field(
        default_factory=dict,
        description="Name: SQL of columns that two records must share to be compared; null takes a rule out.",
    )
    compare: dict[str, Compare | None] = Field(
        default_factory=dict, description="Comparisons of the council's own; null takes one of Vestry's out."
    )

    @field_validator("golden")
    @classmethod
    def _known(cls, value: dict[str, Rule | Survivor]) -> dict[str, Rule | Survivor]:
        for name in value:
            if name not in GOLDEN:
                raise ValueError(f"`{name}` is no attribute of a golden record; {did_you_mean(name, GOLDEN)}")
        return value

    @field_validator("compare")
    @classmethod
    def _known_comparisons(cls, value: dict[str, Compare | None]) -> dict[str, Compare | None]:
        known = [c.name for c in COMPARISONS]
        for name, given in value.items():
            if given is None and name not in known:
                raise ValueError(f"there is no comparison `{name}` to take out; {did_you_mean(name, known)}")
        return value

    def survivor(self, attribute: str) -> Survivor:
        given = self.golden.get(attribute, GOLDEN[attribute])
        return given if isinstance(given, Survivor) else Survivor(rule=given)


def read_match(file: Path, shown: str) -> tuple[YamlFile, MatchFile]:
    """A match recipe and its file. Raises ProjectError that lists its faults."""
    document, spec = typed(MatchFile, read_yaml(file, shown))
    faults: list[Fault] = []
    tables = [p.table for p in spec.people]
    for index, pair in enumerate(spec.told_apart):
        if pair.of not in tables:
            line = document.line(("told_apart", index, "of"))
            faults.append(
                Fault(shown, line, f"`{pair.of}` is none of the people's tables", did_you_mean(pair.of, tables))
            )
    for index, table in enumerate(tables):
        if table in tables[:index]:
            line = document.line(("people", index, "table"))
            faults.append(Fault(shown, line, f"the table `{table}` is named twice", "keep one"))
    if faults:
        raise ProjectError(faults)
    return document, spec
