"""Where a table begins and ends in a grid of cells: header, preamble, totals. For text and sheets alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from vestry.ingest.files.model import BLANK, is_blank
from vestry.ingest.files.names import bare

Row = Sequence[str]
Merged = tuple[int, int, int, int]
"""Merged cells: first row, first column, last row, last column, all inclusive."""

_NUMBER = re.compile(r"[-+(\s]*[£$€]?\s*-?(\d[\d,]*(\.\d*)?|\.\d+)(e[-+]?\d+)?\s*%?[\s)\-]*(cr|dr)?", re.I)
_DATE = re.compile(
    r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}([ T]\d.*)?"
    r"|\d{1,2}[ -][A-Za-z]{3,9}[ ,-]+\d{2,4}([ T]\d.*)?"
    r"|\d{1,2}:\d\d(:\d\d)?"
)
_YEAR = re.compile(r"(19|20|21)\d\d(\.0)?")
_TOTAL = re.compile(r"((grand|sub|overall|report|column|page)[\s-]*)?totals?(\s+(amount|value|paid|spend))?\s*:?", re.I)
_LOOK = 30
"""How many rows may stand above a header, and how many below it are compared with it."""

A_TOTAL = "a total, not a row"
A_NOTE = "a note under the table, not a row"


@dataclass(frozen=True)
class Header:
    """A header found in a grid: rows `first` to `last` (from 0), joined to one row of `cells`.

    `last` is -1 where the table has none: its columns then go by number.
    """

    first: int
    last: int
    cells: tuple[str, ...]

    @property
    def exists(self) -> bool:
        return self.last >= 0


@dataclass(frozen=True)
class Shape:
    """What a row of the table mostly looks like, to tell a total from a row."""

    typical: int
    """Cells that are filled in the median row."""
    keyed: frozenset[int]
    """Places of text or dates that (nearly) every row fills."""


def cell_kind(cell: str) -> str:
    """blank, number, date or text."""
    cell = cell.strip(BLANK)
    if not cell:
        return "blank"
    if _NUMBER.fullmatch(cell):
        return "number"
    return "date" if _DATE.fullmatch(cell) else "text"


def filled(row: Row) -> int:
    return sum(1 for cell in row if not is_blank(cell))


def extent(row: Row) -> int:
    """Places up to the last that is not blank."""
    for place in range(len(row), 0, -1):
        if not is_blank(row[place - 1]):
            return place
    return 0


def find_header(
    rows: Sequence[Row],
    known: Mapping[str, Sequence[str]],
    header_rows: int | None = None,
    merged: Sequence[Merged] = (),
) -> Header:
    """The header of the table in `rows`.

    It is the row with the names that the source lists; else the first that is as wide as the rows below
    and all text, where a row of numbers and dates has not come before it. `merged` are the merged cells
    where they are known.
    """
    at = _best_match(rows, known)
    if at is None:
        at = _first_like_header(rows)
    if at is None:
        return Header(0, -1, tuple("" for _ in range(max((extent(r) for r in rows), default=0))))
    return header_at(rows, at, header_rows, merged, found=True)


def header_at(
    rows: Sequence[Row],
    at: int,
    header_rows: int | None = None,
    merged: Sequence[Merged] = (),
    *,
    found: bool = False,
) -> Header:
    """The header that begins on row `at`, with the row below it where it has two.

    With `found`, `at` is a guess that may have hit the lower row of two.
    """
    first = at
    if found and at > 0 and header_rows != 1 and _is_group(rows, at - 1, merged):
        first = at - 1
    if header_rows is not None:
        last = min(first + header_rows - 1, len(rows) - 1)
    elif first < at or (at + 1 < len(rows) and (_is_group(rows, at, merged) or _is_sub(rows, at))):
        last = first + 1
    else:
        last = at
    cells = tuple(rows[first])
    for below in range(first + 1, last + 1):
        cells = _join(_spread(cells, first, merged), rows[below])
    return Header(first, last, cells)


def shape_of(rows: Sequence[Row]) -> Shape:
    """The shape of the data rows in a sample (the last few, where totals stand, count for less)."""
    rows = [row for row in rows if filled(row)]
    if len(rows) > 1:
        rows = rows[:-3] if len(rows) >= 8 else rows[:-1]
    if not rows:
        return Shape(0, frozenset())
    keyed = set()
    for place in range(max(len(row) for row in rows)):
        cells = [row[place] for row in rows if place < len(row) and not is_blank(row[place])]
        kinds = [cell_kind(cell) for cell in cells[:200]]
        if len(cells) >= 0.98 * len(rows) and kinds.count("number") * 2 < len(kinds):
            keyed.add(place)
    return Shape(int(median(filled(row) for row in rows)), frozenset(keyed))


def not_a_row(row: Row, shape: Shape, after_gap: bool) -> str | None:
    """Why one of the last rows is no data: a total or a note under the table. None where it is data.

    A total says so and has only numbers beside, or it is nearly empty but for numbers where every
    other row has text. A note is a single text of some words after a gap.
    """
    cells = [(place, cell.strip(BLANK)) for place, cell in enumerate(row) if not is_blank(cell)]
    texts = [cell for _, cell in cells if cell_kind(cell) != "number"]
    if len(texts) == 1 and _TOTAL.fullmatch(texts[0]):
        return A_TOTAL
    if not cells:
        return None
    if not texts:
        few = 3 if not after_gap else 2
        lacks_key = bool(shape.keyed - {place for place, _ in cells})
        return A_TOTAL if lacks_key and len(cells) * few <= shape.typical else None
    place, text = cells[0]
    if after_gap and len(cells) == 1 and shape.typical >= 3 and place == 0 and (" " in text or ":" in text):
        return A_NOTE
    return None


def same_cells(row: Row, header: Row) -> bool:
    """Whether a row repeats the header, whatever the case and the spaces around."""
    width = max(len(row), len(header))
    left = [c.strip(BLANK).lower() for c in row] + [""] * (width - len(row))
    right = [c.strip(BLANK).lower() for c in header] + [""] * (width - len(header))
    return left == right


def _best_match(rows: Sequence[Row], known: Mapping[str, Sequence[str]]) -> int | None:
    """The row with the most of the source's headers, if it has two of them and half of its own."""
    heads = {bare(head) for canonical, names in known.items() for head in (canonical, *names)} - {""}
    best, most = None, 1 if len(known) > 1 else 0
    for number, row in enumerate(rows[: _LOOK * 2]):
        hits = len({bare(cell) for cell in row} & heads)
        if hits > most and hits * 3 >= filled(row):
            best, most = number, hits
    return best


