"""The folder that ``vestry demo`` makes: the council's project, the systems beside it, and a note of what they are.

The note (``.westmarsh.json``) says for how many people, from which seed and by which generator it was made, so that
the same demo is not made twice. It keeps a digest of every project file, so that one that somebody has changed since
is not written over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from vestry.project.errors import VestryError

NOTE = ".westmarsh.json"
#: Modules that show and serve what was made: a change to them makes nothing else.
_AROUND = ("__init__.py", "command.py", "folder.py", "planning_api.py")
#: Names that would act on this package if they stood in it as they are written.
_RENAMED = {"gitignore": ".gitignore", "env": ".env"}


@dataclass(frozen=True)
class Note:
    """What lies in a folder; ``whole`` is False while it is being made."""

    people: int
    seed: int
    generator: str
    whole: bool = False
    project: dict[str, str] = field(default_factory=dict)


def read_note(folder: Path) -> Note | None:
    """The note of a folder that this demo made; None where the folder is new or empty.

    Raises VestryError where it holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise VestryError(f"{folder} is a file", mend="name a folder that is new or empty")
    try:
        return Note(**json.loads((folder / NOTE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        there = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    except (ValueError, TypeError):
        there = [NOTE]
    if there:
        shown = ", ".join(there[:3]) + (f" and {len(there) - 3} more" if len(there) > 3 else "")
        what = f"{folder} is not empty, and the demo did not make what it holds: {shown}"
        raise VestryError(what, mend="name a folder that is new or empty")
    return None


def write_note(folder: Path, note: Note) -> None:
    """Keep the note; a crash leaves the old one or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{NOTE}.new"
    aside.write_text(json.dumps(asdict(note), indent=1) + "\n", encoding="utf-8")
    aside.replace(folder / NOTE)


def generator() -> str:
    """A digest of the code that makes the systems and of the project's files."""
    digest = hashlib.sha256()
    for place, content in sorted(_files(files("vestry.demo"), ())):
        if place[0] not in _AROUND and place[-1].endswith((".py", ".sql", ".csv", ".yaml", ".toml", ".md")):
            digest.update("/".join(place).encode() + b"\0" + content)
    return digest.hexdigest()[:16]


def write_project(folder: Path, before: Note | None) -> tuple[dict[str, str], list[str]]:
    """Write the council's project; the digest of each file, and the files that somebody changed and that stay."""
    known = before.project if before else {}
    digests, kept = dict[str, str](), list[str]()
    for place, content in sorted(_files(files("vestry.demo") / "project", ())):
        shown = "/".join(place)
        file = folder.joinpath(*place)
        digests[shown] = _digest(content)
        if shown in known and file.is_file() and _digest(file.read_bytes()) not in (known[shown], digests[shown]):
            kept.append(shown)
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return digests, kept


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _files(folder: Traversable, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], bytes]]:
    for entry in folder.iterdir():
        if entry.name == "__pycache__":
            continue
        inner = (*place, _RENAMED.get(entry.name, entry.name))
        if entry.is_dir():
            yield from _files(entry, inner)
        else:
            yield inner, entry.read_bytes()
