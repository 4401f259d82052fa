"""`glossary.yaml`: the council's business terms, and the columns that carry them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from vestry.project.errors import Fault, ProjectError, did_you_mean
from vestry.project.models import Names, Strict
from vestry.project.names import TableName
from vestry.project.validation import validated
from vestry.project.yamlfile import YamlFile, read_yaml

FILE = "glossary.yaml"


def _column(value: list[str]) -> list[str]:
    for name in value:
        if len(parts := name.split(".")) not in (1, 4) or not all(parts):
            raise ValueError(
                f"the name of a column, such as uprn, or domain.product.table.column for one table's; `{name}` is none"
            )
    return value


class Term(Strict):
    """One term: what it means here, whatever a system calls it."""

    name: str = Field(description="As people say it.")
    definition: str = Field(description="What it means, in a sentence or two.")
    synonyms: Names = Field(default_factory=list, description="Other words for the same.")
    owner: str | None = Field(default=None, description="Who answers for the meaning.")
    domain: str | None = Field(default=None, description="The domain that the term belongs to.")
    broader: Names = Field(default_factory=list, description="Terms of which this is a kind.")
    related: Names = Field(default_factory=list, description="Terms to know beside this one.")
    source: str | None = Field(default=None, description="The standard or law that it comes from: a URL or a name.")
    columns: Annotated[Names, AfterValidator(_column)] = Field(
        default_factory=list,
        description="The columns that carry it: `uprn` for every column of that name, or "
        "`housing.repairs.repair.uprn` for one.",
    )


class GlossaryFile(Strict):
    """`glossary.yaml`."""

    terms: dict[str, Term] = Field(default_factory=dict, description="Each term by a short name that stays.")


@dataclass(frozen=True)
class Glossary:
    """The terms by their keys, and the file that they stand in (None where there is none)."""

    file: YamlFile | None = None
    terms: Mapping[str, Term] = field(default_factory=dict)

    def line(self, term: str, *keys: str | int) -> int:
        return self.file.line(["terms", term, *keys]) if self.file else 0


def read_glossary(root: Path, faults: list[Fault]) -> Glossary:
    """The glossary; what is wrong with it is added to `faults`, and an empty one is read."""
    if not (root / FILE).is_file():
        return Glossary()
    try:
        document = read_yaml(root / FILE, FILE)
    except ProjectError as error:
        faults.extend(error.faults)
        return Glossary()
    spec = validated(GlossaryFile, document.data, FILE, document.line, faults)
    if spec is None:
        return Glossary()
    glossary = Glossary(document, spec.terms)
    faults.extend(_faults(glossary))
    return glossary


def _faults(glossary: Glossary) -> Iterator[Fault]:
    said: dict[str, str] = {}
    for key, term in glossary.terms.items():
        for keys, word in [(("name",), term.name), *((("synonyms", i), s) for i, s in enumerate(term.synonyms))]:
            folded = " ".join(word.split()).casefold()
            if folded in said:
                other = said[folded]
                what = f"`{word}` is a word for `{other}` already" if other != key else f"`{word}` stands twice"
                mend = "a word is of one term: join the two, or say it otherwise" if other != key else "keep one"
                yield Fault(FILE, glossary.line(key, *keys), what, mend)
            said.setdefault(folded, key)
        for what, others in (("broader", term.broader), ("related", term.related)):
            for index, other in enumerate(others):
                if other not in glossary.terms:
                    mend = did_you_mean(other, glossary.terms)
                    yield Fault(FILE, glossary.line(key, what, index), f"there is no term `{other}`", mend)
    carried: dict[str, str] = {}
    for key, term in glossary.terms.items():
        for index, name in enumerate(term.columns):
            if name in carried:
                what = f"the column `{name}` carries `{carried[name]}` already"
                yield Fault(FILE, glossary.line(key, "columns", index), what, "a column carries one term: keep one")
            carried.setdefault(name, key)


def column_faults(glossary: Glossary, columns: Mapping[TableName, frozenset[str]]) -> Iterator[Fault]:
    """Columns that the glossary names in full and that no contract promises; those of bronze are not known here."""
    for key, term in glossary.terms.items():
        for index, name in enumerate(term.columns):
            parts = name.split(".")
            if len(parts) != 4 or (table := TableName(*parts[:3])).is_bronze:
                continue
            known = columns.get(table)
            if known is None:
                what, mend = f"there is no table {table}", did_you_mean(str(table), map(str, columns))
            elif parts[3] not in known:
                what, mend = f"the table {table} has no column `{parts[3]}`", did_you_mean(parts[3], known)
            else:
                continue
            yield Fault(FILE, glossary.line(key, "columns", index), what, mend)
