"""The search that follows the catalogue."""

from __future__ import annotations

from typing import Any

from vestry.catalogue.live import Live
from vestry.catalogue.model import Catalogue
from vestry.catalogue.search.content import parts
from vestry.catalogue.search.index import SearchIndex
from vestry.catalogue.search.query import Synonyms, synonyms_of


class LiveSearch:
    """An index that is as the catalogue was a moment ago, and the glossary's synonyms."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._index = SearchIndex(live.workspace.project.state)
        self._of: Catalogue | None = None
        self.synonyms: Synonyms = {}

    @property
    def searcher(self) -> Any:
        return self._index.searcher

    def update(self, patience: float = 0) -> int:
        """Bring the index up to date; returns how many documents were added.

        Another process that is at it is waited for so many seconds; after that what was there before is searched.
        """
        catalogue = self._live.catalogue()
        if catalogue is self._of:
            return 0
        self.synonyms = synonyms_of(catalogue.glossary.terms)
        added = self._index.update(parts(catalogue, lambda: self._live.workspace.engine), patience)
        if added >= 0:
            self._of = catalogue
        return max(0, added)
