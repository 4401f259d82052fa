"""Addresses of files: signed, bound to the credential that asked for them, and good for a quarter of an hour.

What is signed is everything that an address says. It opens nothing by itself: whoever fetches is let through the gate
again, so what was taken away since is not given.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from urllib.parse import quote, urlencode

from vestry.governance.access.keys import own_key
from vestry.project import Project

_USE = "addresses of shared files"
#: Seconds for which an address is good.
LIFETIME = 15 * 60
#: In the Delta format clients take an address as signed only by a name that a cloud's store uses.
_SIGNATURE = "X-Amz-Signature"


@dataclass(frozen=True)
class Address:
    """A file of a release, for one credential, until a moment (seconds since 1970)."""

    share: str
    schema: str
    table: str
    #: The table that holds the release.
    release: str
    file: str
    credential: str
    until: int

    def path(self, project: Project) -> str:
        """The path with its signature, below the door's own."""
        where = "/".join(quote(part, safe="") for part in (self.share, self.schema, self.table, self.file))
        said = {"release": self.release, "credential": self.credential, "until": self.until}
        return f"/files/{where}?{urlencode({**said, _SIGNATURE: _signature(project, self)})}"


def address_of(project: Project, at: int, parts: Mapping[str, str], query: Mapping[str, str]) -> Address | None:
    """The address that a path and a query are; None where it is not signed by us, or is over."""
    until = query.get("until", "")
    if not (until.isascii() and until.isdigit() and len(until) < 12):
        return None
    found = Address(
        parts["share"],
        parts["schema"],
        parts["table"],
        query.get("release", ""),
        parts["file"],
        query.get("credential", ""),
        int(until),
    )
    is_ours = hmac.compare_digest(_signature(project, found).encode(), query.get(_SIGNATURE, "").encode())
    return found if is_ours and at < found.until else None


def _signature(project: Project, address: Address) -> str:
    return hmac.new(own_key(project, _USE), json.dumps(astuple(address)).encode(), hashlib.sha256).hexdigest()
