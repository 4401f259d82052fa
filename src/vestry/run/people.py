"""The citizen index of a project, opened to be asked and corrected."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vestry.mdm.people.builder import base_of
from vestry.mdm.people.decisions import unmerge as split
from vestry.mdm.people.explain import Reader, Record
from vestry.mdm.people.model import read_match
from vestry.project import ProductTable, VestryError
from vestry.project.errors import did_you_mean, listed
from vestry.project.inputs import recipe_shown
from vestry.run.events import Listener
from vestry.run.query import moment
from vestry.run.workspace import Workspace


def indexes(workspace: Workspace) -> list[ProductTable]:
    """The golden record's table of each citizen index of the project."""
    return [t for t in workspace.project.tables.values() if t.kind == "match.yaml" and not t.part]


def reader_of(workspace: Workspace, index: str | None = None, as_of: str | None = None) -> Reader:
    """The index of that name, or the only one there is, as it stands or stood at a time.

    Raises VestryError where there is none, or several and none is named.
    """
    found = indexes(workspace)
    names = [str(t.name) for t in found]
    if not found:
        raise VestryError("the project has no citizen index", mend="describe one: see `vestry schema match`")
    if index is None and len(found) > 1:
        raise VestryError(f"the project has several citizen indexes: {listed(names)}", mend="name one with --index")
    chosen = next((t for t in found if index in (None, str(t.name))), None)
    if chosen is None:
        raise VestryError(f"there is no citizen index {index}", mend=did_you_mean(str(index), names))
    _, spec = read_match(chosen.recipe, recipe_shown(chosen))
    then = moment(as_of) if as_of else None
    return Reader(workspace.lake, workspace.engine.cursor(), spec, base_of(chosen), then)


def unmerge(
    workspace: Workspace,
    index: str | None,
    person: str,
    out: Sequence[str],
    who: str,
    why: str,
    tell: Callable[[str], None],
    listen: Listener = lambda _: None,
) -> None:
    """Split the named records off a person, for good, and build again what was built on the merge.

    Raises VestryError where a record is not the person's, or where nothing would be left.
    """
    reader = reader_of(workspace, index)
    person = reader.resolve(person)
    records = {Record(r["source"], r["record_id"]) for r in reader.records(person)}
    leaving = {Record.parse(text) for text in out}
    if strangers := leaving - records:
        raise VestryError(
            f"{min(strangers)} is no record of {person}", mend=f"`vestry people show {person}` lists them"
        )
    if leaving == records:
        raise VestryError(f"{person} has no other records", mend="name only those that are somebody else's")
    split(reader, [records - leaving, leaving], who, why)
    tell(f"Written down: {len(leaving)} of {len(records)} records of {person} are somebody else's.")
    names = reader.names
    rebuilt = workspace.graph.downstream([names.event, names.record, names.base])
    outcomes = workspace.run([str(n) for n in sorted(rebuilt)], listen)
    for outcome in outcomes:
        if outcome.error:
            raise outcome.error
    done = [str(o.step.name) for o in outcomes if o.status == "done"]
    tell("Built again: " + (", ".join(done) or "nothing, for nothing rests on it"))
    moved = sorted({reader_of(workspace, index).record(r)["person_id"] for r in leaving})
    tell(f"They are now {listed(moved)}.")
