"""The search that follows the catalogue."""

from __future__ import annotations

from typing import Any

from vestry.catalogue.live import Live
from vestry.catalogue.model import Catalogue
from vestry.catalogue.search.content import parts
from vestry.catalogue.search.index import SearchIndex


class LiveSearch:
    """An index that is as the catalogue was a moment ago."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._index = SearchIndex(live.workspace.project.state)
        self._of: Catalogue | None = None

    @property
    def searcher(self) -> Any:
        return self._index.searcher

    def update(self) -> int:
        """Bring the index up to date; returns how many documents were added."""
        catalogue = self._live.catalogue()
        if catalogue is self._of:
            return 0
        added = self._index.update(parts(catalogue, lambda: self._live.workspace.engine))
        if added >= 0:
            self._of = catalogue
        return max(0, added)
