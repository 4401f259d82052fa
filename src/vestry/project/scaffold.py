"""`vestry init`: a small project that works, to begin from."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from vestry.project.errors import VestryError

#: Names that would act on this package if they stood in it as they are written.
_RENAMED = {"gitignore": ".gitignore"}


def init_project(folder: Path) -> list[Path]:
    """Write the starter project into a folder that is new or empty, and say which files it has.

    Raises VestryError where something is there already; nothing is written then.
    """
    folder = folder.expanduser()
    if folder.exists() and not folder.is_dir():
        raise VestryError(f"{folder} is a file", mend="name a folder that is new or empty")
    there = sorted(p.name for p in folder.iterdir() if p.name != ".git") if folder.is_dir() else []
    if there:
        shown = ", ".join(there[:3]) + (f" and {len(there) - 3} more" if len(there) > 3 else "")
        raise VestryError(f"{folder} is not empty: it holds {shown}", mend="name a folder that is new or empty")
    written = []
    try:
        for place, content in _starter(files("vestry.project") / "starter", ()):
            file = folder.joinpath(*place)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            written.append(file)
    except OSError as error:
        raise VestryError(f"{folder} cannot be written: {error.strerror}", mend="name a folder of your own") from error
    return sorted(written)


def _starter(folder: Traversable, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], bytes]]:
    for entry in folder.iterdir():
        inner = (*place, _RENAMED.get(entry.name, entry.name))
        if entry.is_dir():
            yield from _starter(entry, inner)
        else:
            yield inner, entry.read_bytes()
