"""What a run says of the tables: which stand well, and which do not. After it, incidents open or are over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vestry.ingest.drift import DriftError
from vestry.lake import Lake, is_disk_full
from vestry.project import Project, TableName, VestryError
from vestry.run.alerts import channels
from vestry.run.events import Event, Listener
from vestry.run.execute import Facts, Outcome
from vestry.run.freshness import late, looked, note_looks, promised
from vestry.run.graph import Graph
from vestry.run.incidents import INCIDENTS, OPEN, Finding, Teller, read, settle

if TYPE_CHECKING:
    from vestry.run.workspace import Workspace


#: The subject of faults in the project's own files.
PROJECT = "project"


def afterwards(workspace: Workspace, outcomes: Sequence[Outcome], facts: Facts, listen: Listener) -> None:
    """Keep what a run found, and tell who is to be told. Whatever goes wrong here does not fail the run."""
    try:
        note_looks(workspace, outcomes, facts)
        judge(workspace, outcomes, facts)
        Teller(listen).tell(workspace.lake, lambda: workspace.engine, channels(workspace.project))
    except Exception as error:  # the tables are as they should be; only the telling is owed
        said = "the disk is full" if is_disk_full(error) else getattr(error, "what", type(error).__name__)
        listen(Event("untold", "", detail=f"incidents: {said}"))


def judge(workspace: Workspace, outcomes: Sequence[Outcome], facts: Facts) -> None:
    """Open and close incidents by the outcomes of steps, and by how fresh the tables are now."""
    project, graph, lake = workspace.project, workspace.graph, workspace.lake
    found = list(findings_of(project, graph, outcomes))
    found += late(project, graph, lake, facts, datetime.now(UTC))
    found += _departed(project, graph, lake)
    settle(lake, lambda: workspace.engine, found, channels(project))


def _departed(project: Project, graph: Graph, lake: Lake) -> list[Finding]:
    """Incidents of tables and promises that are no more."""
    if not lake.mark(INCIDENTS, OPEN):
        return []
    there, promises = {str(n) for n in graph.steps}, {str(n) for n in promised(project)}
    gone = [k for k in read(lake).open if k[1] not in (promises if k[0] == "late" else {*there, PROJECT})]
    return [Finding(kind, subject, well=True) for kind, subject in gone]


def findings_of(project: Project, graph: Graph, outcomes: Iterable[Outcome]) -> Iterator[Finding]:
    """What the outcomes say. A step that was left out has nothing wrong with its input, and tells no more than that."""
    for outcome in outcomes:
        name = outcome.step.name
        if outcome.status == "failed" and outcome.error:
            yield _failed(project, graph, name, outcome.error)
        elif outcome.status in ("done", "skipped") and looked(project, outcome):
            yield Finding("failed", str(name), well=True)
            if outcome.status == "done" or outcome.detail:
                yield from _done(project, graph, outcome)


def _failed(project: Project, graph: Graph, name: TableName, error: VestryError) -> Finding:
    if isinstance(error, DriftError):
        error.mend = "; ".join([error.mend, *_uses(project, graph, name, error.drift.changed)])
    return Finding(
        error.kind,
        str(name),
        well=False,
        what=error.what,
        where=error.where,
        mend=error.mend,
        owner=_owner(project, name),
        concerns=_downstream(graph, name),
    )


def _done(project: Project, graph: Graph, outcome: Outcome) -> Iterator[Finding]:
    name, owner = outcome.step.name, _owner(project, outcome.step.name)
    concerns = _downstream(graph, name)
    warned: Sequence[str] = outcome.facts.get("warned", ())
    what = f"rules that only warn do not hold: {', '.join(warned)}" if warned else ""
    yield Finding("quality", str(name), not warned, what, owner=owner, concerns=concerns)
    drift: dict[str, Any] | None = outcome.facts.get("drift")
    aside = drift is not None and drift["policy"] == "quarantine"
    if not aside:
        yield Finding("drift", str(name), well=True)
    if drift is None:
        return
    what = f"its columns changed: {drift['said']}" + ("; what came so was set aside" if aside else "")
    mend = [f"to take them: vestry accept {name}"] if aside else []
    mend += _uses(project, graph, name, drift["changed"])
    where = project.bronze[name].file.path
    yield Finding(
        "drift", str(name), False, what, where, "; ".join(mend), concerns=concerns, notice=not aside, owner=owner
    )


def _owner(project: Project, name: TableName) -> str:
    if name in project.bronze:
        return project.bronze[name].spec.owner or ""
    domain = project.domains.get(name.domain)
    return domain.spec.owner if domain else ""


def _downstream(graph: Graph, name: TableName) -> tuple[str, ...]:
    return tuple(sorted(str(n) for n in graph.downstream([name]) - {name})) if name in graph.steps else ()


def _uses(project: Project, graph: Graph, name: TableName, columns: Iterable[str]) -> list[str]:
    """Which recipes that read the table name a column that changed or is gone."""
    found = []
    for reader in graph.readers.get(name, []):
        recipe = project.tables[reader].recipe
        text = recipe.read_text(encoding="utf-8", errors="replace")
        named = [f"`{c}`" for c in columns if re.search(rf"\b{re.escape(c)}\b", text, re.IGNORECASE)]
        if named:
            found.append(f"{project.shown(recipe)} names {', '.join(named)}")
    return found
