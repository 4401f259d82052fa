"""Asking: what a text may mean, among what the reader may know of.

The reader's tags stand inside the query, so hits, counts, facets and suggestions come from the same documents. Every
score is a constant of how a word was met: none depends on documents that the reader does not see.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tantivy import Occur, Query

from vestry.catalogue.search.index import analyzer, schema
from vestry.project.glossary import Term

#: The spellings of terms as their words are compared, and what else each may be read as.
Synonyms = Mapping[tuple[str, ...], Sequence[tuple[str, ...]]]
#: What is offered while somebody types: things with a name of their own.
_NAMED = ("product", "term", "table", "source", "domain", "column")
FILTERS = ("kind", "domain", "layer", "classification", "personal")
#: What more than this is typed is not read.
_LONGEST, _WORDS = 200, 10
_STOP = frozenset("a an and are as at by for from in is of on or the to what where which who with".split())  # noqa: SIM905
#: What a word is worth, by where it is met.
_FIELDS = {"title": 4.0, "names": 3.0, "text": 1.0}
_PIECES = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Hit:
    """One thing that was found; `snippet` is the part of its text that was met, in pieces: text, and whether it is."""

    kind: str
    key: str
    title: str
    domain: str
    layer: str
    classification: str
    score: float
    snippet: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class Results:
    """What was found: a page of hits, how many there are, how many of each facet, and what else was perhaps meant."""

    hits: Sequence[Hit] = ()
    total: int = 0
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    suggestion: str = ""


def search(
    searcher: Any,
    text: str,
    audience: Collection[str],
    synonyms: Synonyms,
    filters: Mapping[str, str] | None = None,
    limit: int = 20,
    offset: int = 0,
) -> Results:
    """What a text may mean, best first, to a reader who has the tags of `audience`: `limit` hits, at least one.

    A spelling that has `synonyms` finds what these find. Whatever is typed has an answer.
    """
    text = _typed(text)
    words = _words(text)
    allowed = _only({k: _typed(v) for k, v in (filters or {}).items() if k in FILTERS and v}, audience)
    if not words:
        return Results()
    ways = _others(words, synonyms)
    for query in _attempts(words, ways, text):
        whole = Query.boolean_query([(Occur.Must, query), *((Occur.Must, q) for q in allowed)])
        found = searcher.search(whole, max(1, limit), offset=offset, weight_by_field="weight")
        if found.count:
            met = {*words, *(word for group in ways for way in group for word in way)}
            hits = [_hit(searcher, place, score, met) for score, place in found.hits]
            if suggestion := _suggestion(text, hits):
                met.update(_words(suggestion))
                hits = [_hit(searcher, place, score, met) for score, place in found.hits]
            return Results(hits, found.count, _facets(searcher, whole), suggestion if not offset else "")
    return Results()


def suggest(searcher: Any, text: str, audience: Collection[str], limit: int = 8) -> list[Hit]:
    """What begins as somebody types it: things by their titles and names; with a slip where there is none without."""
    words = _words(_typed(text))
    if len(words) > 1 and len(words[-1]) == 1:  # too little to say anything yet
        words = words[:-1]
    if not words:
        return []
    things = _one_of("kind", _NAMED)
    for slips in (0, 1):
        parts = [_best(_named(word, slips, last=place == len(words) - 1)) for place, word in enumerate(words)]
        query = Query.boolean_query([(Occur.Must, q) for q in [*parts, things, *_only({}, audience)]])
        if hits := searcher.search(query, max(1, limit), count=False, weight_by_field="weight").hits:
            return [_hit(searcher, place, score, set()) for score, place in hits]
    return []


def _named(word: str, slips: int, *, last: bool) -> list[Query]:
    """Titles and names with a word, or as far as it has been typed."""
    slips = 0 if len(word) < 4 or word.isdigit() else slips
    return [_in(f, word, _FIELDS[f]) for f in ("title", "names")] + (_begun(word, slips) if last or slips else [])


def _typed(text: str) -> str:
    """What is read of a text: its beginning, and only what can be written as UTF-8."""
    return text[:_LONGEST].encode("utf-8", "replace").decode()


@lru_cache(maxsize=20_000)
def _words(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared; those that say nothing only where there are no others."""
    raw = _PIECES.findall(text)
    told = [word for word in raw if word.casefold() not in _STOP] or raw
    return tuple(w for word in told[:_WORDS] for w in analyzer().analyze(word))


