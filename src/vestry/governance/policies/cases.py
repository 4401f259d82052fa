"""`vestry policy test`: cases of a council's own, in `policies/*.test.yaml`, and what the policies say to each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import Field

from vestry.catalogue.model import OPEN
from vestry.governance.policies.rules import FOLDER, Answer, Circumstances, Question, Reader, Resource, Rules
from vestry.project import Fault, Project, ProjectError
from vestry.project.errors import did_you_mean
from vestry.project.models import Names, Strict
from vestry.project.validation import validated
from vestry.project.yamlfile import YamlFile, read_yaml


class Case(Strict):
    """Who asks for which column in which circumstances, and whether they may read it."""

    name: str = Field(description="What the case shows, as a sentence.")
    column: str = Field(description="`domain.product.table.column`")
    may: bool = Field(description="Whether they may read it.")
    roles: Names = Field(default_factory=list, description="The roles of whoever asks, such as `staff`.")
    domains: Names = Field(default_factory=list, description="The domains that these roles are in.")
    granted: bool = Field(default=False, description="Whether they have a grant for the column.")
    masked: bool = Field(default=False, description="Whether the grant shows it hashed or coarser.")
    purpose: str = ""
    agreement: str = ""
    network: str = "127.0.0.1"
    door: str = "sql"
    on: date | None = Field(default=None, description="The day; today where none is said.")


class CasesFile(Strict):
    """`policies/<name>.test.yaml`."""

    cases: list[Case] = Field(min_length=1)


@dataclass(frozen=True)
class Tried:
    """A case with where it stands and what the policies said."""

    case: Case
    where: str
    answer: Answer

    @property
    def holds(self) -> bool:
        return self.answer.allowed is self.case.may


def resources(project: Project) -> dict[str, Resource]:
    """Each promised column as policies see it, by its full name; of a source's table one that stands for all."""
    found = {}
    for name, table in project.tables.items():
        personal = any(c.classification not in OPEN for c in table.contract.columns)
        for column in table.contract.columns:
            found[f"{name}.{column.name}"] = Resource(
                name.domain,
                f"{name.domain}.{name.product}",
                str(name),
                table.layer,
                column.classification or "personal",
                personal,
            )
    for name in project.bronze:
        found[f"{name}.*"] = Resource(
            name.domain, f"{name.domain}.{name.product}", str(name), "bronze", "personal", True
        )
    return found


def try_cases(project: Project, rules: Rules, today: date) -> list[Tried]:
    """What the policies say to every case. Raises ProjectError where a file has faults."""
    known = resources(project)
    faults: list[Fault] = []
    tried = []
    for file, number, case in _cases(project.root, faults):
        where = f"{file.path}:{file.line(('cases', number))}"
        resource = known.get(case.column) or known.get(_star(case.column))
        if resource is None:
            line = file.line(("cases", number, "column"))
            faults.append(Fault(file.path, line, f"there is no column {case.column}", did_you_mean(case.column, known)))
            continue
        reader = Reader(frozenset(case.roles), frozenset(case.domains))
        now = Circumstances(case.on or today, case.purpose, case.agreement, case.network, case.door)
        (answer,) = rules.decide(reader, now, [Question(resource, case.granted, case.masked)])
        tried.append(Tried(case, where, answer))
    if faults:
        raise ProjectError(faults)
    return tried


def _cases(root: Path, faults: list[Fault]) -> Iterator[tuple[YamlFile, int, Case]]:
    for path in sorted((root / FOLDER).glob("*.test.yaml")):
        try:
            file = read_yaml(path, path.relative_to(root).as_posix())
        except ProjectError as error:
            faults.extend(error.faults)
            continue
        if spec := validated(CasesFile, file.data, file.path, file.line, faults):
            yield from ((file, number, case) for number, case in enumerate(spec.cases))


def _star(column: str) -> str:
    """What stands for every column of a source's table."""
    return f"{column.rpartition('.')[0]}.*"
