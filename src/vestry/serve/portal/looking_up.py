"""Who may look people up, by what, and which of their values the reader's grant shows. Each look is written down.

A look-up is no way round a grant: whoever reads by one finds people by the columns that it shows as they are, and only
where that is who the rows are about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from vestry.catalogue.model import TableEntry
from vestry.governance.access.treatment import Treatment
from vestry.governance.access.view import Refused, View
from vestry.governance.audit import Entry, Read, write
from vestry.governance.unusual import LOOK_UP
from vestry.serve.page import portal_of, user_of, where_of


@dataclass(frozen=True)
class Right:
    """What somebody may see of people in a table: whether they may look at all, and the columns that are shown."""

    may: bool
    #: They look after the data, and may know of each person in which tables they are.
    looks_after: bool = False
    clear: Collection[str] = ()
    view: View | None = None

    def shows(self, *columns: str) -> bool:
        """Whether these columns may be told of a person, or made use of to find one."""
        return self.looks_after or set(columns) <= set(self.clear)


def right_of(request: Request, entry: TableEntry) -> Right:
    """Whoever looks after the data may look, and whoever has a grant; values are shown by a grant alone."""
    user = user_of(request)
    if user.kind == "local":
        return Right(True, looks_after=True)
    looks_after = user.has("owner", "steward") and entry.name.domain in user.domains
    try:
        view = portal_of(request).gate.view(user, entry.name, where_of(request))
    except Refused:
        return Right(looks_after, looks_after)
    if view.rows or view.person_at is None:  # a look-up knows no rows: such a grant is for the other doors
        return Right(looks_after, looks_after)
    return Right(True, looks_after, frozenset(c.name for c in view.columns if c.treatment is Treatment.CLEAR), view)


def may_not(request: Request, entry: TableEntry, is_review: bool = False) -> Response | None:
    """The page that says how one comes to look people up, or to review pairs of them; None where the reader may."""
    right = right_of(request, entry)
    if right.looks_after or (right.may and (not is_review or user_of(request).has("link_worker"))):
        return None
    mend = f"Ask for {entry.name.domain}.{entry.name.product}: its page has Access."
    values = {"what": "You have no grant to look people up", "mend": f"{mend} It must show person_id as it is."}
    if right.may:
        mend = "Who looks after the index does, and whoever has the role `link_worker` besides a grant."
        values = {"what": "Pairs of people are not yours to review", "mend": mend}
    return portal_of(request).render("missing.html", request, values, 403)


def looked_at(request: Request, entry: TableEntry, people: Iterable[str]) -> None:
    """Write down that the reader looks at these people, by their ids."""
    user, ids = user_of(request), tuple(people)
    if user.kind == "local" or not ids:
        return
    view = right_of(request, entry).view
    grant = view.grant if view else None
    looked = Entry(
        user.id,
        "portal",
        LOOK_UP,
        True,
        rows=len(ids),
        purpose=grant.purpose if grant else "",
        grants=(grant.id,) if grant else (),
        rules=view.rules if view else ("who looks after the data",),
        people=ids,
    )
    shown = {column.name: str(column.treatment) for column in view.columns} if view else {}
    version = entry.state.version if entry.state else None
    write(portal_of(request).live.workspace.project, [looked], [Read(entry.name, version, shown)])