def _first_like_header(rows: Sequence[Row]) -> int | None:
    fallback: tuple[float, int] | None = None
    for at, row in enumerate(rows[:_LOOK]):
        count = filled(row)
        if not count:
            continue
        below = [r for r in rows[at + 1 : at + 1 + 200] if filled(r)]
        typical = median([filled(r) for r in below]) if below else count
        share = min(1.0, count / typical) if typical else 1.0
        textual = _is_textual(row)
        if textual and (share >= 0.75 or (share >= 0.6 and typical <= 3 and _contrast(row, below))):
            return at
        if not textual and share >= 0.75 and _is_like(row, below):
            break  # a row of data: nothing below it is the header
        if textual and share >= 0.5 and (fallback is None or share > fallback[0]):
            fallback = (share, at)
    return fallback[1] if fallback else None


def _is_textual(row: Row) -> bool:
    """All labels: no numbers and no dates, but years may head columns."""
    cells = [cell.strip(BLANK) for cell in row if not is_blank(cell)]
    kinds = [cell_kind(cell) for cell in cells]
    numbers = [c for c, kind in zip(cells, kinds, strict=True) if kind == "number" and not _YEAR.fullmatch(c)]
    if numbers or "date" in kinds:
        return False
    return "text" in kinds and len({c.lower() for c in cells}) * 2 >= len(cells)


def _contrast(row: Row, below: Sequence[Row]) -> bool:
    """Whether some column has numbers or dates below a text."""
    return any(
        cell_kind(cell) == "text" and _kind_below(place, below) in ("number", "date") for place, cell in enumerate(row)
    )


def _is_like(row: Row, below: Sequence[Row]) -> bool:
    """Whether the cells are of the kinds of the cells below them, numbers and dates above all."""
    pairs = [(cell_kind(cell), _kind_below(place, below)) for place, cell in enumerate(row)]
    typed = [(own, other) for own, other in pairs if own in ("number", "date")]
    return not below or sum(own == other for own, other in typed) * 5 >= len(typed) * 3


