"""The lake: Delta tables in a folder or an object store, each written one commit at a time.

Every write goes the same way. A SELECT is *staged*: DuckDB writes its rows as Parquet
beside the table, where no reader sees them. What was staged can be read and audited.
Then it is *published*: one Delta commit adds the files, takes away those they replace,
and carries the marks (numbers such as a cursor) and the record of the write. A crash
before the commit leaves the table as it was, and files that `vacuum` removes.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions
from filelock import FileLock, Timeout

from vestry.lake.types import delta_schema, duckdb_columns, stored_select, stored_type
from vestry.project import DataError, TableName, VestryError, literal, quote

if TYPE_CHECKING:
    import duckdb

#: The mark that counts changes of data: a compaction makes a version but does not touch it.
DATA = "vestry.data"
#: Microseconds since 1970 of when rows were last taken away, not only added.
REPLACED = "vestry.replaced"
_STATISTICS = "delta.dataSkippingStatsColumns"
_FILE_SIZE = 128 * 2**20
#: Rows of one row group in small files: DuckDB ends a file only between two groups, and its own have 122,880.
_SMALL_GROUP = 20_480
_LOCK_SECONDS = 600.0
#: Statistics in the log that let readers skip files: kept for these types, where a file's least and
#: greatest value are exact and say nothing of a person.
_SKIPPABLE = ("BIGINT", "INTEGER", "SMALLINT", "DATE", "TIMESTAMP WITH TIME ZONE", "VARCHAR")
_MOMENT = re.compile(r"[1-9]\d{3}-\d\d-\d\d( [\d:.+-]+)?\Z")


@dataclass(frozen=True)
class StagedFile:
    """A Parquet file beside the table; `name` is relative to it, `size` in bytes."""

    name: str
    rows: int
    size: int
    stats: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Staged:
    """Rows written aside: nobody sees them until they are published."""

    table: TableName
    uri: str
    columns: tuple[tuple[str, str], ...]
    files: tuple[StagedFile, ...]
    #: Bytes of a file at which the next is begun; a compaction later keeps to it.
    file_size: int = _FILE_SIZE

    @property
    def rows(self) -> int:
        return sum(f.rows for f in self.files)

    def relation(self) -> str:
        """SQL of a relation over the staged rows, with the columns' stored types."""
        if not self.files:
            parts = ", ".join(f"CAST(NULL AS {kind}) AS {quote(name)}" for name, kind in self.columns)
            return f"(SELECT {parts} WHERE false)"
        paths = ", ".join(literal(f"{self.uri}/{f.name}") for f in self.files)
        return f"read_parquet([{paths}])"

    def __add__(self, other: Staged) -> Staged:
        return Staged(self.table, self.uri, self.columns, self.files + other.files, self.file_size)


@dataclass(frozen=True)
class Version:
    """One version of a table, as `vestry history` shows it."""

    version: int
    at: datetime
    operation: str
    record: Mapping[str, Any]


