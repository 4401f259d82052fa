"""Releases: what a reader may see of a table, written out, so that no door reads the table behind it.

A release is a Delta table of its own, `vestry.release.r…`, named by its rule. It is made file by file: for a file that
the table got since, one is added, for a file that went, one goes. So it costs what changed. Where all of a table is
seen, its own files are the release.
"""

from __future__ import annotations

import shutil
import time
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from vestry.governance.access.keys import purpose_key
from vestry.governance.access.treatment import Treatment, expression
from vestry.governance.access.view import View
from vestry.governance.people import PERSON
from vestry.lake.tables import Staged
from vestry.lake.types import duckdb_columns
from vestry.project import DataError, TableName, literal, quote
from vestry.project.names import SYSTEM
from vestry.run.workspace import Workspace

if TYPE_CHECKING:
    from deltalake import DeltaTable

#: Counts of fewer rows (or people) than these could point at somebody; the rest are rounded to this step.
LEAST, STEP = 10, 5
#: The column of a release of statistics that holds the counts.
COUNT = "number"
#: Where a row stands in a release: the number of its file, and its own in that file. No column is called so.
PLACE = ("vestry file", "vestry row")
#: The mark of a release: the version of the table that it shows.
OF = "vestry.of"
#: Seconds after which a release that nobody reads goes: it is made again when somebody does.
_UNUSED = 2 * 86_400
#: Hours for which files that a newer version replaced are kept, for whoever is reading them.
_OVERTAKEN = 1


@dataclass(frozen=True)
class Release:
    """A view as files: Parquet, all with the columns (name and DuckDB type) of `columns`."""

    view: View
    #: The Delta table that holds them: the table itself where all of it is seen.
    table: TableName
    #: The version of the table that was read.
    version: int
    files: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]

    def relation(self, placed: bool = False) -> str:
        """SQL of a relation over the files, and over nothing else; `placed` adds where each row stands, in `PLACE`."""
        names = ", ".join(quote(name) for name, _ in self.columns)
        if placed:
            names += f", {', '.join(map(quote, PLACE))}"
        return f"(SELECT {names} FROM {_rows(self.columns, self.files, placed)})"


def release_of(workspace: Workspace, view: View, today: date) -> Release:
    """The release of a view at the table's present version, made or brought up to date.

    Raises DataError where it cannot be made; no value of the data is in what it says.
    """
    table = workspace.lake.existing(view.table)
    version = table.version()
    columns = columns_of(view)
    if view.is_whole:
        return Release(view, view.table, version, _files(workspace, table), columns)
    name = name_of(view, today)
    released = workspace.lake.open(name)
    if released is None or released.transaction_version(OF) != version:
        with workspace.lake.lock(name):
            released = workspace.lake.open(name)
            if released is None or released.transaction_version(OF) != version:
                _make(workspace, view, table, name, released, today)
        released = workspace.lake.existing(name)
    used = _used(workspace, name)
    used.parent.mkdir(parents=True, exist_ok=True)
    used.touch()
    return Release(view, name, version, _files(workspace, released), columns)


def files_then(workspace: Workspace, release: Release, version: int) -> tuple[str, ...] | None:
    """The files that stood for the same view at an earlier version of its table.

    None where there was no release of it then, or its log or its files do not go so far back.
    """
    at = version
    if release.table != release.view.table:
        newest = workspace.lake.existing(release.table).version()
        # The marks only grow: the last version of the release that is of this version of the table.
        at = bisect_right(range(newest + 1), version, key=lambda v: _of(workspace, release.table, v)) - 1
        if at < 0 or _of(workspace, release.table, at) != version:
            return None
    then = _open_at(workspace, release.table, at)
    files = _files(workspace, then) if then else None
    if files and workspace.lake.is_local and not all(Path(file).exists() for file in files):
        return None
    return files


def _of(workspace: Workspace, name: TableName, version: int) -> int:
    """Of which version of its table a version of a release is; -1 where the log does not go so far back."""
    table = _open_at(workspace, name, version)
    return -1 if table is None else table.transaction_version(OF) or 0


def _open_at(workspace: Workspace, name: TableName, version: int) -> DeltaTable | None:
    from deltalake.exceptions import DeltaError

    try:
        return workspace.lake.open(name, version)
    except DeltaError:
        return None


def columns_of(view: View) -> tuple[tuple[str, str], ...]:
    """The columns of a view's release, each with DuckDB's type."""
    shown = tuple((column.name, column.shown_kind) for column in view.columns)
    return (*shown, (COUNT, "BIGINT")) if view.statistics else shown


def forget(workspace: Workspace, grants: Collection[str]) -> int:
    """Delete releases that nobody has read for a while, those of grants that are none of these, and overtaken files.

    Returns how many went.
    """
    folder = Path(workspace.lake.location, SYSTEM, "release")
    if not workspace.lake.is_local or not folder.is_dir():
        return 0
    gone = 0
    for path in folder.iterdir():
        name = TableName(SYSTEM, "release", path.name)
        with workspace.lake.lock(name):
            grant = workspace.lake.history(name, 1)[0].record.get("grant") if workspace.lake.open(name) else None
            used = _used(workspace, name)
            is_old = not used.exists() or time.time() - used.stat().st_mtime > _UNUSED
            if is_old or (grant and grant not in grants):
                shutil.rmtree(path, ignore_errors=True)
                used.unlink(missing_ok=True)
                gone += 1
            elif table := workspace.lake.open(name):
                # What the table does not hold any more, its releases do not either.
                table.vacuum(_OVERTAKEN, enforce_retention_duration=False, dry_run=False, full=True)
    return gone


