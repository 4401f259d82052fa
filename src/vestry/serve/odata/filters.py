"""The language of `$filter`, as a condition.

    filter     = and { "or" and }
    and        = not { "and" not }
    not        = [ "not" ] term
    term       = "(" filter ")" | call | comparison | column
    call       = ( "contains" | "startswith" | "endswith" ) "(" column "," text ")" [ "eq" ( "true" | "false" ) ]
    comparison = column ( "eq" | "ne" | "gt" | "ge" | "lt" | "le" ) value
               | value  ( "eq" | "ne" | "gt" | "ge" | "lt" | "le" ) column
               | column "in" "(" value { "," value } ")"
    value      = text | number | date | time | "true" | "false" | "null"

A text stands between apostrophes, one inside it is doubled. `not` before a comparison needs brackets: what OData makes
of `not a eq b` is seldom what is meant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NoReturn

from vestry.serve.rows.conditions import known
from vestry.serve.rows.query import All, AnyOf, Compared, Condition, Either, Missing, Not, Operator, Wrong

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^']|'')*')
  | (?P<time>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?(?![\w.-]))
  | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))
  | (?P<name>[^\W\d]\w*)
  | (?P<mark>[(),])
  )""",
    re.VERBOSE,
)
_SIGNS: dict[str, Operator] = {"eq": "eq", "ne": "ne", "gt": "gt", "ge": "gte", "lt": "lt", "le": "lte"}
#: The same said from the other side: `5 lt cost` is `cost gt 5`.
_TURNED: dict[str, str] = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}
_CALLS: dict[str, Operator] = {"contains": "contains", "startswith": "startswith", "endswith": "endswith"}
_WORDS = {"and", "or", "not", "in", "true", "false", "null", *_SIGNS}
#: Brackets within brackets, and characters of a filter.
_DEEPEST, _LONGEST = 50, 20_000


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int

    @property
    def value(self) -> str | None:
        """What a value says; None is null."""
        if self.kind == "text":
            return self.text[1:-1].replace("''", "'")
        return None if self.text == "null" else self.text


def parse(text: str, names: Mapping[str, str], flags: Collection[str]) -> Condition:
    """The condition that a filter says; `names` has the column of each property, `flags` are columns of yes and no.

    Raises Wrong with the place where it cannot be read, and for a property that is not there.
    """
    if len(text) > _LONGEST:
        raise Wrong("the filter is too long", mend="filter what you get, or ask several times")
    parser = _Parser(_tokens(text), names, flags)
    found = parser.either(0)
    if parser.token.kind != "end":
        parser.wrong()
    return found


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if not match:
            raise Wrong(f"the filter cannot be read from character {at + 1} on", mend="a text stands between ' and '")
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return [*found, _Token("end", "", len(text))]


class _Parser:
    def __init__(self, tokens: list[_Token], names: Mapping[str, str], flags: Collection[str]) -> None:
        self._tokens, self._names, self._flags, self._at = tokens, names, flags, 0

    @property
    def token(self) -> _Token:
        return self._tokens[self._at]

    def wrong(self) -> NoReturn:
        raise Wrong(
            f"the filter cannot be read from character {self.token.at + 1} on",
            mend="such as: ward eq 'E05' and (cost ge 10 or startswith(job,'A'))",
        )

    def either(self, depth: int) -> Condition:
        parts = [self._all(depth)]
        while self._took("or"):
            parts.append(self._all(depth))
        return Either(tuple(parts)) if len(parts) > 1 else parts[0]

    def _all(self, depth: int) -> Condition:
        parts = [self._not(depth)]
        while self._took("and"):
            parts.append(self._not(depth))
        return All(tuple(parts)) if len(parts) > 1 else parts[0]

    def _not(self, depth: int) -> Condition:
        if not self._took("not"):
            return self._term(depth)
        term = self._term(depth, is_bare=True)
        return Not(term)

    def _term(self, depth: int, is_bare: bool = False) -> Condition:
        if depth > _DEEPEST:
            raise Wrong("the filter has too many brackets within brackets", mend="write it flatter")
        if self._took("("):
            found = self.either(depth + 1)
            self._need(")")
            return found
        if self.token.text in _CALLS and self._tokens[self._at + 1].text == "(":
            return self._call()
        if self.token.kind == "name" and self.token.text not in _WORDS:
            column = self._column()
            if self._took("in"):
                return AnyOf(column, self._values())
            if not is_bare and self.token.text in _SIGNS:
                return _compared(column, self._take().text, self._value())
            if column not in self._flags:
                self.wrong()
            return Compared(column, "eq", "true")
        value = self._value()
        sign = self._take().text
        if sign not in _SIGNS or is_bare:
            self._at -= 1
            self.wrong()
        return _compared(self._column(), _TURNED.get(sign, sign), value)

    def _call(self) -> Condition:
        operator = _CALLS[self._take().text]
        self._need("(")
        column = self._column()
        self._need(",")
        if self.token.kind != "text":
            self.wrong()
        found: Condition = Compared(column, operator, str(self._take().value))
        self._need(")")
        if self.token.text == "eq" and self._tokens[self._at + 1].text in ("true", "false"):
            self._at += 2
            return found if self._tokens[self._at - 1].text == "true" else Not(found)
        return found

    def _column(self) -> str:
        if self.token.kind != "name" or self.token.text in _WORDS:
            self.wrong()
        name = self._take().text
        known(self._names, name)
        return self._names[name]

    def _value(self) -> _Token:
        if self.token.kind not in ("text", "time", "number") and self.token.text not in ("true", "false", "null"):
            self.wrong()
        return self._take()

    def _values(self) -> tuple[str, ...]:
        self._need("(")
        found = [self._value()]
        while self._took(","):
            found.append(self._value())
        self._need(")")
        return tuple(token.value for token in found if token.value is not None)

    def _take(self) -> _Token:
        token = self.token
        if token.kind == "end":
            self.wrong()
        self._at += 1
        return token

    def _took(self, text: str) -> bool:
        if self.token.kind in ("name", "mark") and self.token.text == text:
            self._at += 1
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._took(text):
            self.wrong()


def _compared(column: str, sign: str, token: _Token) -> Condition:
    if token.value is not None:
        return Compared(column, _SIGNS[sign], token.value)
    if sign in ("eq", "ne"):
        return Missing(column) if sign == "eq" else Not(Missing(column))
    return Either(())  # nothing is more or less than null
