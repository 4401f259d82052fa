"""What went wrong, where, and how to mend it: the one family of errors that people see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class VestryError(Exception):
    """An error for a person: what happened, where, and what to do.

    `exit_code` is what the command line answers with: 2 when the command or the
    project is wrong, 1 when data or a run is not well.
    """

    exit_code = 2
    #: What an incident is called that it opens.
    kind = "failed"

    def __init__(self, what: str, where: str = "", mend: str = "") -> None:
        super().__init__(what, where, mend)
        self.what = what
        self.where = where
        self.mend = mend

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  {self.mend}" if self.mend else head


class DataError(VestryError):
    """Data or a run is not well, though the project is."""

    exit_code = 1


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong with a project, as `vestry check` lists it."""

    file: str
    line: int
    what: str
    mend: str = ""

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"\n    {self.mend}" if self.mend else "")


class ProjectError(VestryError):
    """The project has faults; all of them, not only the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(set(faults))
        count = len(self.faults)
        what = f"{count} fault{'s' if count != 1 else ''} in the project"
        super().__init__(what, mend="\n  ".join(str(f) for f in self.faults))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name nearest to `word`, or None when nothing is near. Case does not part names."""
    import difflib  # only where something is wrong

    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.casefold(), name)
    found = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """A sentence that offers the nearest known name, or lists what is known."""
    names = list(known)
    near = nearest(word, names)
    if near:
        return f"did you mean `{near}`?"
    if otherwise:
        return otherwise
    return f"known: {', '.join(sorted(names))}" if names else ""


def listed(names: Iterable[str], word: str = "and") -> str:
    """`a`, `b` and `c`."""
    shown = [f"`{name}`" for name in names]
    return f"{', '.join(shown[:-1])} {word} {shown[-1]}" if len(shown) > 1 else "".join(shown)
