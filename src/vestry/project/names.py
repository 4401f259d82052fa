"""The name of a table, the same everywhere: `domain.product.table` or `bronze.source.table`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vestry.project.errors import VestryError

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
BRONZE = "bronze"
#: The platform's own tables: quality results, steps of runs.
SYSTEM = "vestry"
#: The companion that holds what people decided about a table's rows: until somebody decides, it is not there.
DECISION = "decision"


@dataclass(frozen=True, order=True)
class TableName:
    """Three parts: domain, product, table (for bronze: `bronze`, source, table)."""

    domain: str
    product: str
    table: str

    @classmethod
    def parse(cls, text: str) -> TableName:
        parts = text.split(".")
        if len(parts) != 3 or not all(parts):
            raise VestryError(
                f"`{text}` is not the name of a table",
                mend="a table is named domain.product.table, or bronze.source.table",
            )
        return cls(*parts)

    @property
    def is_bronze(self) -> bool:
        return self.domain == BRONZE

    @property
    def folder(self) -> str:
        """Where it lies below the lake's location."""
        return f"{self.domain}/{self.product}/{self.table}"

    def beside(self, suffix: str) -> TableName:
        """The companion table, such as `__rejected` or `__quarantine`."""
        return TableName(self.domain, self.product, f"{self.table}__{suffix}")

    def __str__(self) -> str:
        return f"{self.domain}.{self.product}.{self.table}"


def quote(identifier: str) -> str:
    """An identifier, quoted for SQL: the one place where that is done."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string literal, quoted for SQL: for paths in places that take no parameter."""
    return "'" + text.replace("'", "''") + "'"


#: How to mend a name that is none.
NAME_RULE = "names are lower-case letters, digits and single underscores, beginning with a letter"


def is_name(text: str) -> bool:
    return bool(NAME.match(text))


def is_table_name(text: str) -> bool:
    """A name that a person may give: `__` parts the names of companions, such as `__rejected`."""
    return is_name(text) and "__" not in text


@dataclass(frozen=True)
class Reference:
    """A table that a recipe names; `name` is None where it is not a three-part name. Lines are 1-based."""

    text: str
    name: TableName | None
    line: int

    @classmethod
    def of(cls, text: str, line: int) -> Reference:
        parts = text.split(".")
        return cls(text, TableName(*parts) if len(parts) == 3 and all(parts) else None, line)
