"""From a header as people write it to a column's name: `Net Amount ` is `net_amount`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Columns:
    """The columns of one file: name, header and place side by side; missing ones come last."""

    names: tuple[str, ...]
    headers: tuple[str, ...]
    places: tuple[int | None, ...]
    """Where in the file's row, from 0; None for a canonical column the file does not have."""
    missing: tuple[str, ...]

    @property
    def present(self) -> tuple[tuple[str, int], ...]:
        return tuple((n, p) for n, p in zip(self.names, self.places, strict=True) if p is not None)


def snake_case(header: str) -> str:
    """ASCII snake_case of a header; "" where nothing of it is left.

    `Net Amount ` net_amount, `£ paid` paid, `NetAmount` net_amount, `2023 paid` x2023_paid
    (a name begins with a letter; one with `_` would clash with the platform's own columns).
    """
    plain = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode()
    plain = plain.replace("'", "")
    name = _OTHER.sub("_", _CAMEL.sub("_", plain).lower()).strip("_")
    return f"x{name}" if name[:1].isdigit() else name


def bare(header: str) -> str:
    """What is compared when headers are matched: letters and digits only, whatever their case."""
    return "".join(c for c in unicodedata.normalize("NFKC", header).casefold() if c.isalnum())


def name_columns(headers: Sequence[str], kept: Sequence[int], known: Mapping[str, Sequence[str]]) -> Columns:
    """Names for the `kept` places of a header: the canonical name where one matches, else its own.

    A canonical name is given once, to the first header that matches; a name that is there
    already gets `_2`, `_3`, …; a column without a header is `column_5`, by its place.
    """
    by_bare: dict[str, str] = {}
    for canonical, heads in known.items():
        for head in (canonical, *heads):
            by_bare.setdefault(bare(head), canonical)
    matched: dict[int, str] = {}
    for place in kept:
        found = by_bare.get(bare(headers[place]))
        if found is not None and headers[place].strip() and found not in matched.values():
            matched[place] = found
    taken = set(known)
    names: list[str] = []
    for place in kept:
        names.append(matched.get(place) or _free(snake_case(headers[place]) or f"column_{place + 1}", taken))
        taken.add(names[-1])
    missing = tuple(c for c in known if c not in matched.values())
    return Columns(
        names=(*names, *missing),
        headers=(*(headers[place] for place in kept), *("" for _ in missing)),
        places=(*kept, *(None for _ in missing)),
        missing=missing,
    )


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
