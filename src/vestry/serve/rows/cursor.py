"""Where a page ended, sealed: it may hold values of rows, so it can neither be read nor made by whoever carries it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vestry.governance.access.keys import purpose_key
from vestry.project import Project
from vestry.serve.rows.query import Gone, Query, Wrong


@dataclass(frozen=True)
class Place:
    """The last row of a page: its values in the order's columns as text, its file and its row in that file."""

    values: tuple[str | None, ...]
    file: int
    row: int


def seal(project: Project, place: Place, version: str, query: Query, user: str) -> str:
    """A cursor for the page after `place`: good for this reader, this question and this version of what is read."""
    said = json.dumps([version, list(place.values), place.file, place.row]).encode()
    sealed = _cipher(project).encrypt(said, _bound(query, user))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def unseal(project: Project, version: str, query: Query, user: str) -> Place | None:
    """Where the question goes on; None where it begins.

    Raises Wrong for a cursor that is not of this question and reader, Gone where the rows are not those of before.
    """
    from cryptography.exceptions import InvalidTag

    if query.cursor is None:
        return None
    try:
        sealed = base64.urlsafe_b64decode(query.cursor + "=" * (-len(query.cursor) % 4))
        then, values, file, row = json.loads(_cipher(project).decrypt(sealed, _bound(query, user)))
    except (InvalidTag, ValueError):
        raise Wrong("the cursor is not of this question", mend="take it as the page before gave it") from None
    if then != version:
        raise Gone("the table, or what you may see of it, changed since the page before", mend="begin again")
    return Place(tuple(values), file, row)


def _bound(query: Query, user: str) -> Sequence[bytes]:
    same = replace(query, cursor=None, limit=None, skip=0)
    return [user.encode(), hashlib.sha256(repr(same).encode()).digest()]


def _cipher(project: Project):  # type: ignore[no-untyped-def]  # its type would cost the import
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    # The same page has the same cursor: SIV needs no number that is used once.
    return AESSIV(hashlib.sha512(purpose_key(project, "cursors of answers")).digest())
