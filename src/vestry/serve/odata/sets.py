"""Which entity sets somebody has, and leave to read the one that is asked for."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from starlette.requests import Request

from vestry.governance.access.gate import Gate
from vestry.governance.access.grants import grants_of
from vestry.project import TableName
from vestry.serve.odata.model import EntitySet, entity_set
from vestry.serve.page import Missing, where_of
from vestry.serve.reader import reader_of
from vestry.serve.rows.answer import Leave, leave

_DOOR = "odata"
#: Parts of a table's name begin with a letter.
_PARTED = re.compile(r"__(?=[a-z])")


@dataclass(frozen=True)
class AskedSet:
    """An entity set, and leave to read it."""

    set: EntitySet
    leave: Leave


def entity_sets(request: Request, gate: Gate) -> list[EntitySet]:
    """What the reader sees: by one grant where the address names it, else what may be read for one purpose only."""
    views = gate.seen(reader_of(request), where_of(request, _DOOR))
    grant = request.path_params.get("grant")
    if grant is not None:
        views = [view for view in views if view.grant and view.grant.id == grant]
        if not views:
            raise Missing("there is no such grant of yours", mend="the portal lists them below Access")
    times = Counter(view.table for view in views)
    tables = gate.live.catalogue().tables
    return [entity_set(tables[view.table], view) for view in views if times[view.table] == 1]


def asked_set(request: Request, gate: Gate) -> AskedSet:
    """Leave to read the set of the address. Raises Refused, and Missing where there is none."""
    parts = _PARTED.split(request.path_params["name"], 2)
    entry = gate.live.catalogue().tables.get(TableName(*parts)) if len(parts) == 3 else None
    if entry is None:
        raise Missing("there is no such entity set that you may read", mend="the service document lists them")
    user = reader_of(request)
    purpose = ""
    if (grant := request.path_params.get("grant")) is not None:
        found = [g for g in grants_of(gate.live.workspace.project, user.id, entry.name) if g.id == grant]
        if not found:
            raise Missing("there is no such grant of yours", mend="the portal lists them below Access")
        purpose = found[0].purpose
    may = leave(gate, user, entry.name, where_of(request, _DOOR), purpose)
    return AskedSet(entity_set(entry, may.release.view), may)
