"""What an export lacks, because nobody wrote it down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: So many names stand in a line; the rest are counted.
_SHOWN = 5


@dataclass(frozen=True)
class Gap:
    """What is missing of a product, a table or a term, and what was done about it."""

    of: str
    what: str
    done: str


def summed_up(gaps: Iterable[Gap]) -> list[str]:
    """A line for each kind of gap: what is missing, what was done, and of which."""
    found: dict[tuple[str, str], list[str]] = {}
    for gap in gaps:
        of = found.setdefault((gap.what, gap.done), [])
        if gap.of not in of:
            of.append(gap.of)
    lines = []
    for (what, done), of in found.items():
        names = ", ".join(of[:_SHOWN]) + (f" and {len(of) - _SHOWN:,} more" if len(of) > _SHOWN else "")
        lines.append(f"{what}: {done} ({names})")
    return lines
