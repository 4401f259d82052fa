"""A table that somebody proposes: the file, what was understood of it, and what that person said of it so far.

It lies in `.vestry/proposals/<id>/` of the project, readable by nobody else, until the draft is written, or for a day.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from vestry.catalogue.model import OPEN
from vestry.project import Project, VestryError
from vestry.project.contract import PERSONAL

#: Seconds after which what nobody finished is removed.
KEPT = 86_400.0
#: Bytes that a file may have.
MOST_BYTES = 100 << 20
_FOLDER, _STATE = "proposals", "proposal.json"
_ID = re.compile(r"[0-9a-f]{32}\Z")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}\Z")
#: What an analyst may say of a column, strictest last.
CLASSIFICATIONS = ("public", "internal", "personal", "special", "criminal")
Frequency = Literal["once", "day", "week", "month", "quarter", "year"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProposedColumn(_Part):
    """One column as it was found, and as it is to be."""

    source: str
    """Its name in bronze."""
    header: str
    own_type: str
    filled: float
    """Share of the rows, from 0 to 1."""
    shape: str
    """The commonest form of its values: letters as A and a, digits as 9."""
    kind: str | None
    why: str
    found: str
    """The classification that was found."""
    values: tuple[str, ...] = ()
    """All its values, where they are few and speak of nobody."""
    name: str
    type: str
    classification: str
    confirmed: bool = False
    """Whether a person has looked at it."""
    description: str = ""
    term: str | None = None
    key: bool = False
    keep: bool = True

    @property
    def must_be_confirmed(self) -> bool:
        return self.keep and not self.confirmed and self.found in PERSONAL

    @property
    def is_open(self) -> bool:
        return self.classification in OPEN


class ProposedTable(_Part):
    """One sheet, or the whole file."""

    name: str
    sheet: str | None
    """The sheet of a workbook that has several."""
    records: str | None
    """The path to its records, where it is XML."""
    description: str = ""
    format: str
    rows: int
    rejected: int
    header_line: int | None
    notes: tuple[str, ...]
    columns: tuple[ProposedColumn, ...]

    @property
    def kept(self) -> list[ProposedColumn]:
        return [c for c in self.columns if c.keep]

    @property
    def unconfirmed(self) -> list[ProposedColumn]:
        return [c for c in self.columns if c.must_be_confirmed]


class About(_Part):
    """What it is, whose, and how it comes; what has not been said yet is None."""

    domain: str | None = None
    new_domain: str | None = None
    """What people call it, where the domain is not there yet."""
    product: str | None = None
    title: str = ""
    owner: str | None = None
    steward: str = ""
    purpose: str = ""
    frequency: Frequency | None = None
    replaces: bool = False
    keep_file: bool = False


class Proposal(_Part):
    """All of it."""

    id: str
    file_name: str
    """As its sender called it: shown, and never a path."""
    size: int
    sheets: tuple[str, ...] = ()
    """The sheets that hold anything, where there are several."""
    tables: tuple[ProposedTable, ...] = ()
    about: About = About()

    @property
    def suffix(self) -> str:
        return suffix_of(self.file_name)

    def with_table(self, place: int, table: ProposedTable) -> Proposal:
        tables = (*self.tables[:place], table, *self.tables[place + 1 :])
        return self.model_copy(update={"tables": tables})


class Proposals:
    """The proposals of a project."""

    def __init__(self, project: Project) -> None:
        self.folder = project.state / _FOLDER

    def start(self) -> str:
        """The id of a new one, which has an empty folder."""
        self.sweep()
        key = secrets.token_hex(16)
        self.of(key).mkdir(parents=True, mode=0o700)
        return key

    def read(self, key: str) -> Proposal:
        """Raises VestryError where there is none, or no longer."""
        if _ID.match(key):
            try:
                return Proposal.model_validate_json((self.of(key) / _STATE).read_bytes())
            except FileNotFoundError:
                pass
        raise VestryError("this upload is not kept any more", mend="Files are removed when a draft is written, or after a day. Upload it again.")  # noqa: E501  # fmt: skip

    def write(self, proposal: Proposal) -> None:
        folder = self.of(proposal.id)
        aside = folder / f"{_STATE}.{secrets.token_hex(4)}"
        aside.write_text(proposal.model_dump_json(), encoding="utf-8")
        aside.replace(folder / _STATE)

    def of(self, key: str) -> Path:
        return self.folder / key

    def file_of(self, proposal: Proposal) -> Path:
        """Where the file lies: by a name of ours, whatever its sender called it."""
        return self.of(proposal.id) / f"upload{proposal.suffix}"

    def remove(self, key: str) -> None:
        if _ID.match(key):
            shutil.rmtree(self.of(key), ignore_errors=True)

    def sweep(self, now: float | None = None) -> None:
        """Remove what nobody has touched for a day."""
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if (now or time.time()) - folder.stat().st_mtime > KEPT:
                shutil.rmtree(folder, ignore_errors=True)


def shown_name(file_name: str) -> str:
    """A file's name without folders (a browser may send some) and without what is no character of a name."""
    name = re.sub(r"[^\w .()&+,-]", "_", re.split(r"[/\\]", file_name)[-1]).strip(" .")
    return name[-120:] or "file"


def suffix_of(file_name: str) -> str:
    suffix = Path(file_name).suffix.lower()
    return suffix if _SUFFIX.match(suffix) else ""
