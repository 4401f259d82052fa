"""What one reader sees of one table, and by which right."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from vestry.governance.access.grants import Grant
from vestry.governance.access.terms import Condition, plain
from vestry.governance.access.treatment import Treatment
from vestry.governance.people import PERSON
from vestry.project import TableName, VestryError

#: How releases are made of views: raise it where that changes, so that none of before stands.
MADE = 2


class Refused(VestryError):
    """The gate does not let through; the text says why as far as the reader may know."""

    exit_code = 1


@dataclass(frozen=True)
class Shown:
    """A column that is seen; `kind` is DuckDB's type of what is stored."""

    name: str
    kind: str
    treatment: Treatment

    @property
    def shown_kind(self) -> str:
        """The type of what is seen."""
        return self.kind if self.treatment is Treatment.CLEAR else "VARCHAR"


@dataclass(frozen=True)
class View:
    """A table as one reader sees it: its columns in the table's order, of which rows, and why."""

    table: TableName
    columns: tuple[Shown, ...]
    #: Columns of the table that are not seen.
    hidden: tuple[str, ...]
    rows: tuple[Condition, ...]
    statistics: bool
    personal: bool
    purpose: str
    #: Names of the policies that let through.
    rules: tuple[str, ...]
    grant: Grant | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of the table is seen as it is: then its own files are what is read."""
        clear = all(column.treatment is Treatment.CLEAR for column in self.columns)
        return clear and not self.hidden and not self.rows and not self.statistics

    @property
    def person_at(self) -> int | None:
        """Which of the columns names the person of each row; None where none does, or not as it is."""
        clear = [c.name if c.treatment is Treatment.CLEAR else "" for c in self.columns]
        return clear.index(PERSON) if PERSON in clear and not self.statistics else None

    @property
    def digest(self) -> str:
        """What tells one rule of reading from another: the same for all who read a table alike for one purpose."""
        said = [
            MADE,
            str(self.table),
            [[c.name, c.kind, c.treatment] for c in self.columns],
            sorted(row.exact for row in self.rows),
            self.statistics,
            plain(self.purpose) if self._is_hashed else "",
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:24]

    @property
    def _is_hashed(self) -> bool:
        return any(column.treatment is Treatment.HASHED for column in self.columns)
