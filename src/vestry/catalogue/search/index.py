"""The search index: a cache on disk, brought up to date by change."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import tantivy
from filelock import FileLock, Timeout

from vestry.catalogue.search.document import KINDS, Document, Part

#: Part of the folder's name: raise it when documents are indexed otherwise.
_FORMAT = 1
_HEAP, _MANY = 15_000_000, 120_000_000
#: Characters of a text that are searched; the rest of a long page is found by its beginning.
_LONGEST = 20_000
_SHOWN = 400
TOKENIZER = "vestry"


@cache
def analyzer() -> Any:
    """Words as they are compared: lower case, no diacritics, English endings off."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (
        tantivy.Filter.remove_long(60),
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
        tantivy.Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


@cache
def schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("hit", stored=True, tokenizer_name="raw", index_option="basic")
    for name in ("part", "key", "exact", "audience"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("kind", "domain", "layer", "classification", "personal"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    for name in ("title", "names", "text"):
        builder.add_text_field(name, tokenizer_name=TOKENIZER, index_option="basic")
    builder.add_unsigned_field("weight", fast=True)
    return builder.build()


class SearchIndex:
    """The index of one project, below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / f"search-{_FORMAT}"
        self._noted = self._folder / "parts.json"
        self._index = self._open()

    @property
    def searcher(self) -> Any:
        """The documents as they were at the last update."""
        return self._index.searcher()

    def update(self, parts: Mapping[str, Part]) -> int:
        """Index the parts that are new or other than they were, and forget those that are no more.

        Returns how many documents were added; -1 where another process is at it, which does the same.
        """
        try:
            with FileLock(self._folder / "update.lock", timeout=0):
                return self._update(parts)
        except Timeout:
            self._index.reload()
            return -1

    def _update(self, parts: Mapping[str, Part]) -> int:
        known: dict[str, str] = {}
        with suppress(OSError, ValueError):
            known = dict(json.loads(self._noted.read_text()))
        changed = [name for name, part in parts.items() if known.get(name) != part.fingerprint]
        gone = known.keys() - parts.keys()
        if not changed and not gone:
            self._index.reload()
            return 0
        writer = self._index.writer(_HEAP if known else _MANY, num_threads=1 if known else 2)
        added = 0
        for name in [*changed, *gone]:
            if name in known:
                writer.delete_documents_by_term("part", name)
        for name in changed:
            for document in parts[name].documents():
                writer.add_json(json.dumps(_plain(name, document)))
                added += 1
        writer.commit()
        writer.wait_merging_threads()
        # After the commit: a crash between the two indexes the same parts once more, each in its own place.
        noted = {**{n: f for n, f in known.items() if n in parts}, **{n: parts[n].fingerprint for n in changed}}
        aside = self._noted.with_suffix(".tmp")
        aside.write_text(json.dumps(noted))
        aside.replace(self._noted)
        self._index.reload()
        return added

    def _open(self) -> Any:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            index = tantivy.Index(schema(), path=str(self._folder))
        except ValueError:  # it is not what it should be, and it can be made again
            shutil.rmtree(self._folder)
            self._folder.mkdir(parents=True)
            index = tantivy.Index(schema(), path=str(self._folder))
        index.register_tokenizer(TOKENIZER, analyzer())
        return index


def _plain(part: str, document: Document) -> dict[str, Any]:
    hit = [document.kind, document.key, document.title, document.text[:_SHOWN], document.domain, document.layer,
           document.classification]  # fmt: skip
    exact = {document.title.casefold(), *(n.casefold() for n in document.names)}
    exact |= {n.rpartition(".")[2].casefold() for n in document.names}
    return {
        "hit": json.dumps(hit),
        "part": part,
        "key": document.key,
        "exact": sorted(exact),
        "audience": list(document.audience),
        "kind": document.kind,
        "domain": document.domain or "none",
        "layer": document.layer or "none",
        "classification": document.classification or "none",
        "personal": "yes" if document.personal else "no",
        "title": document.title,
        "names": " ".join(document.names),
        "text": document.text[:_LONGEST],
        "weight": len(KINDS) - KINDS.index(document.kind),
    }
