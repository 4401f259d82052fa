"""The addresses by which what is in the catalogue is known to others: they stay while the names stay.

They begin with `url` below `[council]` in `vestry.toml` and are those of the portal's pages of the same things;
without it they are URNs, which name and cannot be opened.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from vestry.catalogue.model import Catalogue
from vestry.project import TableName
from vestry.project.models import Council


class Addresses:
    """The addresses of one council."""

    def __init__(self, catalogue: Catalogue) -> None:
        council = catalogue.project.settings.council
        #: Whether a browser can open them.
        self.can_be_opened = council.url is not None
        self.catalogue = council.url or f"urn:vestry:{quote(council.code.lower() if council.code else slug(council))}"
        self._base = f"{self.catalogue}/" if council.url else f"{self.catalogue}:"

    def of(self, *parts: str) -> str:
        """The address of what these names lead to, whatever characters are in them."""
        return self._base + "/".join(quote(part.encode("utf-8", "replace"), safe="") for part in parts)

    def domain(self, name: str) -> str:
        return self.of("products", name)

    def product(self, full_name: str) -> str:
        return self.of("products", *full_name.split("."))

    def table(self, name: TableName) -> str:
        return self.of("tables", str(name))

    def files(self, name: TableName) -> str:
        """The table in the one form in which it is there: the files of a Delta table."""
        return f"{self.table(name)}#delta"

    def column(self, table: TableName, name: str) -> str:
        return self.of("tables", str(table), "columns", name)

    def source(self, name: str) -> str:
        return self.of("sources", name)

    def term(self, key: str) -> str:
        return self.of("glossary", key)


def slug(council: Council) -> str:
    """The council's name as GOV.UK writes names in addresses: `westmarsh-city-council`."""
    plain = unicodedata.normalize("NFKD", council.name.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "council"