def _used(workspace: Workspace, name: TableName) -> Path:
    """The file whose time says when a release was last read."""
    return workspace.project.state / "releases" / name.table


def name_of(view: View, today: date) -> TableName:
    """The Delta table that holds the release of a view: the table itself where all of it is seen."""
    if view.is_whole:
        return view.table
    # What shows an age changes with the month.
    is_dated = any(column.treatment is Treatment.AGE_BAND for column in view.columns)
    return TableName(SYSTEM, "release", f"r{view.digest}{today:_%Y_%m}" if is_dated else f"r{view.digest}")


def _make(
    workspace: Workspace, view: View, table: DeltaTable, name: TableName, released: DeltaTable | None, today: date
) -> None:
    import duckdb

    lake = workspace.lake
    files = _files(workspace, table)
    select = _select(workspace, view, today)
    made: dict[str, list[str]] = {}
    if released is not None and not view.statistics:
        made = dict(lake.history(name, 1)[0].record.get("files", {}))
    new = [file for file in files if file not in made]
    gone = [file for file in made if file not in files]
    staged: Staged | None = None
    try:
        with workspace.engine.cursor() as con:
            if view.statistics:
                staged = lake.stage(con, name, select.format(source=_source(table, files)))
            else:
                for file in new or ([] if released is not None else [""]):
                    part = lake.stage(con, name, select.format(source=_source(table, [file] if file else [])))
                    made[file] = [f.name for f in part.files]
                    staged = staged + part if staged else part
    except duckdb.Error as error:
        what = f"what you may see of {view.table} could not be written out ({type(error).__name__})"
        raise DataError(what, mend="a condition on rows may not fit its column: ask for the grant anew") from None
    old = [part for file in gone for part in made.pop(file)]
    record = {"of": str(view.table), "grant": view.grant.id if view.grant else None, "files": made}
    marks = {OF: table.version()}
    if staged is None and not old:
        lake.note(name, marks, record)
        return
    if staged is None:
        staged = Staged(name, lake.uri(name), tuple((c.name, c.shown_kind) for c in view.columns), ())
    replace = True if view.statistics else old
    lake.publish(staged, replace=replace, marks=marks, record=record)


def _select(workspace: Workspace, view: View, today: date) -> str:
    """The SELECT of the release, over `{source}`."""
    key = purpose_key(workspace.project, view.purpose)
    shown = ", ".join(expression(c.name, c.kind, c.treatment, key, today) for c in view.columns)
    stored = workspace.lake.columns(view.table)
    where = " AND ".join(condition.sql(stored[condition.column]) for condition in view.rows)
    where = f" WHERE {where}" if where else ""
    # Braces of names and values are not places to fill in.
    shown, where = (text.replace("{", "{{").replace("}", "}}") for text in (shown, where))
    if not view.statistics:
        # Rows in the order of the table would tell what that is ordered by, and which row of one purpose is which of
        # another. So they lie by what is seen of them, and by hashes first, which say nothing.
        by = sorted(view.columns, key=lambda column: column.treatment is not Treatment.HASHED)
        return f"SELECT {shown} FROM {{source}}{where} ORDER BY {', '.join(quote(column.name) for column in by)}"
    names = ", ".join(quote(column.name) for column in view.columns)
    counted = f', {quote(PERSON)} AS "_person"' if PERSON in stored else ""
    people = 'count(DISTINCT "_person")' if PERSON in stored else "count(*)"
    number = f"CAST(round(count(*) / {STEP}.0) * {STEP} AS BIGINT) AS {quote(COUNT)}"
    inner = f"SELECT {shown}{counted} FROM {{source}}{where}"
    return f"SELECT {names}, {number} FROM ({inner}) GROUP BY ALL HAVING {people} >= {LEAST}"


def _source(table: DeltaTable, files: Sequence[str]) -> str:
    """The rows of some of the table's files."""
    return _rows(list(duckdb_columns(table.schema()).items()), files)


def _rows(columns: Sequence[tuple[str, str]], files: Sequence[str], placed: bool = False) -> str:
    """SQL of the rows of files; a column that a file is older than is NULL there."""
    places = [(PLACE[0], "UBIGINT"), (PLACE[1], "BIGINT")] if placed else []  # DuckDB's own types of them
    empty = ", ".join(f"CAST(NULL AS {kind}) AS {quote(name)}" for name, kind in [*columns, *places])
    if not files:
        return f"(SELECT {empty} WHERE false)"
    paths = ", ".join(map(literal, files))
    place = f", file_index AS {quote(PLACE[0])}, file_row_number AS {quote(PLACE[1])}" if placed else ""
    read = f"SELECT *{place} FROM read_parquet([{paths}], union_by_name => true)"
    return f"(SELECT {empty} WHERE false UNION ALL BY NAME {read})"


def _files(workspace: Workspace, table: DeltaTable) -> tuple[str, ...]:
    """The table's files, as DuckDB opens them."""
    found = table.file_uris()
    return tuple(sorted(unquote(uri.removeprefix("file://")) if workspace.lake.is_local else uri for uri in found))
