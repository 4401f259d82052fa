"""The terms of a request and of a grant: which columns, shown how, of which rows, until when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from vestry.governance.access.treatment import Treatment
from vestry.project import TableName, VestryError, literal, quote


def plain(purpose: str) -> str:
    """A purpose as it is compared: case and spaces part none."""
    return " ".join(purpose.split()).casefold()


@dataclass(frozen=True)
class Condition:
    """Rows whose column is one of `any_of`, and at least `least` and at most `most` where those are given."""

    column: str
    any_of: tuple[str, ...] = ()
    least: str | None = None
    most: str | None = None

    def sql(self, kind: str) -> str:
        """The condition over a column of this type (DuckDB's). NULL is never among the rows."""
        name = quote(self.column)
        parts = []
        if self.any_of:
            parts.append(f"CAST({name} AS VARCHAR) IN ({', '.join(map(literal, self.any_of))})")
        if self.least is not None:
            parts.append(f"{name} >= CAST({literal(self.least)} AS {kind})")
        if self.most is not None:
            parts.append(f"{name} <= CAST({literal(self.most)} AS {kind})")
        return " AND ".join(parts) or "false"

    @property
    def exact(self) -> str:
        """What tells it from every other condition: `str` is for people, and two may read alike."""
        return json.dumps([self.column, sorted(self.any_of), self.least, self.most])

    def __str__(self) -> str:
        values = [f"“{value}”" if "," in value or " up to " in value else value for value in self.any_of]
        parts = [f"one of {', '.join(values)}"] if len(values) > 1 else values
        parts += [f"from {self.least}"] if self.least is not None else []
        parts += [f"up to {self.most}"] if self.most is not None else []
        return f"{self.column} is {' '.join(parts)}"


@dataclass(frozen=True)
class Terms:
    """What a request asks for, and what a grant gives.

    `columns` has each table with how each of its columns is shown; a column that is not named is hidden. `rows` hold
    together, in every table of the grant. With `statistics`, only counts of rows are shown, and none that could point
    at a person.
    """

    columns: Mapping[TableName, Mapping[str, Treatment]]
    until: date
    rows: tuple[Condition, ...] = ()
    statistics: bool = False
    #: Days before `until` on which an owner must say again that it is still needed; None where it is not asked.
    review: date | None = field(default=None)

    def covers(self, table: TableName) -> bool:
        return table in self.columns

    def exceeds(self, other: Terms) -> str | None:
        """In words what these terms give that the others do not; None where they are as narrow or narrower."""
        for table, columns in self.columns.items():
            theirs = other.columns.get(table, {})
            for column, treatment in columns.items():
                was = theirs.get(column, Treatment.HIDDEN)
                if treatment not in was.stricter:
                    return f"the column `{column}` of {table} as {treatment} instead of {was}"
        if self.until > other.until:
            return f"reading until {self.until} instead of {other.until}"
        if other.statistics and not self.statistics:
            return "rows instead of statistics"
        if gone := [condition for condition in other.rows if condition not in self.rows]:
            return f"rows for which it does not hold that {gone[0]}"
        return None

    def without(self, gone: Sequence[tuple[TableName, str]]) -> Terms:
        """The same terms less some columns."""
        kept = {t: {c: how for c, how in columns.items() if (t, c) not in gone} for t, columns in self.columns.items()}
        return replace(self, columns=kept)

    def as_json(self) -> dict[str, Any]:
        return {
            "columns": {str(t): {c: str(how) for c, how in cs.items()} for t, cs in self.columns.items()},
            "until": self.until.isoformat(),
            "rows": [
                {"column": r.column, "any_of": list(r.any_of), "least": r.least, "most": r.most} for r in self.rows
            ],
            "statistics": self.statistics,
            "review": self.review.isoformat() if self.review else None,
        }

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Terms:
        """Terms as they were kept. Raises VestryError where they cannot be understood."""
        try:
            return cls(
                {
                    TableName.parse(t): {c: Treatment(how) for c, how in columns.items()}
                    for t, columns in said["columns"].items()
                },
                date.fromisoformat(said["until"]),
                tuple(Condition(r["column"], tuple(r["any_of"]), r["least"], r["most"]) for r in said["rows"]),
                bool(said["statistics"]),
                date.fromisoformat(said["review"]) if said["review"] else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise VestryError("the terms of a grant cannot be read", mend="ask for it anew") from error
