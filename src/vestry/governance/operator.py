"""The operator's own way to the data: whoever has the lake's files needs no gate, and the audit is told of it."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vestry.catalogue.model import OPEN
from vestry.governance.people import NAMED, PERSON
from vestry.project import Project, TableName
from vestry.project.names import SYSTEM
from vestry.run.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

#: As the audit names it.
DOOR = "operator"


def told(workspace: Workspace, action: str, tables: Iterable[TableName], rows: int, people: Iterable[str] = ()) -> None:
    """Write down that whoever is logged in on this machine reads so many rows of tables, before they are shown.

    Nothing is written where no table is about people. Raises DataError where the line cannot be kept.
    """
    about = [name for name in dict.fromkeys(tables) if is_personal(workspace.project, name)]
    if not about:
        return
    from vestry.governance.audit import Entry, Read, write

    reads = [Read(name, workspace.lake.existing(name).version(), {}) for name in about]
    entry = Entry(_who(), DOOR, action, True, rows=rows, people=tuple(dict.fromkeys(people)))
    write(workspace.project, [entry], reads)


def is_personal(project: Project, name: TableName) -> bool:
    """Whether a table of the lake is about people: where no contract says that it is not, it is."""
    if name.domain == SYSTEM:
        return name.product == "release"
    table = project.tables.get(TableName(name.domain, name.product, name.table.partition("__")[0]))
    return table is None or any(column.classification not in OPEN for column in table.contract.columns)


def people_in(rows: pa.Table) -> list[str]:
    """The ids of those whom rows show one by one."""
    if PERSON not in rows.column_names or rows.num_rows > NAMED:
        return []
    return [str(person) for person in rows.column(PERSON).unique().to_pylist() if person is not None]


def people_of(rows: Iterable[dict[str, Any]]) -> list[str]:
    """The same of rows as dictionaries."""
    return [str(row[PERSON]) for row in rows if row.get(PERSON) is not None]


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that has no name
        return "nobody by name"
