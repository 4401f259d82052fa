"""The catalogue that follows the project's files and the lake."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from vestry.catalogue.model import Catalogue, catalogue_of
from vestry.catalogue.state import States
from vestry.project import ProjectError, VestryError
from vestry.project.errors import Fault
from vestry.project.kept import Kept
from vestry.project.project import find_root, read_project
from vestry.run.graph import Graph
from vestry.run.workspace import Workspace

#: Seconds between looks at the files; longer where a look takes long.
_PAUSE = 1.0


class Live:
    """The last good catalogue of a project, and what is wrong with the project's files now.

    Raises ProjectError at the start where the project cannot be read; later faults are in `faults`, and the last
    good catalogue stays.
    """

    def __init__(self, start: Path) -> None:
        self.root = find_root(start)
        self._kept = Kept()
        project, self.faults = read_project(self.root, self._kept)
        if self.faults:
            raise ProjectError(self.faults)
        self.workspace = Workspace(project)
        self._changes = self._kept.changes
        self._states = States(self.workspace.lake, project.state / "catalogue.json")
        self._current = self._catalogue(self.workspace, self.workspace.graph)

    def catalogue(self) -> Catalogue:
        """The catalogue as it was at the last look at files that were right."""
        return self._current

    def follow(self, stop: threading.Event) -> None:
        """Look again and again, for a thread of its own, until told to stop."""
        pause = _PAUSE
        while not stop.wait(pause):
            began = time.monotonic()
            try:
                self.refresh()
            except Exception as error:  # such as a file that goes while it is read: the next look tries again
                print(f"the catalogue could not be looked at: {type(error).__name__}", file=sys.stderr)
            pause = max(_PAUSE, 5 * (time.monotonic() - began))

    def refresh(self) -> None:
        """Look at the files and the lake, and read again what changed. The same catalogue stays where nothing did."""
        project, faults = read_project(self.root, self._kept)
        try:
            if faults:
                raise ProjectError(faults)
            if self._kept.changes != self._changes:
                workspace = self.workspace.of(project)
                self._current = self._catalogue(workspace, workspace.graph)
                self.workspace, self._changes = workspace, self._kept.changes
            else:
                self._current = self._catalogue(self.workspace, self._current.graph)
            self.faults = []
        except ProjectError as error:
            self.faults = error.faults
        except VestryError as error:
            self.faults = [Fault(error.where or "the project", 0, error.what, error.mend)]

    def _catalogue(self, workspace: Workspace, graph: Graph) -> Catalogue:
        project = workspace.project
        states = self._states.of([*project.bronze, *project.tables])
        current: Catalogue | None = self.__dict__.get("_current")
        if current and current.project is project and current.states == states:
            return current
        return catalogue_of(project, graph, states)
