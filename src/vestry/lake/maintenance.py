"""Keeping tables in shape: compaction, vacuum with a safe retention, restore."""

from __future__ import annotations

import time

from deltalake import CommitProperties, Transaction
from deltalake.exceptions import DeltaError

from vestry.lake.tables import DATA, REPLACED, Lake
from vestry.project import DataError, TableName, VestryError

#: A reader may still hold a version this old, and a writer may still be writing: nothing younger goes.
_SAFE_HOURS = 24 * 7


def compact(lake: Lake, name: TableName) -> tuple[int, int]:
    """Put small files together; the number of files before and after. The data stay as they are."""
    with lake.lock(name):
        table = lake.existing(name)
        before = len(table.file_uris())
        try:
            table.optimize.compact()
        except DeltaError as error:
            what = f"{name} could not be compacted; it is as it was"
            raise DataError(what, mend="a date out of the ordinary, such as infinity, is known to cause it") from error
        return before, len(table.file_uris())


def vacuum(lake: Lake, name: TableName, *, hours: int | None = None) -> int:
    """Remove files that no version within the retention needs, orphans of killed writers among them.

    The retention is the lake's `keep_days` and never under a week, so that no reader loses a file.
    """
    hours = lake.keep_days * 24 if hours is None else hours
    if hours < _SAFE_HOURS:
        raise VestryError(
            f"a retention of {hours} hours is not safe",
            mend=f"keep at least {_SAFE_HOURS} hours: a reader may need them",
        )
    with lake.lock(name):
        return len(lake.existing(name).vacuum(retention_hours=hours, dry_run=False, full=True))


def restore(lake: Lake, name: TableName, version: int) -> int:
    """Make the table's data those of an earlier version, in a commit of their own; the new version.

    Whoever reads the table by what is new in it is told by a mark that rows were taken away.
    """
    with lake.lock(name):
        table = lake.existing(name)
        current = table.version()
        if not 0 <= version <= current:
            raise VestryError(f"{name} has no version {version}", mend=f"its versions are 0 to {current}")
        marks = [Transaction(DATA, current + 1), Transaction(REPLACED, time.time_ns() // 1000)]
        try:
            table.restore(version, commit_properties=CommitProperties(app_transactions=marks))
        except DeltaError as error:
            what = f"{name} no longer has what version {version} needs"
            raise VestryError(what, mend=f"files are kept for {lake.keep_days} days; see `vestry history`") from error
        return table.version()
