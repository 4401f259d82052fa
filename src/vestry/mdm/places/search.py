"""Finding an address as somebody types it.

Each part that was typed asks for itself: numbers and postcodes exactly (12 is not 13), words as they are, or begun, or
with one typing error. First all parts must be met as they are typed; only where that finds too little, typing errors
are allowed, and last that one part, never a number, is not met at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import tantivy
from tantivy import Occur, Query

from vestry.lake import Engine, Lake
from vestry.mdm.places.index import AddressIndex, schema
from vestry.mdm.places.model import Gazetteer, read_uprn
from vestry.mdm.places.typed import STREETS, Code, Number, Typed, Word, plain, read
from vestry.project import Project, VestryError
from vestry.project.inputs import recipe_shown

KIND = "uprn.yaml"
#: Where words stand, and what one is worth there: a street or building's name more than the place that it is in.
_WORDS = {"words": 1.0, "area": 0.8}
#: So few hits let the next, more patient search add to them.
_FEW = 5
#: Answers to texts of so few characters are kept, so many of them.
_SHORT, _KEPT = 4, 4096


@dataclass(frozen=True)
class Hit:
    """An address that was found, best first. `status` is the logical status of BS 7666: 1 is approved."""

    uprn: str
    address: str
    postcode: str | None
    status: int
    score: float


class AddressSearch:
    """An index that is open. It stays as it was when it was opened."""

    def __init__(self, folder: Path) -> None:
        self._index = tantivy.Index.open(str(folder))
        self._schema = schema()
        self._searcher = self._index.searcher()
        self._begun_so: dict[tuple[str, int], list[Hit]] = {}

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def find(self, text: str, limit: int = 10) -> list[Hit]:
        """The addresses that a text may mean, as far as it has been typed, best first, one for each property."""
        if limit < 1:
            return []
        if len(text) > _SHORT:
            return self._find(text, limit)
        # What begins so is much, and asked for again and again.
        key = (text, limit)
        if key not in self._begun_so:
            if len(self._begun_so) >= _KEPT:
                self._begun_so.clear()
            self._begun_so[key] = self._find(text, limit)
        return list(self._begun_so[key])

    def _find(self, text: str, limit: int) -> list[Hit]:
        typed = read(text)
        if not typed:
            return []
        found: dict[str, Hit] = {}
        for attempt, query in enumerate(self._attempts(typed, text)):
            if attempt > 1 and found:
                break
            self._add(found, query, limit, worse=bool(found))
            if len(found) >= min(limit, _FEW):
                break
        return list(found.values())[:limit]

    def _attempts(self, typed: Typed, text: str) -> Iterator[Query]:
        """Ever more patient readings of what was typed."""
        exact = [self._exactly(word) for word in typed.words]
        numbers, codes = self._numbers(typed), [self._code(code) for code in typed.codes]
        rank = self._rank(typed)
        yield self._all([*exact, *numbers, *codes], rank)
        if not typed.words and not typed.codes:
            return
        loose = [self._loosely(word) for word in typed.words]
        if loose:
            yield self._all([*loose, *numbers, *codes], rank)
            yield from (self._reread(other, rank) for other in _rejoined(text))
        # A word such as street does not make up for the street's name.
        telling = [q for q, word in zip(loose, typed.words, strict=True) if not STREETS & set(word.forms)]
        parts = [*telling, *codes]
        if len(parts) > 1 and len(parts) + len(numbers) > 2:
            yield self._all(numbers, rank, parts, len(parts) - 1)

    def _reread(self, text: str, rank: Sequence[Query]) -> Query:
        typed = read(text)
        words = [self._exactly(word) for word in typed.words]
        return self._all([*words, *self._numbers(typed), *(self._code(c) for c in typed.codes)], rank)

    def _all(self, must: Sequence[Query], rank: Sequence[Query], some: Sequence[Query] = (), need: int = 0) -> Query:
        """All of `must`, `need` of `some`; what else is met puts it higher."""
        parts = [(Occur.Must, q) for q in must]
        if some:
            enough = Query.boolean_query([(Occur.Should, q) for q in some], minimum_number_should_match=need)
            parts.append((Occur.Must, enough))
        return Query.boolean_query([*parts, *((Occur.Should, q) for q in rank)])

    def _add(self, found: dict[str, Hit], query: Query, limit: int, worse: bool) -> None:
        """Add what a query finds, after what was found before it."""
        # A property has several entries, so more are asked for than are wanted.
        answer = self._searcher.search(query, limit + 5, count=False, weight_by_field="weight")
        for score, place in answer.hits:
            uprn, address, postcode, status = str(self._searcher.doc(place).get_first("hit")).split("\t")
            if uprn not in found:
                found[uprn] = Hit(
                    uprn, address, postcode or None, int(status), round(0.5 * score if worse else score, 3)
                )

    # Words

    def _exactly(self, word: Word) -> Query:
        """A word as it is written, or as far as it has been typed; loosely where the gazetteer has none such."""
        known = [(f, w) for f in _WORDS for w in word.forms if self._searcher.doc_freq(f, w)]
        begun = [f for f in _WORDS if word.is_last and self._searcher.terms_with_prefix(f, word.text, limit=1)]
        is_code = word.is_last and len(word.text) < 3 and self._searcher.doc_freq("outward_begin", word.text) > 0
        if not known and not begun and not is_code:
            return self._loosely(word)
        ways = [self._term(field, form, 2.0 * _WORDS[field]) for field, form in known]
        ways += [self._begun(field, word.text, 1.4 * _WORDS[field]) for field in begun]
        # The letters that a postcode begins with.
        ways += [self._begun("outward", word.text, 1.0)] if is_code else []
        return _best(ways)

    def _loosely(self, word: Word) -> Query:
        """A word with up to one typing error, or cut short."""
        text = word.text
        ways = [self._term(field, form, 2.0 * _WORDS[field]) for field in _WORDS for form in word.forms]
        ways += [self._begun(field, text, 1.4 * _WORDS[field]) for field in _WORDS]
        if len(text) >= 3:
            whole = not word.is_last or len(text) < 4
            ways += [self._fuzzy(field, text, 1.0 * _WORDS[field], whole) for field in _WORDS]
        return _best(ways)

    def _begun(self, field: str, text: str, score: float) -> Query:
        """Words that begin so."""
        return self._term(f"{field}_begin", text, score) if len(text) < 3 else self._prefix(field, text, score)

    def _fuzzy(self, field: str, text: str, score: float, whole: bool) -> Query:
        fuzzy = Query.fuzzy_term_query(
            self._schema, field, text, distance=1, transposition_cost_one=True, prefix=not whole
        )
        return Query.const_score_query(fuzzy, score)

    # Numbers

    def _numbers(self, typed: Typed) -> list[Query]:
        """Numbers, each exactly. After a word such as flat it is the unit's; of two others the first is the unit's."""
        others = [n for n in typed.numbers if not n.of_unit]
        queries = [self._number(n) for n in typed.numbers]
        if len(others) == 2 and len(typed.numbers) == 2:
            first, second = others
            as_written = [
                (Occur.Must, self._term("unit", first.text, 1.0)),
                (Occur.Must, self._term("building", second.text, 1.0)),
            ]
            queries.append(
                Query.boolean_query(
                    [
                        (Occur.Should, Query.boolean_query(as_written)),
                        (Occur.Should, Query.const_score_query(Query.all_query(), 0.0)),
                    ]
                )
            )
        return queries

    def _number(self, number: Number) -> Query:
        text = number.text
        if number.of_unit:
            ways = [self._term("unit", text, 3.0)]
            if number.is_last:
                ways.append(self._prefix("unit", text, 1.0))
            return _best(ways)
        ways = [self._term("building", text, 3.0), self._term("unit", text, 2.5), self._term("base", text, 1.5)]
        if text[-1].isalpha() and len(text) > 1:
            apart = [
                (Occur.Must, self._term("unit", text[-1], 1.0)),
                (Occur.Must, self._term("building", text[:-1], 1.0)),
            ]
            ways.append(Query.boolean_query(apart))
        if number.is_last:
            ways += [self._prefix("building", text, 1.0), self._prefix("unit", text, 0.5)]
        return _best(ways)

    def _rank(self, typed: Typed) -> list[Query]:
        """What is preferred without being asked for: a house, where no flat was spoken of."""
        spoken = any(n.of_unit for n in typed.numbers) or len(typed.numbers) > 1
        spoken = spoken or any("flat" in w.forms for w in typed.words)
        return [] if spoken or not typed.numbers else [self._term("kind", "whole", 0.6)]

    # Postcodes

    def _code(self, code: Code) -> Query:
        whole = f"{code.outward}_{code.inward}"
        if code.is_whole:
            return self._term("code", whole, 3.0)
        if code.inward:
            return self._prefix("code", whole, 2.5)
        ways = [self._term("outward", code.outward, 2.0)]
        if code.outward[-1].isdigit() and len(code.outward) > 2 and code.outward[-2].isdigit():
            # wx12: WX12, or WX1 2.. without its space.
            ways.append(self._prefix("code", f"{code.outward[:-1]}_{code.outward[-1]}", 1.6))
        if code.is_last:
            ways.append(self._prefix("outward", code.outward, 1.4))
        # B1 may be a postcode's beginning or a flat.
        ways += [self._term("unit", code.outward, 1.8), self._term("building", code.outward, 1.8)]
        return _best(ways)

    def _term(self, field: str, text: str, score: float) -> Query:
        return Query.const_score_query(Query.term_query(self._schema, field, text, "basic"), score)

    def _prefix(self, field: str, text: str, score: float) -> Query:
        begun = Query.fuzzy_term_query(self._schema, field, text, distance=0, prefix=True)
        return Query.const_score_query(begun, score)


def _best(ways: Sequence[Query]) -> Query:
    return ways[0] if len(ways) == 1 else Query.disjunction_max_query(list(ways))


def _rejoined(text: str) -> Iterator[str]:
    """The text with a space taken out that parted a word."""
    tokens = plain(text)
    if len(tokens) > 8:
        return
    end = " " if text[-1:].isspace() else ""
    for place in range(len(tokens) - 1):
        if tokens[place].isalpha() and tokens[place + 1].isalpha():
            yield " ".join([*tokens[:place], tokens[place] + tokens[place + 1], *tokens[place + 2 :]]) + end


def gazetteer_of(project: Project) -> Gazetteer:
    """The gazetteer of a project: the one that its `.uprn.yaml` names.

    Raises VestryError where it has none.
    """
    recipes = sorted((name, table) for name, table in project.tables.items() if table.kind == KIND)
    if not recipes:
        raise VestryError(
            "the project names no gazetteer",
            mend="write a recipe <table>.uprn.yaml beside a contract: its `gazetteer:` is the table of addresses",
        )
    table = recipes[0][1]
    return read_uprn(table.recipe, recipe_shown(table))[1].gazetteer


def open_search(
    project: Project, lake: Lake, engine: Callable[[], Engine], tell: Callable[[str], None] = lambda _: None
) -> AddressSearch:
    """The search over a project's gazetteer as it is now; the index is made, or brought up to date, where it must be.

    `engine` is started only for that; `tell` hears what takes time. Raises VestryError where there is no gazetteer.
    """
    index = AddressIndex(lake, gazetteer_of(project), project.state)
    return AddressSearch(index.follow(engine, tell))