class Lake:
    """All tables below one location."""

    def __init__(
        self, location: str, state: Path, options: Mapping[str, str] | None = None, keep_days: int = 30
    ) -> None:
        self.location = location.rstrip("/")
        self.options = dict(options or {})
        self.keep_days = keep_days
        self._locks = state / "locks"

    @property
    def is_local(self) -> bool:
        return "://" not in self.location

    def uri(self, name: TableName) -> str:
        return f"{self.location}/{name.folder}"

    def open(self, name: TableName, version: int | None = None) -> DeltaTable | None:
        """The table as it stands now (or at a version), or None where there is none."""
        if self.is_local and not Path(self.uri(name), "_delta_log").is_dir():
            return None
        try:
            return DeltaTable(self.uri(name), version=version, storage_options=self.options or None)
        except TableNotFoundError:
            return None

    def mark(self, name: TableName, mark: str = DATA) -> int | None:
        """A number that the last commits left, such as a cursor; by default the version of the data."""
        table = self.open(name)
        return table.transaction_version(mark) if table else None

    def columns(self, name: TableName) -> dict[str, str]:
        """Column names with their DuckDB types; empty where the table does not exist yet."""
        table = self.open(name)
        return duckdb_columns(table.schema()) if table else {}

    @contextmanager
    def lock(self, name: TableName, seconds: float = _LOCK_SECONDS) -> Iterator[None]:
        """Be the table's one writer; other processes wait.

        Raises DataError after `seconds`, naming the table.
        """
        self._locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._locks / f"{name}.lock")
        try:
            lock.acquire(timeout=seconds)
        except Timeout as error:
            raise DataError(
                f"{name} is being written by another process; waited {seconds:.0f} s",
                mend="let the other run end, then run again",
            ) from error
        try:
            yield
        finally:
            lock.release()

    def stage(
        self, con: duckdb.DuckDBPyConnection, name: TableName, select: str, *, file_size: int = _FILE_SIZE
    ) -> Staged:
        """Write the rows of `select` beside the table, in its order, in files of about `file_size` bytes.

        Raises duckdb.Error where the SELECT fails; what was written until then is removed.
        """
        import duckdb

        described = [(row[0], row[1]) for row in con.execute(f"DESCRIBE {select}").fetchall()]
        select = stored_select(select, described)
        columns = tuple((column, stored_type(kind)) for column, kind in described)
        group = f"ROW_GROUP_SIZE {_SMALL_GROUP}, " if file_size < _FILE_SIZE else ""
        uri = self.uri(name)
        if self.is_local:
            Path(uri).mkdir(parents=True, exist_ok=True)
        batch = uuid.uuid4().hex[:12]
        try:
            rows = con.execute(
                f"COPY ({select}) TO {literal(uri)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
                f"{group}FILE_SIZE_BYTES {file_size}, FILENAME_PATTERN 'part-{batch}-{{i}}', "
                "OVERWRITE_OR_IGNORE, RETURN_STATS)"
            ).fetchall()
        except duckdb.Error:
            for file in Path(uri).glob(f"part-{batch}-*") if self.is_local else ():
                file.unlink(missing_ok=True)
            raise
        files = tuple(
            StagedFile(path.replace("\\", "/").rsplit("/", 1)[-1], count, size, _unquoted(stats))
            for path, count, size, _, stats, _ in rows
            if count
        )
        return Staged(name, uri, columns, files, file_size)

    def discard(self, staged: Staged) -> None:
        """Remove what was staged and will not be published."""
        for file in staged.files if self.is_local else ():
            Path(staged.uri, file.name).unlink(missing_ok=True)

    def publish(
        self,
        staged: Staged,
        *,
        replace: bool | Collection[str] = False,
        marks: Mapping[str, int] | None = None,
        record: Mapping[str, Any] | None = None,
        skip_by: Collection[str] = (),
    ) -> int:
        """Make staged rows visible in one commit, and return the table's new version.

        `replace` takes away all rows that were there (True) or the files named. `marks` and
        `record` are kept with the commit. `skip_by` names the columns, none of them personal,
        whose least and greatest values are written to the log. The caller holds the lock. Raises
        DataError where a file to replace is not the table's any more.
        """
        name = staged.table
        schema = delta_schema(list(staged.columns))
        adds = [_add(file, staged.columns, skip_by) for file in staged.files]
        table = self.open(name)
        data = table.version() + 1 if table else 0
        if table is not None and (columns := _statistics(skip_by)) != table.metadata().configuration.get(_STATISTICS):
            table.alter.set_table_properties({_STATISTICS: columns})
            data = table.version() + 1
        properties = CommitProperties(
            custom_metadata={"vestry": json.dumps(record or {})},
            app_transactions=[Transaction(k, v) for k, v in {DATA: data, **(marks or {})}.items()],
        )
        if table is None:
            create_table_with_add_actions(
                self.uri(name),
                schema,
                adds,
                configuration={
                    _STATISTICS: _statistics(skip_by),
                    "delta.targetFileSize": str(staged.file_size),
                    "delta.logRetentionDuration": f"interval {self.keep_days} days",
                    "delta.deletedFileRetentionDuration": f"interval {self.keep_days} days",
                },
                storage_options=self.options or None,
                commit_properties=properties,
            )
            return 0
        actions: list[AddAction | RemoveAction] = list(adds)
        if replace is not True:
            schema = self._widened(table, schema)
            if replace:
                actions = [*self._removals(table, replace), *adds]
        table.create_write_transaction(
            actions, mode="overwrite" if replace is True else "append", schema=schema, commit_properties=properties
        )
        return table.version()

    def note(self, name: TableName, marks: Mapping[str, int], record: Mapping[str, Any] | None = None) -> int:
        """Leave marks (and a record) on a table whose data stay as they are, and return its new version."""
        table = self.existing(name)
        properties = CommitProperties(
            custom_metadata={"vestry": json.dumps(record)} if record else None,
            app_transactions=[Transaction(k, v) for k, v in marks.items()],
        )
        table.create_write_transaction([], mode="append", schema=table.schema(), commit_properties=properties)
        return table.version()

    def _widened(self, table: DeltaTable, schema: Schema) -> Schema:
        """Give the table the columns that are new, so that rows that lack them are NULL there."""
        have = {field.name for field in table.schema().fields}
        new = [field for field in schema.fields if field.name not in have]
        if new:
            table.alter.add_columns(new)
            table.update_incremental()
        return table.schema()

    @staticmethod
    def _removals(table: DeltaTable, names: Collection[str]) -> list[RemoveAction]:
        now = int(time.time() * 1000)
        found = {}
        actions = table.get_add_actions(flatten=True)
        for path, size in zip(actions["path"].to_pylist(), actions["size_bytes"].to_pylist(), strict=True):
            found[path] = size
        if gone := set(names) - set(found):
            raise DataError(f"the table changed while it was being written: {min(gone)} is gone", mend="run again")
        return [RemoveAction(n, True, now, size=found[n], partition_values={}) for n in names]

    def history(self, name: TableName, limit: int | None = None) -> list[Version]:
        """The table's versions, newest first."""
        table = self.existing(name)
        return [
            Version(
                entry.get("version", 0),
                datetime.fromtimestamp(entry["timestamp"] / 1000, UTC),
                entry["operation"],
                json.loads(entry.get("vestry") or "{}"),
            )
            for entry in table.history(limit)
        ]

    def version_at(self, name: TableName, when: datetime) -> int:
        """The version that was current at a time.

        Raises VestryError where the table was not there yet.
        """
        versions = [v for v in self.history(name) if v.at <= when]
        if not versions:
            first = self.history(name)[-1].at
            raise VestryError(
                f"{name} did not exist at {when:%Y-%m-%d %H:%M}", mend=f"its first version is of {first:%Y-%m-%d %H:%M}"
            )
        return max(v.version for v in versions)

    def existing(self, name: TableName) -> DeltaTable:
        table = self.open(name)
        if table is None:
            raise VestryError(f"there is no table {name} in the lake yet", mend="make it with `vestry run`")
        return table


