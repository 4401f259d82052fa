"""Doors that hold data elsewhere, and must be told when a right ends: entry points in `vestry.doors`.

Each is a function (project, reader, grant): close to the reader what the grant gave, or all where it is None.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from vestry.project import Project, VestryError


def close(project: Project, reader: str, grant: str | None = None) -> None:
    """Have every door take away what a grant gave a reader, or, without one, all.

    Raises VestryError of the first that could not; all are told before.
    """
    failed: list[VestryError] = []
    for door in entry_points(group="vestry.doors"):
        try:
            door.load()(project, reader, grant)
        except VestryError as error:
            failed.append(error)
    if failed:
        raise failed[0]
