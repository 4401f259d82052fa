"""What changed since an earlier version: the rows that a reader sees now and did not see then, and the other way."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from vestry.governance.access.release import PLACE, files_then
from vestry.project import literal, quote
from vestry.serve.rows.answer import Leave
from vestry.serve.rows.query import Gone, Query, Wrong
from vestry.serve.rows.select import Source

if TYPE_CHECKING:
    from vestry.run.workspace import Workspace

#: The column that says of each row whether it was `added` or `removed`.
CHANGE = "_change"
_VERSION = re.compile(r"(\d{1,15})-([0-9a-f]{12})\Z")


def changes(workspace: Workspace, leave: Leave, since: str, query: Query) -> Source:
    """The changes since a version, as what a question may be asked of.

    Rows are compared whole, as they are seen, and as often as they stand there: a corrected row is one removed and one
    added, and a table that was only rewritten has none. Only files that are not in both versions are read.

    Raises Wrong where there is no such version, Gone where it cannot be told any more.
    """
    if query.order or query.skip or query.cursor or query.limit is not None:
        raise Wrong("changes come all at once, in no order", mend="leave out order, limit, offset and cursor")
    if leave.release.view.statistics:
        raise Wrong("statistics have no changes to follow", mend="read them whole")
    if CHANGE in leave.columns:
        raise Wrong(f"the table has a column `{CHANGE}` of its own", mend="read it whole")
    found = _VERSION.match(since)
    if not found or int(found[1]) > leave.release.version:
        raise Wrong("`since` is not a version of this table", mend="take it from an answer's `version`")
    if found[2] != leave.version.partition("-")[2]:
        raise Gone("what you may see of the table is another than it was then", mend="read it whole")
    then = files_then(workspace, leave.release, int(found[1]))
    if then is None:
        raise Gone("that version is too long ago to be compared", mend="read the table whole")
    now = leave.release.files
    new = replace(leave.release, files=tuple(file for file in now if file not in then)).relation()
    old = replace(leave.release, files=tuple(file for file in then if file not in now)).relation()
    place = f"CAST(0 AS UBIGINT) AS {quote(PLACE[0])}, CAST(0 AS BIGINT) AS {quote(PLACE[1])}"
    parts = [
        f"SELECT *, {literal(said)} AS {quote(CHANGE)}, {place} FROM (FROM {one} EXCEPT ALL FROM {other})"
        for said, one, other in (("removed", old, new), ("added", new, old))
    ]
    return Source(f"({' UNION ALL '.join(parts)})", {**leave.columns, CHANGE: "VARCHAR"}, (*now, *then))
