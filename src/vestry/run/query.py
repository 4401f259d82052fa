"""A question to the lake in SQL, with time travel."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from vestry.products.sql import explained
from vestry.project import TableName, VestryError, quote
from vestry.project.sql import SqlFault, parse, references
from vestry.run.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

_AT = re.compile(
    r"(?P<table>\b\w+\.\w+\.\w+)\s+AT\s*\(\s*(?P<by>VERSION|TIMESTAMP)\s*=>\s*(?P<value>[^)]+?)\s*\)"
    r"(?P<alias>\s+(?:AS\s+)?(?!(?:WHERE|GROUP|ORDER|LIMIT|JOIN|LEFT|RIGHT|FULL|INNER|CROSS|ON|USING|UNION|EXCEPT|"
    r"INTERSECT|HAVING|QUALIFY|SEMI|ANTI|NATURAL|ASOF|WINDOW|SAMPLE|TABLESAMPLE|SELECT)\b)[a-z_]\w*)?",
    re.IGNORECASE,
)


def ask(workspace: Workspace, sql: str) -> pa.Table:
    """The answer to one SELECT over the project's tables. Raises VestryError as `answer` does."""
    return answer(workspace, sql)[0]


def answer(workspace: Workspace, sql: str) -> tuple[pa.Table, list[TableName]]:
    """The answer to one SELECT over the project's tables, and the tables that it names.

    Raises VestryError, with the place in the SQL and the nearest names, where it cannot be answered.
    """
    then = [workspace.existing(TableName.parse(found["table"])) for found in _AT.finditer(sql)]
    text = _AT.sub(lambda found: _then(workspace, found), sql.strip().rstrip(";"))
    try:
        named = [r.name for r in references(parse(text, "the query")) if r.name]
    except SqlFault as error:
        raise VestryError(
            error.fault.what, f"the query, line {error.fault.line}", "`vestry query -h` has examples"
        ) from error
    names = [workspace.existing(name) for name in named]
    for name in names:
        workspace.engine.mount(name)
    workspace.engine.load_for(text)
    with workspace.engine.cursor() as con:
        try:
            return con.execute(text).to_arrow_table(), [*names, *then]
        except duckdb.Error as error:
            raise VestryError(*explained(error, "the query")) from error


def _then(workspace: Workspace, found: re.Match[str]) -> str:
    """A table as it was: `t AT (VERSION => 3)`, or `t AT (TIMESTAMP => '2026-01-31')`."""
    name = workspace.existing(TableName.parse(found["table"]))
    value = found["value"].strip().strip("'")
    if found["by"].upper() == "VERSION":
        if not value.isdigit():
            raise VestryError(f"`{value}` is not a version", "the query", "write AT (VERSION => 3)")
        version = int(value)
    else:
        version = workspace.lake.version_at(name, moment(value))
    newest = workspace.lake.history(name, 1)[0].version
    if version > newest:
        raise VestryError(f"{name} has no version {version}", "the query", f"its versions are 0 to {newest}")
    alias = found["alias"] or f" AS {quote(name.table)}"
    return f"{workspace.engine.relation(name, version)}{alias}"


def moment(text: str) -> datetime:
    """A day (its end) or a time, in UTC where no zone is given."""
    bare = re.sub(r"^(timestamptz|timestamp|date)\s*'?", "", text, flags=re.IGNORECASE).strip("'")
    try:
        moment = datetime.fromisoformat(bare)
    except ValueError as error:
        raise VestryError(
            f"`{bare}` is not a time", "the query", "write AT (TIMESTAMP => '2026-01-31 12:00')"
        ) from error
    if len(bare) == 10:
        moment = moment.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
