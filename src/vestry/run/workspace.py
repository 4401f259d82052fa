"""A project with its lake, opened together: what every command and door starts from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from vestry.ingest.fingerprints import Fingerprints
from vestry.ingest.rest.ledger import REQUESTS
from vestry.lake import Engine, Lake
from vestry.project import Project, TableName, VestryError, load_project
from vestry.project.errors import did_you_mean
from vestry.project.project import expand
from vestry.run.events import Listener
from vestry.run.execute import Facts, Outcome, decide, execute
from vestry.run.graph import Graph, graph_of
from vestry.run.plan import Decision


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
        spill = self.project.state / "spill"
        return Engine(self.lake, memory_limit=settings.memory_limit, threads=settings.threads, spill=spill)

    def plan(self, patterns: Sequence[str] = ()) -> list[Decision]:
        """What would run, and why."""
        selected = self.graph.select(self.project, patterns)
        self._facts = Facts(self.lake)
        decisions = decide(self.project, self.graph, self.lake, self.fingerprints, selected, self._facts)
        self.fingerprints.save()
        return decisions

    def run(self, patterns: Sequence[str], listen: Listener) -> list[Outcome]:
        """Run what must be run."""
        decisions = self.plan(patterns)
        parallel = self.project.settings.engine.parallel or min(4, os.cpu_count() or 1)
        return execute(
            self.project,
            self.graph,
            self.lake,
            decisions,
            self.fingerprints,
            self._facts,
            listen,
            parallel,
            lambda: self.engine,
        )

    def existing(self, name: TableName) -> TableName:
        """The name of a table that is in the lake.

        Raises VestryError that says whether it is yet to be made, or which name is nearest.
        """
        if self.lake.open(name) is not None:
            return name
        known = self.known()
        if name in known:
            raise VestryError(f"{name} is not in the lake yet", mend="make it with `vestry run`")
        raise VestryError(
            f"there is no table {name}", mend=did_you_mean(str(name), map(str, known), "`vestry show` lists them")
        )

    def known(self) -> list[TableName]:
        """Every table that may be in the lake: bronze, products, and their companions."""
        names = [*self.project.bronze, *self.project.tables]
        beside = [n.beside("rejected" if n.is_bronze else "quarantine") for n in names]
        return [
            *names,
            *beside,
            TableName("vestry", "quality", "result"),
            TableName("vestry", "runs", "step"),
            REQUESTS,
        ]
