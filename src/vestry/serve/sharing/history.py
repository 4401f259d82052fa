"""What a release was, version by version: files that came and files that went.

A version is that of the table behind the release: it only grows, also where a release is made anew. Of versions that
nobody read there was no release; what such a one held cannot be said, and is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from vestry.governance.access.release import OF, columns_of
from vestry.governance.access.view import View
from vestry.lake.tables import DATA, Lake
from vestry.lake.types import duckdb_columns
from vestry.project import DataError, TableName, VestryError
from vestry.serve.sharing.stored import are_there

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True)
class Kept:
    """A release as the lake keeps it: `table` is the one that holds it."""

    lake: Lake
    view: View
    table: TableName


@dataclass(frozen=True)
class File:
    """A Parquet file of a release; `name` is relative to its table, `size` in bytes."""

    name: str
    size: int
    rows: int


@dataclass(frozen=True)
class Snapshot:
    """A release at a version; `at` is when it became so, in milliseconds since 1970."""

    version: int
    at: int
    files: Mapping[str, File]
    #: The mark that counts changes of rows.
    data: int | None


@dataclass(frozen=True)
class Change:
    """What a version brought: files that came, and files that went."""

    version: int
    at: int
    came: tuple[File, ...]
    went: tuple[File, ...]


def snapshots(kept: Kept) -> Iterator[Snapshot]:
    """A release as it is and as it was, newest first, as far back as its files have the columns of now."""
    moments: dict[int, int] = {}
    for table in _tables(kept):
        if not moments:  # of the newest: an older one's history has the numbers of others
            moments = {entry["version"]: entry["timestamp"] for entry in table.history()}
        if table.version() not in moments:
            return
        yield _snapshot(table, kept, moments[table.version()])


def at_version(kept: Kept, version: int) -> Snapshot:
    """The release at exactly this version. Raises VestryError that names the versions that there are."""
    nearest = version
    for snapshot in snapshots(kept):
        nearest = snapshot.version
        if nearest <= version:
            break
    if nearest == version:
        _must_be_kept(kept, snapshot.files.values())
        return snapshot
    mend = f"the nearest that is kept is {nearest}; without a version the newest is read"
    raise VestryError(f"version {version} is not kept", mend=mend)


def at_time(kept: Kept, moment: datetime) -> Snapshot:
    """The release as it was at a moment. Raises VestryError where it was not there yet."""
    snapshot = None
    for snapshot in snapshots(kept):
        if snapshot.at <= _milliseconds(moment):
            _must_be_kept(kept, snapshot.files.values())
            return snapshot
    first = datetime.fromtimestamp(snapshot.at / 1000, UTC).isoformat(timespec="seconds") if snapshot else "now"
    raise VestryError("what it was at that time is not kept", mend=f"the first that is kept is of {first}")


def version_since(kept: Kept, moment: datetime) -> int:
    """The first version that is not older than a moment. Raises VestryError where all are."""
    found = None
    for snapshot in snapshots(kept):
        if snapshot.at < _milliseconds(moment):
            break
        found = snapshot.version
    if found is None:
        raise VestryError("nothing is as new as that time", mend="ask from an earlier time")
    return found


def changes(kept: Kept, first: int, last: int) -> list[Change]:
    """What the versions from `first` to `last`, both included, brought, oldest first.

    Raises VestryError where the release does not go back so far, or there is no such version yet.
    """
    found: list[Change] = []
    after: Snapshot | None = None
    for snapshot in snapshots(kept):
        if after is None:
            _must_be_there(first, last, snapshot.version)
        else:
            found.append(_between(snapshot, after))
        after = snapshot
        if snapshot.version < first:
            break
    assert after is not None
    if after.version >= first:
        if after.version > 0:  # what was before it is not known, so what it brought is not either
            mend = f"read the whole table, and ask for changes from version {after.version + 1} on"
            raise VestryError(f"changes are kept from version {after.version + 1} on, and not from {first}", mend=mend)
        found.append(Change(0, after.at, tuple(after.files.values()), ()))
    wanted = [c for c in found if first <= c.version <= last and (c.came or c.went)]
    _must_be_kept(kept, (file for change in wanted for file in (*change.came, *change.went)))
    return sorted(wanted, key=lambda change: change.version)


def has_file(kept: Kept, name: str) -> bool:
    """Whether a file is, or was, of a release: nothing else that lies beside it is."""
    return any(name in _names(table) for table in _tables(kept))


def _must_be_there(first: int, last: int, newest: int) -> None:
    if first > newest or last > newest:
        raise VestryError(f"the newest version is {newest}", mend="ask for changes up to that one")
    if last < first:
        raise VestryError("the last version is before the first", mend="turn them round")


def _must_be_kept(kept: Kept, files: Iterable[File]) -> None:
    """Raise VestryError where files that were overtaken are deleted."""
    if not are_there(kept.lake, kept.table, (file.name for file in files)):
        raise VestryError("what was before is not kept so long", mend="read the whole table as it is now")


def _between(before: Snapshot, after: Snapshot) -> Change:
    if before.data == after.data:  # a compaction: other files, and the same rows
        return Change(after.version, after.at, (), ())
    came = tuple(f for name, f in after.files.items() if name not in before.files)
    went = tuple(f for name, f in before.files.items() if name not in after.files)
    return Change(after.version, after.at, came, went)


def _tables(kept: Kept) -> Iterator[DeltaTable]:
    """The release's table at its versions, newest first. Raises DataError where it is not the release any more."""
    table = kept.lake.open(kept.table)
    if table is None or not _is_alike(table, kept):
        raise DataError(f"{kept.view.table} is being changed", mend="ask again in a moment")
    number = table.version()
    while table is not None and _is_alike(table, kept):
        yield table
        number -= 1
        table = _at(kept, number) if number >= 0 else None


def _at(kept: Kept, number: int) -> DeltaTable | None:
    """A version; None where the log does not go back so far."""
    from deltalake.exceptions import DeltaError

    try:
        return kept.lake.open(kept.table, number)
    except (DeltaError, OSError):
        return None


def _snapshot(table: DeltaTable, kept: Kept, moment: int) -> Snapshot:
    found = table.get_add_actions(flatten=True)
    columns = [found[name].to_pylist() for name in ("path", "size_bytes", "num_records")]
    files = [File(unquote(path), size, rows) for path, size, rows in zip(*columns, strict=True)]
    version = table.version() if kept.view.is_whole else table.transaction_version(OF)
    assert version is not None
    return Snapshot(version, moment, {file.name: file for file in files}, table.transaction_version(DATA))


def _names(table: DeltaTable) -> set[str]:
    return {unquote(path) for path in table.get_add_actions(flatten=True)["path"].to_pylist()}


def _is_alike(table: DeltaTable, kept: Kept) -> bool:
    """Whether a version has no column but those of now: older files of a whole table may hold others."""
    now = dict(columns_of(kept.view))
    return all(now.get(name) == kind for name, kind in duckdb_columns(table.schema()).items())


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
