"""To a portal or to a folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from vestry.client.table import Place, Table
from vestry.project import VestryError

#: Where a token is looked for that is not given: a notebook is no place for one.
TOKEN = "VESTRY_TOKEN"  # noqa: S105


@dataclass(frozen=True)
class Connection:
    """A council's data, as one reader sees them."""

    _place: Place = field(repr=False)

    @property
    def tables(self) -> list[str]:
        """The names of the tables that you may read."""
        return self._place.tables()

    def table(self, name: str, purpose: str = "") -> Table:
        """A table by its name, `domain.product.table`; a purpose where you may read it for several."""
        return Table(name, purpose, self._place)


def connect(to: str | os.PathLike[str] = ".", token: str | None = None) -> Connection:
    """A connection to a portal (`https://…`, with an API token, else that of VESTRY_TOKEN) or to a project's folder.

    Raises VestryError where there is no such project, and for a token that would go over a network in clear.
    """
    if str(to).startswith(("https://", "http://")):
        from vestry.client.portal import PortalPlace

        return Connection(PortalPlace(str(to).rstrip("/"), token or os.environ.get(TOKEN)))
    if token is not None:
        raise VestryError("a folder needs no token", mend="leave it out, or give the address of a portal")
    from vestry.client.folder import FolderPlace

    return Connection(FolderPlace(Path(to)))
