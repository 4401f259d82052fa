"""Files of releases: whoever fetches one is let through the gate again, and the file is looked up in the release."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from vestry.governance.access.gate import Where
from vestry.governance.access.release import name_of
from vestry.governance.state import now
from vestry.serve.door import address_of as network_of
from vestry.serve.page import portal_of
from vestry.serve.sharing import history, shares, stored
from vestry.serve.sharing.addresses import address_of
from vestry.serve.sharing.entrance import DOOR, bearer_of, credential_of, wrong
from vestry.serve.sharing.shares import SharedTable


def fetch(request: Request, asked: dict[str, Any]) -> Response:
    """One file, or a range of it. A file that is not given is not there, whatever the reason."""
    gate = portal_of(request).gate
    project, lake = gate.live.workspace.project, gate.live.workspace.lake
    address = address_of(project, now(project), request.path_params, asked)
    user = bearer_of(project, address.credential) if address else None
    gone = wrong(403, "PERMISSION_DENIED", "the address is not good, or not any more: ask for the table again")
    if address is None or user is None:
        return gone
    if "authorization" in request.headers and credential_of(request) != address.credential:
        return gone  # somebody else's
    where = Where(DOOR, network_of(request))
    view = shares.allowed(gate, user, SharedTable(address.share, address.schema, address.table), where)
    kept = history.Kept(lake, view, name_of(view, gate.today))
    if str(kept.table) != address.release or not history.has_file(kept, address.file):
        return gone
    return stored.answer(lake, kept.table, address.file, request)
