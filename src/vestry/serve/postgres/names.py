"""Names of roles in PostgreSQL."""

from __future__ import annotations

import hashlib
import re

from vestry.serve.postgres.server import Server

#: Ids that are names there as they are; of the rest the beginning is kept, with a digest that tells them apart.
_PLAIN = re.compile(r"[a-z0-9_]{1,40}\Z")
_TAKEN = ("data", "staff")


def role_of(server: Server, reader: str) -> str:
    """The role of a reader, and the schema with the views that are theirs."""
    if _PLAIN.match(reader) and reader not in _TAKEN:
        return f"{server.prefix}_{reader}"
    told = re.sub(r"[^a-z0-9]+", "_", reader.casefold())[:30].strip("_")
    return f"{server.prefix}_{told}_{hashlib.sha256(reader.encode()).hexdigest()[:8]}"