def _attempts(words: Sequence[str], ways: Sequence[Sequence[Sequence[str]]], text: str) -> Iterable[Query]:
    """Ever more patient readings: as it is written, or by another word for it; with slips; most of the words."""
    exact = Query.term_query(schema(), "exact", " ".join(text.split()).casefold(), "basic")
    named = Query.const_score_query(exact, 20.0)
    written = _all([_exactly(word, last=place == len(words) - 1) for place, word in enumerate(words)])
    others = [_all([_exactly(word, last=False) for word in way]) for group in ways for way in group]
    reading = Query.disjunction_max_query([written, *(Query.boost_query(o, 0.9) for o in others), named])
    yield Query.boolean_query([(Occur.Must, reading), (Occur.Should, named)])
    loose = [_loosely(word) for word in dict.fromkeys(words)]
    yield _all(loose)
    if len(loose) > 1:
        yield Query.boolean_query([(Occur.Should, q) for q in loose], minimum_number_should_match=(len(loose) + 1) // 2)


def _exactly(word: str, *, last: bool) -> Query:
    ways = [_in(field, word, value) for field, value in _FIELDS.items()]
    return _best([*ways, *(_begun(word) if last or len(word) > 3 else ())])


def _begun(word: str, slips: int = 0) -> list[Query]:
    """Titles and names with a word that begins so, or nearly so."""
    if len(word) < 2:
        return []
    begun = [Query.fuzzy_term_query(schema(), field, word, distance=slips, prefix=True) for field in ("title", "names")]
    return [Query.const_score_query(q, value) for q, value in zip(begun, (2.0, 1.5), strict=True)]


def _loosely(word: str) -> Query:
    """A word with typing errors: one in four letters or more, two in eight or more; numbers have none."""
    ways = [_in(field, word, value) for field, value in _FIELDS.items()]
    distance = 0 if len(word) < 4 or word.isdigit() else 2 if len(word) >= 8 else 1
    if distance:
        # Long texts have a word of every kind, so there one error is enough.
        for name, value, most in (("title", 1.6, 2), ("names", 1.2, 2), ("text", 0.4, 1)):
            slips = min(distance, most)
            fuzzy = Query.fuzzy_term_query(schema(), name, word, distance=slips, transposition_cost_one=True)
            ways.append(Query.const_score_query(fuzzy, value))
    return _best([*ways, *_begun(word)])


def _in(field: str, word: str, value: float) -> Query:
    return Query.const_score_query(Query.term_query(schema(), field, word, "basic"), value)


def _best(ways: Iterable[Query]) -> Query:
    return Query.disjunction_max_query(list(ways))


def _all(parts: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Must, part) for part in parts])


def _only(filters: Mapping[str, str], audience: Collection[str]) -> list[Query]:
    """What the reader may know of, and asked for; neither counts for the score."""
    return [_one_of("audience", sorted(audience)), *(_one_of(name, [value]) for name, value in filters.items())]


def _one_of(field: str, values: Iterable[str]) -> Query:
    """Documents with one of the values, which count for no score.

    Terms, not a term set: that reads all documents of all its values each time, and these only those that are met.
    """
    terms = [(Occur.Should, Query.term_query(schema(), field, value, "basic")) for value in values]
    return Query.const_score_query(Query.boolean_query(terms), 0.0)


def _facets(searcher: Any, query: Query) -> dict[str, dict[str, int]]:
    asked = {name: {"terms": {"field": name, "size": 200}} for name in FILTERS}
    answer = searcher.aggregate(query, asked)
    return {
        name: {bucket["key"]: bucket["doc_count"] for bucket in answer[name]["buckets"] if bucket["key"] != "none"}
        for name in FILTERS
    }


def synonyms_of(terms: Mapping[str, Term]) -> Synonyms:
    """What each spelling of a term may be read as besides; made once for a glossary, not at each search."""
    found: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for key, term in terms.items():
        ways = sorted({_words(_typed(word)) for word in (key, term.name, *term.synonyms)} - {()})
        for way in ways:
            found.setdefault(way, []).extend(other for other in ways if other != way)
    return found


def _others(words: Sequence[str], known: Synonyms) -> list[list[list[str]]]:
    """The words with those of a term put for its others: for each term in them, the readings."""
    found = []
    for size in range(len(words), 0, -1):
        for start in range(len(words) - size + 1):
            others = known.get(tuple(words[start : start + size]), ())
            if others:
                found.append([[*words[:start], *other, *words[start + size :]] for other in others])
    return found[:3]


def _hit(searcher: Any, place: Any, score: float, words: Collection[str]) -> Hit:
    kind, key, title, text, domain, layer, classification = json.loads(searcher.doc(place).get_first("hit"))
    return Hit(kind, key, title, domain, layer, classification, round(score, 3), _snippet(text, words))


def _snippet(text: str, words: Collection[str], longest: int = 180) -> tuple[tuple[str, bool], ...]:
    """The text around the first word that was met, in pieces."""
    first = next((found.start() for found in _PIECES.finditer(text) if _compared(found[0]) in words), 0)
    start = min(first, text.find(" ", first - longest // 3) + 1) if first > longest // 2 else 0
    end = start + longest
    if end < len(text) and (space := text.rfind(" ", start, end)) > first:
        end = space
    pieces: list[tuple[str, bool]] = [("… ", False)] if start else []
    at = start
    for found in _PIECES.finditer(text, start, end):
        if _compared(found[0]) in words:
            pieces += [(text[at : found.start()], False), (found[0], True)]
            at = found.end()
    pieces += [(text[at:end] + (" …" if end < len(text) else ""), False)]
    return tuple((piece, hit) for piece, hit in pieces if piece)


@lru_cache(maxsize=20_000)
def _compared(word: str) -> str:
    return " ".join(analyzer().analyze(word))


def _suggestion(text: str, hits: Sequence[Hit]) -> str:
    """What was perhaps meant: each word that none of the first hits has, as the nearest word of their titles."""
    import difflib

    titles = [word.casefold() for hit in hits[:10] for word in _PIECES.findall(hit.title)]
    known = {_compared(word) for word in titles}
    told, changed = [], False
    for word in _PIECES.findall(text):
        near = difflib.get_close_matches(word.casefold(), titles, 1, 0.75)
        wrong = word.casefold() not in _STOP and len(word) > 3 and _compared(word) not in known
        # A word that a text has is no mistake, wherever it stands.
        wrong = wrong and not any(hit for h in hits for piece, hit in h.snippet if _compared(piece) == _compared(word))
        told.append(near[0] if wrong and near else word)
        changed = changed or bool(wrong and near)
    return " ".join(told) if changed else ""
