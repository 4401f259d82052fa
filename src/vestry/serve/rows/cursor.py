"""Where a page ended, sealed: it may hold values of rows, so it can neither be read nor made by whoever carries it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vestry.governance.access.keys import own_key
from vestry.project import Project
from vestry.serve.rows.query import Gone, Query, Wrong

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV


@dataclass(frozen=True)
class Place:
    """The last row of a page: its values in the order's columns as text, its file and its row in that file."""

    values: tuple[str | None, ...]
    file: int
    row: int


def seal(project: Project, place: Place, version: str, query: Query, user: str) -> str:
    """A cursor for the page after `place`: good for this reader, this question and this version of what is read."""
    said = json.dumps([version, list(place.values), place.file, place.row])
    return sealed(project, said, user, _same(query))


def unseal(project: Project, version: str, query: Query, user: str) -> Place | None:
    """Where the question goes on; None where it begins.

    Raises Wrong for a cursor that is not of this question and reader, Gone where the rows are not those of before.
    """
    if query.cursor is None:
        return None
    then, values, file, row = json.loads(unsealed(project, query.cursor, user, _same(query)))
    if then != version:
        raise Gone("the table, or what you may see of it, changed since the page before", mend="begin again")
    return Place(tuple(values), file, row)


def sealed(project: Project, text: str, *bound: str) -> str:
    """A text that only we can read, and only together with what it is bound to; fit for an address."""
    octets = _cipher(project).encrypt(text.encode(), [b.encode() for b in bound])
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def unsealed(project: Project, said: str, *bound: str) -> str:
    """The text again. Raises Wrong where it is not one of ours, or bound to something else."""
    from cryptography.exceptions import InvalidTag

    try:
        octets = base64.urlsafe_b64decode(said + "=" * (-len(said) % 4))
        return _cipher(project).decrypt(octets, [b.encode() for b in bound]).decode()
    except (InvalidTag, ValueError):
        raise Wrong("the cursor is not of this question", mend="take it as the page before gave it") from None


def _same(query: Query) -> str:
    return hashlib.sha256(repr(replace(query, cursor=None, limit=None, skip=0)).encode()).hexdigest()


def _cipher(project: Project) -> AESSIV:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    # The same page has the same cursor: SIV needs no number that is used once.
    return AESSIV(own_key(project, "cursors of answers"))
