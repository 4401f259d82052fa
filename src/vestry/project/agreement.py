"""`agreements/<name>.yaml`: data sharing agreements. What stands here is what the gate lets through, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from vestry.project.errors import Fault, ProjectError, did_you_mean
from vestry.project.models import Names, Strict
from vestry.project.names import NAME_RULE, TableName, is_name
from vestry.project.processing import as_bases, as_conditions
from vestry.project.product import Product
from vestry.project.validation import validated
from vestry.project.yamlfile import YamlFile, read_yaml

FOLDER = "agreements"
#: What stands for every column of a table.
ALL = "all"


class AgreementFile(Strict):
    """One agreement."""

    name: str = Field(description="As people say it.")
    parties: Names = Field(min_length=2, description="Who agrees: the council or its services, and who reads.")
    purpose: str = Field(description="What the data are for; they may be read for nothing else under it.")
    lawful_basis: Annotated[list[str], BeforeValidator(as_bases)] = Field(
        min_length=1, description="By its name (`public task`) or its letter in Article 6(1) of the UK GDPR."
    )
    condition: Annotated[list[str], BeforeValidator(as_conditions)] = Field(
        default_factory=list,
        description="For special category or criminal offence data: `Article 9(2)(g), Schedule 1 paragraph 18`.",
    )
    gateway: str | None = Field(
        default=None,
        description="The law that opens the way, where there is one: `Digital Economy Act 2017, section 35`.",
    )
    tables: dict[str, Literal["all"] | Names] = Field(
        min_length=1, description="What may be read: each table by its name, with its columns, or `all` of them."
    )
    starts: date = Field(description="The first day.")
    ends: date = Field(description="The last day: after it every grant under the agreement ends.")
    review: date = Field(description="When the parties look at it again.")
    contact: str | None = Field(default=None, description="Whom to ask.")

    @model_validator(mode="after")
    def _in_order(self) -> AgreementFile:
        if self.ends < self.starts:
            raise ValueError("`ends` is before `starts`")
        if not self.starts <= self.review <= self.ends:
            raise ValueError("`review` is not between `starts` and `ends`")
        return self


@dataclass(frozen=True)
class Agreement:
    """An agreement, by the name of its file."""

    key: str
    file: YamlFile
    spec: AgreementFile

    def is_in_force(self, day: date) -> bool:
        return self.spec.starts <= day <= self.spec.ends

    def covers(self, table: TableName, column: str) -> bool:
        """Whether the agreement lets a column be read."""
        columns = self.spec.tables.get(str(table), ())
        return columns == ALL or column in columns


def read_agreement(root: Path, file: Path, faults: list[Fault]) -> Agreement | None:
    """One file of `agreements/`; what is wrong with it is added to `faults`."""
    shown = file.relative_to(root).as_posix()
    if not is_name(file.stem):
        faults.append(Fault(shown, 0, f"`{file.stem}` is not a name for an agreement", NAME_RULE))
    try:
        document = read_yaml(file, shown)
    except ProjectError as error:
        faults.extend(error.faults)
        return None
    spec = validated(AgreementFile, document.data, shown, document.line, faults)
    return Agreement(file.stem, document, spec) if spec else None


def agreement_faults(agreement: Agreement, products: Mapping[str, Product]) -> Iterator[Fault]:
    """Tables and columns that nobody promises, and special data that no condition opens."""
    promised = {str(table.name): table.contract for product in products.values() for table in product.tables}
    path = agreement.file.path
    for name, columns in agreement.spec.tables.items():
        table = promised.get(name)
        if table is None:
            yield Fault(
                path,
                agreement.file.line(("tables", name)),
                f"there is no table {name}",
                did_you_mean(name, promised, "an agreement names tables that a contract promises"),
            )
            continue
        known = {column.name: column for column in table.columns}
        wanted = list(known) if columns == ALL else list(columns)
        for index, column in enumerate(wanted):
            keys = ("tables", name) if columns == ALL else ("tables", name, index)
            if column not in known:
                what = f"the table {name} has no column `{column}`"
                yield Fault(path, agreement.file.line(keys), what, did_you_mean(column, known))
            elif known[column].classification in ("special", "criminal") and not agreement.spec.condition:
                what = f"the column `{column}` of {name} is {known[column].classification}, and no condition is said"
                yield Fault(
                    path, agreement.file.line(keys), what, "add `condition:`, such as Article 9(2)(h), or leave it out"
                )
                break