def _kind_below(place: int, below: Sequence[Row]) -> str:
    kinds = [cell_kind(row[place]) for row in below[:_LOOK] if place < len(row)]
    kinds = [kind for kind in kinds if kind != "blank"]
    return max(set(kinds), key=kinds.count) if kinds else "blank"


def _is_group(rows: Sequence[Row], at: int, merged: Sequence[Merged]) -> bool:
    """Whether row `at` heads groups of the names on the row below it."""
    if at + 1 >= len(rows):
        return False
    row, below = rows[at], rows[at + 1]
    if not filled(row) or not filled(below) or not _is_textual(below):
        return False
    wide = [m for m in merged if m[0] == at and m[3] > m[1] and not is_blank(row[m[1]])]
    if wide and not (filled(row) == 1 and wide[0][1] == 0):  # that would be a title over the table
        return all(cell_kind(cell) != "date" for cell in row if not is_blank(cell))
    names, places = filled(below), [p for p, cell in enumerate(row) if not is_blank(cell)]
    if names < 3 or len(places) < 2 or filled(row) >= names:
        return False
    if any(cell_kind(row[p]) != "text" and not _YEAR.fullmatch(row[p].strip(BLANK)) for p in places):
        return False
    gaps = any(b - a > 1 for a, b in pairwise(places))
    covers = places[-1] * 2 >= extent(below)
    named_below = all(p < len(below) and not is_blank(below[p]) for p in places)
    data = rows[at + 2 : at + 2 + _LOOK]
    return gaps and covers and named_below and (not data or _contrast(below, data) or _repeats(below))


def _repeats(row: Row) -> bool:
    cells = [cell.strip(BLANK).lower() for cell in row if not is_blank(cell)]
    return len(set(cells)) < len(cells)


def _is_sub(rows: Sequence[Row], at: int) -> bool:
    """Whether the row below names the gaps of row `at`: `Area,Repairs,,Notes` over `,Done,Open,`."""
    if at + 1 >= len(rows):
        return False
    row, below = rows[at], rows[at + 1]
    width = extent(row)
    gaps = [p for p in range(1, max(width, extent(below))) if p >= len(row) or is_blank(row[p])]
    named = [p for p, cell in enumerate(below) if not is_blank(cell)]
    if not gaps or not named or any(cell_kind(below[p]) != "text" for p in named):
        return False
    empty = [p for p, cell in enumerate(row) if not is_blank(cell) and (p >= len(below) or is_blank(below[p]))]
    data = rows[at + 2 : at + 2 + _LOOK]
    return set(gaps) <= set(named) and 0 in empty and bool(data) and _contrast(below, data)


def _spread(cells: tuple[str, ...], top: int, merged: Sequence[Merged]) -> tuple[str, ...]:
    """Group names carried over the columns they stand above: by merged cells, else up to the next name."""
    exact = [m for m in merged if m[0] == top]
    out = list(cells)
    if exact:
        for first_row, first, _, last in exact:
            if first_row == top and first < len(out):
                out.extend([""] * (last + 1 - len(out)))
                out[first : last + 1] = [out[first]] * (last + 1 - first)
        return tuple(out)
    carried = ""
    for place, cell in enumerate(out):
        carried = cell if not is_blank(cell) else carried
        out[place] = carried
    return tuple(out)


def _join(groups: tuple[str, ...], subs: Row) -> tuple[str, ...]:
    width = max(extent(groups), extent(subs))
    last_group = next((g for g in reversed(groups) if not is_blank(g)), "")
    joined = []
    for place in range(width):
        group = groups[place].strip(BLANK) if place < len(groups) else last_group.strip(BLANK)
        sub = subs[place].strip(BLANK) if place < len(subs) else ""
        if not sub or group.lower() == sub.lower():
            joined.append(group)
        else:
            joined.append(f"{group} {sub}".strip())
    return tuple(joined)


def looks_like_header(rows: Sequence[Row], at: int) -> bool:
    """Whether a header stands on row `at`: labels only, over rows that hold numbers or dates below them."""
    below = rows[at + 1 : at + 1 + _LOOK]
    return bool(below) and _is_textual(rows[at]) and _contrast(rows[at], below)
