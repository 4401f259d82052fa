"""A project with its lake, opened together: what every command and door starts from."""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path

from vestry.ingest.fingerprints import Fingerprints
from vestry.ingest.rest.ledger import REQUESTS
from vestry.lake import Engine, Lake
from vestry.lake.engine import share_of
from vestry.project import Project, TableName, VestryError, load_project
from vestry.project.errors import did_you_mean
from vestry.project.names import DECISION
from vestry.project.project import expand
from vestry.run.events import Listener
from vestry.run.execute import SPILL, STEPS, Facts, Outcome, decide, execute
from vestry.run.graph import Graph, graph_of
from vestry.run.incidents import INCIDENTS
from vestry.run.plan import Decision
from vestry.run.running import noted


class Workspace:
    """An opened project. The engine starts when it is first needed."""

    def __init__(self, project: Project) -> None:
        self.project = project
        settings = project.settings.lake
        location = expand(settings.location, "vestry.toml", project.env)
        if "://" not in location:
            location = str((project.root / location).resolve())
        options = {k: expand(v, "vestry.toml", project.env) for k, v in settings.options.items()}
        self.lake = Lake(location, project.state, options, settings.keep_days)
        self.fingerprints = Fingerprints(project.state / "files.json")
        self._parts = 1

    @classmethod
    def open(cls, folder: Path) -> Workspace:
        """The project at or above a folder. Raises ProjectError with all its faults."""
        return cls(load_project(folder))

    @cached_property
    def graph(self) -> Graph:
        return graph_of(self.project)

    @cached_property
    def engine(self) -> Engine:
        settings = self.project.settings.engine
        # Of its own: DuckDB gives its files the same names everywhere, and clears the folder when it ends.
        spill = self.project.state / SPILL / uuid.uuid4().hex
        spill.parent.mkdir(parents=True, exist_ok=True)
        memory = share_of(settings.memory_limit, self._parts)
        return Engine(self.lake, memory_limit=memory, threads=settings.threads, spill=spill)

    def plan(self, patterns: Sequence[str] = ()) -> list[Decision]:
        """What would run, and why."""
        selected = self.graph.select(self.project, patterns)
        self._facts = Facts(self.lake)
        decisions = decide(self.project, self.graph, self.lake, self.fingerprints, selected, self._facts)
        self.fingerprints.save()
        return decisions

    def run(self, patterns: Sequence[str], listen: Listener) -> list[Outcome]:
        """Run what must be run; incidents open, or are over, and are told."""
        from vestry.run.findings import afterwards

        decisions = self.plan(patterns)
        with noted(self.project.state, sum(d.runs for d in decisions), listen) as told:
            outcomes = self._execute(decisions, told)
        afterwards(self, outcomes, self._facts, listen)
        return outcomes

    def accept(self, name: TableName, listen: Listener) -> list[Outcome]:
        """Load a source's table with the columns that it has now, also what was set aside for them."""
        from vestry.run.findings import afterwards

        if name not in self.project.bronze:
            mend = did_you_mean(str(name), map(str, self.project.bronze))
            raise VestryError(f"there is no source table {name}", mend=mend)
        self._facts = Facts(self.lake)
        decision = Decision(self.graph.steps[name], ("its columns are accepted",))
        outcomes = self._execute([decision], listen, accept=[name])
        afterwards(self, outcomes, self._facts, listen)
        return outcomes

    def attempt(self, name: TableName, listen: Listener) -> Outcome:
        """One step of a worker, which keeps and tells by itself what comes of it."""
        return self._execute(self.plan([str(name)]), listen)[0]

    def of(self, project: Project) -> Workspace:
        """The project as it has become since, with the same lake and engine unless its settings changed."""
        other = Workspace(project)
        if project.settings == self.project.settings:
            other.lake = self.lake
            if engine := self.__dict__.get("engine"):
                other.__dict__["engine"] = engine
        return other

    def apart(self, parts: int) -> Workspace:
        """The same project with an engine of its own, of so many that share the machine."""
        other = Workspace(self.project)
        other.__dict__["graph"] = self.graph
        other._parts = parts
        return other

    def close(self) -> None:
        """Stop the engine, if it was started."""
        if engine := self.__dict__.pop("engine", None):
            engine.close()

    @property
    def parallel(self) -> int:
        """How many steps run side by side."""
        return self.project.settings.engine.parallel or min(4, os.cpu_count() or 1)

    def _execute(
        self, decisions: Sequence[Decision], listen: Listener, accept: Collection[TableName] = ()
    ) -> list[Outcome]:
        return execute(
            self.project,
            self.graph,
            self.lake,
            decisions,
            self.fingerprints,
            self._facts,
            listen,
            self.parallel,
            lambda: self.engine,
            accept,
        )

    def existing(self, name: TableName) -> TableName:
        """The name of a table that is in the lake.

        Raises VestryError that says whether it is yet to be made, or which name is nearest.
        """
        known = self.known()
        # What a builder keeps for itself beside its table is for nobody to ask.
        own = "__" in name.table and name not in known and not name.table.endswith(f"__{DECISION}")
        if not own and self.lake.open(name) is not None:
            return name
        if name in known:
            raise VestryError(f"{name} is not in the lake yet", mend="make it with `vestry run`")
        raise VestryError(
            f"there is no table {name}", mend=did_you_mean(str(name), map(str, known), "`vestry show` lists them")
        )

    def known(self) -> list[TableName]:
        """Every table that may be in the lake: bronze, products, and their companions."""
        names = [*self.project.bronze, *self.project.tables]
        beside = [n.beside("rejected" if n.is_bronze else "quarantine") for n in names]
        return [*names, *beside, TableName("vestry", "quality", "result"), STEPS, INCIDENTS, REQUESTS]
