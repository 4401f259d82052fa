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
from vestry.project import VestryError

#: Part of the folder's name: raise it when documents are made or indexed otherwise.
_FORMAT = 2
_HEAP, _MANY = 15_000_000, 120_000_000
#: Characters of a text that are searched; the rest of a long page is found by its beginning.
_LONGEST = 20_000
#: Characters of it that are kept, to show around the words that were met.
_SHOWN = 4_000
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
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "search.lock"):  # two processes do not make it anew at once
            self._index = self._open()

    @property
    def searcher(self) -> Any:
        """The documents as they were at the last update."""
        return self._index.searcher()

    def update(self, parts: Mapping[str, Part], patience: float = 0) -> int:
        """Index the parts that are new or other than they were, and forget those that are no more.

        Returns how many documents were added; -1 where another process has been at it for `patience` seconds, which
        does the same. A part that cannot be made now stays as it was: the next update tries again.
        """
        try:
            with FileLock(self._folder / "update.lock", timeout=patience):
                added = self._update(parts)
        except Timeout:
            added = -1
        self._index.reload()
        return added

    def _update(self, parts: Mapping[str, Part]) -> int:
        known: dict[str, str] = {}
        with suppress(OSError, ValueError):
            known = dict(json.loads(self._noted.read_text()))
        changed = [name for name, part in parts.items() if known.get(name) != part.fingerprint]
        gone = known.keys() - parts.keys()
        if not changed and not gone:
            return 0
        # Before the commit: a crash between the two finds parts of no fingerprint, which are then made again.
        self._note({**known, **dict.fromkeys(changed, "")})
        writer = self._index.writer(_HEAP if known else _MANY, num_threads=1 if known else 2)
        added = 0
        try:
            if not known:
                writer.delete_all_documents()
            for name in gone:
                writer.delete_documents_by_term("part", name)
            for name in changed:
                try:
                    made = [json.dumps(_plain(name, document)) for document in parts[name].documents()]
                except (VestryError, OSError):
                    continue
                writer.delete_documents_by_term("part", name)
                for document in made:
                    writer.add_json(document)
                added += len(made)
                known[name] = parts[name].fingerprint
            writer.commit()
        finally:
            writer.wait_merging_threads()  # lets go of its lock, whatever happened
        self._note({name: mark for name, mark in known.items() if name in parts})
        return added

    def _note(self, known: Mapping[str, str]) -> None:
        aside = self._noted.with_suffix(".tmp")
        aside.write_text(json.dumps(known))
        aside.replace(self._noted)

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