def _statistics(skip_by: Collection[str]) -> str:
    """The columns that may have statistics; a name no column has where none may, for by default the first 32 do."""
    return ",".join(sorted(skip_by)) or "_none"


def _unquoted(stats: Mapping[str, Mapping[str, str]] | None) -> dict[str, Mapping[str, str]]:
    return {name[1:-1].replace('""', '"'): values for name, values in (stats or {}).items()}


def _add(file: StagedFile, columns: Sequence[tuple[str, str]], skip_by: Collection[str]) -> AddAction:
    least: dict[str, Any] = {}
    greatest: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for name, kind in columns:
        values = file.stats.get(name)
        if name not in skip_by or kind not in _SKIPPABLE or not values or "min" not in values:
            continue
        low, high = (_stat(values[k], kind) for k in ("min", "max"))
        if low is None or high is None:
            continue
        least[name], greatest[name] = low, high
        if "null_count" in values:
            nulls[name] = int(values["null_count"])
    stats = {"numRecords": file.rows, "minValues": least, "maxValues": greatest, "nullCount": nulls}
    return AddAction(file.name, file.size, {}, int(time.time() * 1000), True, json.dumps(stats))


def _stat(text: str, kind: str) -> str | int | None:
    """A statistic as Delta's log writes it, or None where a cut value would make it wrong."""
    if kind in ("BIGINT", "INTEGER", "SMALLINT"):
        return int(text)
    if kind == "VARCHAR":
        return text if len(text) <= 32 else None
    if not _MOMENT.match(text):  # infinity, and years that others cannot read
        return None
    if kind.startswith("TIMESTAMP"):
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return text
