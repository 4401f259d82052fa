"""What somebody types of an address, read into its parts: words, numbers, a flat's number, a postcode or some of it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

#: Words that a gazetteer writes out and people shorten. `st` is a saint too.
SHORT = {
    "apartments": ("apts",),
    "avenue": ("ave", "av"),
    "boulevard": ("blvd", "boul"),
    "buildings": ("bldgs",),
    "building": ("bldg",),
    "close": ("cl", "clo"),
    "common": ("cmn",),
    "cottage": ("cott", "cotts", "ctg"),
    "court": ("ct", "crt"),
    "crescent": ("cres", "cr", "cresc"),
    "drive": ("dr", "drv"),
    "east": ("e",),
    "estate": ("est",),
    "farm": ("fm",),
    "floor": ("flr", "fl"),
    "gardens": ("gdns", "gdn", "gds"),
    "green": ("grn",),
    "ground": ("gnd", "grd"),
    "grove": ("gr", "gro", "grv"),
    "heights": ("hts",),
    "house": ("hse", "ho"),
    "lane": ("ln", "la"),
    "lodge": ("ldg",),
    "lower": ("lwr",),
    "mansions": ("mans",),
    "mount": ("mt",),
    "north": ("n",),
    "parade": ("pde",),
    "park": ("pk",),
    "place": ("pl",),
    "road": ("rd",),
    "row": ("rw",),
    "saint": ("st",),
    "south": ("s",),
    "square": ("sq",),
    "station": ("stn", "sta"),
    "street": ("st", "str"),
    "terrace": ("ter", "terr", "tce"),
    "tower": ("twr",),
    "upper": ("upr",),
    "villas": ("vls",),
    "walk": ("wk", "wlk"),
    "west": ("w",),
    "first": ("1st",),
    "second": ("2nd",),
    "third": ("3rd",),
}
_LONG: dict[str, list[str]] = {}
for _long, _shorts in SHORT.items():
    for _short in _shorts:
        _LONG.setdefault(_short, []).append(_long)

#: Words that end the names of many streets, and say little by themselves.
STREETS = frozenset(
    {"avenue", "close", "court", "crescent", "drive", "gardens", "green", "grove", "lane", "mews", "park", "place"}
    | {"rise", "road", "row", "saint", "square", "street", "terrace", "view", "walk", "way"}
)
#: Words before the number of a part of a building; to us they are one.
UNITS = frozenset(
    (
        "flat",
        "flats",
        "flt",
        "fl",
        "apartment",
        "apt",
        "appt",
        "aptmt",
        "unit",
        "room",
        "rm",
        "studio",
        "suite",
        "bedsit",
    )
)
#: Words before `flat` that say which it is: the number after it is the building's.
_WHICH = frozenset(
    ("floor", "flr", "the", "basement", "ground", "first", "second", "third", "top", "upper", "lower", "garden", "rear")
)
_NUMBER = re.compile(r"\d+[a-z]?\Z")
_PART = re.compile(r"(\d+[a-z]?|[a-z]\d*)\Z")
_OUTWARD = r"[a-z]{1,2}\d[a-z\d]?"
_POSTCODE = re.compile(rf"({_OUTWARD})(\d[a-z]{{0,2}})\Z")
_IS_OUTWARD = re.compile(rf"{_OUTWARD}\Z")
_INWARD = re.compile(r"\d[a-z]{0,2}\Z")


@dataclass(frozen=True)
class Word:
    """A word, in the ways in which the gazetteer may write it; `is_last` while it is still being typed."""

    text: str
    forms: tuple[str, ...]
    is_last: bool = False


@dataclass(frozen=True)
class Number:
    """A number, perhaps with its letter; `of_unit` where a word such as flat stands before it."""

    text: str
    of_unit: bool = False
    is_last: bool = False


@dataclass(frozen=True)
class Code:
    """A postcode or the beginning of one: `outward`, and some of the inward half, where it can be told.

    `outward` alone may also be the beginning of a postcode written without its space: `wx12` is WX12, or WX1 2.
    """

    outward: str
    inward: str = ""
    is_last: bool = False

    @property
    def is_whole(self) -> bool:
        return len(self.inward) == 3


@dataclass(frozen=True)
class Typed:
    """A typed text in its parts."""

    words: tuple[Word, ...] = ()
    numbers: tuple[Number, ...] = ()
    codes: tuple[Code, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.numbers or self.codes)


def plain(text: str) -> list[str]:
    """Lower-case words without accents and apostrophes. A number that a word was typed on to stands alone."""
    folded = unicodedata.normalize("NFKD", text.lower())
    folded = "".join(c for c in folded if not unicodedata.combining(c))
    folded = re.sub(r"['’‘`´]", "", folded)
    return re.sub(r"\b(\d+)(?!st\b|nd\b|rd\b|th\b)([a-z]{3,})", r"\1 \2", re.sub(r"[^a-z0-9]+", " ", folded)).split()


def forms(word: str) -> tuple[str, ...]:
    """A word, and what it may be short for."""
    return (word, *_LONG.get(word, ()))


def read(text: str) -> Typed:
    """The parts of a text as far as it has been typed: its last word is not ended, unless a space follows it."""
    tokens = plain(text)[:24]
    ended = text[-1:].isspace()
    words: list[Word] = []
    numbers: list[Number] = []
    codes: list[Code] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        following = tokens[place + 1] if place + 1 < len(tokens) else ""
        here = place
        place += 1

        def last(used: int) -> bool:
            return used == len(tokens) and not ended

        if token in ("no", "number", "num") and _NUMBER.match(following):
            continue
        before = tokens[here - 1] if here else ""
        if token in UNITS and before not in _WHICH and _PART.match(following) and not _outward_at(tokens, place):
            place += 1
            numbers.append(Number(following, of_unit=True, is_last=last(place)))
        elif found := _POSTCODE.match(token):
            outward, inward = found[1], found[2]
            if len(inward) == 1 and not inward.isalpha() and _IS_OUTWARD.match(token) and _INWARD.match(following):
                outward, inward = token, following
                place += 1
            elif len(inward) < 3 and _IS_OUTWARD.match(token):
                outward, inward = token, ""
            codes.append(Code(outward, inward, last(place)))
        elif _IS_OUTWARD.match(token) and len(token) > 1:
            inward = ""
            if _INWARD.match(following) and (len(following) != 1 or place + 1 == len(tokens)):
                inward = following
                place += 1
            codes.append(Code(token, inward, last(place)))
        elif token.isdigit() and len(following) == 1 and following.isalpha() and here + 2 < len(tokens):
            # 12 a high street: 12A.
            place += 1
            numbers.append(Number(token + following))
        elif _NUMBER.match(token):
            numbers.append(Number(token, is_last=last(place)))
        else:
            words.append(Word(token, ("flat",) if token in UNITS else forms(token), last(place)))
    return Typed(tuple(words), tuple(numbers), tuple(codes))


def _outward_at(tokens: list[str], place: int) -> bool:
    """Do a whole postcode's two halves stand here?"""
    return (
        place + 1 < len(tokens)
        and bool(_IS_OUTWARD.match(tokens[place]))
        and bool(re.match(r"\d[a-z]{2}\Z", tokens[place + 1]))
    )
