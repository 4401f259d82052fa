"""How two addresses are alike, told without saying what stands in them."""

from __future__ import annotations

from difflib import SequenceMatcher

from vestry.mdm.places.typed import Code, Typed, Word, read

#: Words so alike differ by a slip of the pen.
_NEARLY = 0.75


def likeness(left: str, right: str) -> list[tuple[str, str]]:
    """What may be said of each part of two addresses: its name, and how they compare."""
    a, b = read(f"{left} "), read(f"{right} ")
    return [("Numbers", _numbers(a, b)), ("Words", _words(a.words, b.words)), ("Postcode", _codes(a.codes, b.codes))]


def _numbers(a: Typed, b: Typed) -> str:
    mine, other = ({n.text for n in side.numbers} for side in (a, b))
    if not mine and not other:
        return "neither has any"
    if mine == other:
        units = ({n.text for n in side.numbers if n.of_unit} for side in (a, b))
        return "the same" if len({frozenset(u) for u in units}) == 1 else "the same, but of a flat in one only"
    if not mine or not other:
        return "only one has any"
    if mine < other or other < mine:
        return "one has a number that the other lacks"
    return "different"


def _words(a: tuple[Word, ...], b: tuple[Word, ...]) -> str:
    same = sum(any(set(word.forms) & set(w.forms) for w in b) for word in a)
    nearly = sum(any(_near(word.text, w.text) for w in b) for word in a) - same
    told = f"{same} of {len(a)} are in the other, which has {len(b)}"
    return told + (f"; {nearly} more but for a slip" if nearly > 0 else "")


def _near(a: str, b: str) -> bool:
    return SequenceMatcher(None, a, b, autojunk=False).ratio() >= _NEARLY


def _codes(a: tuple[Code, ...], b: tuple[Code, ...]) -> str:
    if not a or not b:
        return "neither has one" if not a and not b else "only one has one"
    mine, other = a[-1], b[-1]
    if (mine.outward, mine.inward) == (other.outward, other.inward):
        return "the same"
    if mine.outward != other.outward:
        return "another district" if mine.inward != other.inward else "another district, the same end"
    return "the same sector" if mine.inward[:1] and mine.inward[:1] == other.inward[:1] else "the same district"
