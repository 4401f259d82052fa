"""When an API or a server was last asked: a local note, so that it is not asked more often than it wants."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from vestry.project import Project, TableName


@dataclass(frozen=True)
class Asked:
    """When, in seconds since 1970; `loaded_at` is bronze's mark then, which a commit of the answer puts up."""

    at: float
    loaded_at: int | None = None
    #: Something is owed: it is asked for again before its time.
    owed: bool = False


def last_asked(project: Project, bronze: TableName) -> Asked | None:
    try:
        return Asked(**json.loads(_file(project, bronze).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def note_asked(project: Project, bronze: TableName, asked: Asked) -> None:
    file = _file(project, bronze)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(asked)))


def _file(project: Project, bronze: TableName) -> Path:
    return project.state / "asked" / f"{bronze}.json"
