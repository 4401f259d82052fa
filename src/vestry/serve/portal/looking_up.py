"""Who may look people up, and which of their values the reader's grant shows. Each look is written down."""

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
    clear: Collection[str] = ()
    view: View | None = None


def right_of(request: Request, entry: TableEntry) -> Right:
    """Whoever looks after the data may look, and whoever has a grant; values are shown by a grant alone."""
    user = user_of(request)
    if user.kind == "local":
        return Right(True)
    try:
        view = portal_of(request).gate.view(user, entry.name, where_of(request))
    except Refused:
        return Right(user.has("owner", "steward") and entry.name.domain in user.domains)
    if view.rows or view.statistics:  # a look-up knows no rows: such a grant is for the other doors
        return Right(user.has("owner", "steward") and entry.name.domain in user.domains)
    return Right(True, frozenset(c.name for c in view.columns if c.treatment is Treatment.CLEAR), view)


def may_not(request: Request, entry: TableEntry) -> Response | None:
    """The page that says how one comes to look people up; None where the reader may."""
    if right_of(request, entry).may:
        return None
    values = {
        "what": "You have no grant to look people up",
        "mend": f"Ask for {entry.name.domain}.{entry.name.product}: its page has Access.",
    }
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
