"""Which step needs which: read from sources and from the SQL of products."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from vestry.project import Project, ProjectError, TableName, VestryError
from vestry.project.errors import did_you_mean
from vestry.project.inputs import Inputs
from vestry.project.references import reference_faults


@dataclass(frozen=True)
class Step:
    """A load of a bronze table, or the build of a product's table; a load has inputs where it reads other bronze."""

    name: TableName
    kind: str
    inputs: tuple[TableName, ...] = ()


@dataclass(frozen=True)
class Graph:
    """All steps of a project."""

    steps: Mapping[TableName, Step]

    @cached_property
    def order(self) -> tuple[TableName, ...]:
        """Every step after those that it needs.

        Raises VestryError with the path of a cycle.
        """
        sorter = TopologicalSorter({name: self._known(step) for name, step in sorted(self.steps.items())})
        try:
            return tuple(sorter.static_order())
        except CycleError as error:
            path = " → ".join(str(name) for name in reversed(error.args[1]))
            raise VestryError(f"tables that need each other: {path}", mend="take one reference out") from error

    def _known(self, step: Step) -> list[TableName]:
        return [name for name in step.inputs if name in self.steps]

    def upstream(self, names: Iterable[TableName]) -> set[TableName]:
        """The steps named and all that they need."""
        return self._reach(names, lambda name: self._known(self.steps[name]))

    def downstream(self, names: Iterable[TableName]) -> set[TableName]:
        """The steps named and all that need them."""
        return self._reach(names, lambda name: self.readers.get(name, []))

    @cached_property
    def readers(self) -> dict[TableName, list[TableName]]:
        """For each table, the steps that read it."""
        found: dict[TableName, list[TableName]] = {}
        for name, step in self.steps.items():
            for source in step.inputs:
                found.setdefault(source, []).append(name)
        return found

    @staticmethod
    def _reach(names: Iterable[TableName], following) -> set[TableName]:  # type: ignore[no-untyped-def]
        reached: set[TableName] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting.extend(following(name))
        return reached

    def select(self, project: Project, patterns: Sequence[str]) -> set[TableName]:
        """The steps that patterns name; all without a pattern.

        A pattern is a table, a product (`housing.repairs`), a source (`bronze.repairs`),
        `domain:housing`, `layer:gold` or `source:repairs`; `+` before it adds what it needs,
        `+` after it what needs it. Raises VestryError for a pattern that names nothing.
        """
        if not patterns:
            return set(self.steps)
        chosen: set[TableName] = set()
        for pattern in patterns:
            found = self._matching(project, pattern.strip("+"))
            if not found:
                known = {str(n) for n in self.steps} | {f"{n.domain}.{n.product}" for n in self.steps}
                raise VestryError(
                    f"nothing is called `{pattern.strip('+')}`",
                    mend=did_you_mean(
                        pattern.strip("+"), known, "name a table, a product, domain:…, layer:… or source:…"
                    ),
                )
            chosen |= found
            if pattern.startswith("+"):
                chosen |= self.upstream(found)
            if pattern.endswith("+"):
                chosen |= self.downstream(found)
        return chosen

    def _matching(self, project: Project, pattern: str) -> set[TableName]:
        kind, colon, value = pattern.partition(":")
        if not colon:
            dotted = pattern + "."
            return {n for n in self.steps if str(n) == pattern or str(n).startswith(dotted)}
        if kind == "domain":
            return {n for n in self.steps if n.domain == value}
        if kind == "source":
            return {n for n in self.steps if n.is_bronze and n.product == value}
        if kind == "layer":
            if value == "bronze":
                return {n for n in self.steps if n.is_bronze}
            return {n for n in self.steps if n in project.tables and project.tables[n].layer == value}
        return set()


def graph_of(project: Project) -> Graph:
    """The graph of a project's loads and builds.

    Raises ProjectError where a recipe names a table of nobody.
    """
    steps = {name: Step(name, "load", source.needs(name.table)) for name, source in project.bronze.items()}
    with Inputs(project) as inputs:
        references = {name: inputs.references(table) for name, table in project.tables.items()}
    if faults := list(reference_faults(project, references)):
        raise ProjectError(faults)
    for name, found in references.items():
        steps[name] = Step(name, "build", tuple(r.name for r in found if r.name is not None))
    return Graph(steps)
