"""Values of people's data on pages: shown where the contract says that everybody may see them, else masked."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection

from markupsafe import Markup, escape

from vestry.catalogue.model import TableEntry

MASK = Markup(
    '<span class="app-nowrap"><span aria-hidden="true">•••</span>'
    '<span class="govuk-visually-hidden">not shown</span></span>'
)
NOTHING = Markup('<span class="app-quiet">not held</span>')
_SECRET = secrets.token_bytes(32)


def shown(entry: TableEntry | None, column: str, value: object, clear: Collection[str] = ()) -> Markup:
    """A value for a page: itself where its column is open, a mask where it is not, and words where there is none.

    `clear` names columns that the reader's grant shows as they are.
    """
    if value is None or value == "":
        return NOTHING
    promised = entry.by_name.get(column) if entry else None
    is_masked = promised is None or (promised.is_personal and column not in clear)
    return MASK if is_masked else escape(str(value))


def reference(*parts: str) -> str:
    """What stands for something personal in a form or an address. It says nothing, and is another after a restart."""
    return hmac.new(_SECRET, "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()[:24]
