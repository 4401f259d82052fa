"""A picture as SVG: text that a reader's style sheet may restyle by class, and that looks right without one.

Nothing is styled by `style` attributes, which a strict content security policy forbids, and nothing is told by colour
alone. All text and addresses are escaped. It has a title and a description. With links in it, it is a
`graphics-document`, for what is within a `role="img"` nobody can reach; they are not in the keyboard's order, for the
list beside it has the same links in an order that can be followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from vestry.catalogue.diagram.layout import Placed, Point, arrange
from vestry.catalogue.diagram.shapes import Box, Drawing, Line, Row

#: Fill and border of each kind of box. Text is #0b0c0c, at least 12:1 on each fill; borders are over 4.5:1 on white.
COLOURS = {
    "source": ("#f3f2f1", "#505a5f"),
    "bronze": ("#fbe3d3", "#8a3b12"),
    "silver": ("#e3eaf0", "#33566f"),
    "gold": ("#fff4cf", "#7a5c00"),
    "other": ("#ffffff", "#505a5f"),
}
_INK, _QUIET, _LINK = "#0b0c0c", "#484949", "#144e81"
_FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"
_TITLE, _SMALL = 15, 13
_HEAD, _ROW, _PAD = 48, 21, 10
_LEAST, _MOST = 150, 290
_MARGIN = 12


def svg(drawing: Drawing, prefix: str = "picture") -> str:
    """The whole `<svg>`; `prefix` begins the ids in it, where a page has several."""
    sizes = {box.key: _size(box) for box in drawing.boxes}
    least = {box.key: box.layer for box in drawing.boxes}
    placed = arrange(sizes, [(line.start, line.end) for line in drawing.lines], least)
    width, height = placed.width + 2 * _MARGIN, placed.height + 2 * _MARGIN
    note = f"and {drawing.hidden:,} more that are not shown" if drawing.hidden else ""
    # Loops on the right of the last layer, and the note below.
    full_width, full_height = width + (36 if _has_loops(drawing) else 0), height + (28 if note else 0)
    size = f'width="{full_width:.0f}" height="{full_height:.0f}" viewBox="0 0 {full_width:.0f} {full_height:.0f}"'
    has_links = any(box.href or any(row.href for row in box.rows) for box in drawing.boxes)
    role = "graphics-document" if has_links else "img"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="app-picture" role="{role}" {size} '
        f'aria-labelledby="{escape(prefix)}-title" aria-describedby="{escape(prefix)}-description" '
        f'font-family="{_FONT}" font-size="{_SMALL}" fill="{_INK}">',
        f'<title id="{escape(prefix)}-title">{escape(drawing.title)}</title>',
        f'<desc id="{escape(prefix)}-description">{escape(" ".join(filter(None, [drawing.description, note])))}</desc>',
        *(_arrow(prefix) if drawing.directed else ()),
        f'<g transform="translate({_MARGIN} {_MARGIN})">',
        *_lines(drawing, placed, sizes, prefix),
        *(part for box in drawing.boxes for part in _box(box, placed.corners[box.key], sizes[box.key])),
        "</g>",
    ]
    if note:
        parts.append(f'<text class="app-picture__note" x="{_MARGIN}" y="{height + 14:.0f}">{escape(note)}</text>')
    return "\n".join([*parts, "</svg>"])


def _has_loops(drawing: Drawing) -> bool:
    return any(line.start == line.end for line in drawing.lines)


def _arrow(prefix: str) -> Iterator[str]:
    yield (
        f'<defs><marker id="{escape(prefix)}-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="{_QUIET}"/></marker></defs>'
    )


# Boxes


def _size(box: Box) -> tuple[float, float]:
    texts = [(box.title, _TITLE, True), (box.subtitle, _SMALL, False)]
    texts += [(_row_text(row), _SMALL, False) for row in box.rows]
    wide = max(text_width(text, size, bold) for text, size, bold in texts) + 2 * _PAD
    height = _HEAD + (len(box.rows) * _ROW + _PAD / 2 if box.rows else 4)
    return min(_MOST, max(_LEAST, wide)), height


def _row_text(row: Row) -> str:
    return f"{row.text}  {row.mark}" if row.mark else row.text


def _box(box: Box, corner: Point, size: tuple[float, float]) -> Iterator[str]:
    (x, y), (width, height) = corner, size
    fill, border = COLOURS.get(box.kind, COLOURS["other"])
    room = width - 2 * _PAD
    yield f'<g class="app-picture__box app-picture__box--{escape(box.kind)}">'
    yield (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3" fill="{fill}" '
        f'stroke="{border}" stroke-width="{3 if box.chosen else 1.5}"/>'
    )
    yield from _text(box.title, box.href, x + _PAD, y + 21, room, _TITLE, bold=True)
    yield (
        f'<text x="{x + _PAD:.1f}" y="{y + 39:.1f}" fill="{_QUIET}">{escape(fitted(box.subtitle, room, _SMALL))}</text>'
    )
    if box.rows:
        line = y + _HEAD - 1
        yield f'<path d="M{x:.1f} {line:.1f}h{width:.1f}" stroke="{border}"/>'
    for number, row in enumerate(box.rows):
        at = y + _HEAD + number * _ROW + 15
        mark = text_width(row.mark, _SMALL) + 8 if row.mark else 0
        yield from _text(row.text, row.href, x + _PAD, at, room - mark, _SMALL, bold=row.chosen)
        if row.mark:
            yield (
                f'<text x="{x + width - _PAD:.1f}" y="{at:.1f}" text-anchor="end" fill="{_QUIET}">'
                f"{escape(row.mark)}</text>"
            )
    yield "</g>"


def _text(text: str, href: str | None, x: float, y: float, room: float, size: int, bold: bool = False) -> Iterator[str]:
    shown = fitted(text, room, size, bold)
    whole = f"<title>{escape(text)}</title>" if shown != text else ""
    weight = ' font-weight="bold"' if bold else ""
    look = f' fill="{_LINK}" text-decoration="underline"' if href else ""
    drawn = f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}"{weight}{look}>{whole}{escape(shown)}</text>'
    if href:
        drawn = f'<a href="{escape(href)}" tabindex="-1">{drawn}</a>'
    yield drawn


# Lines


def _lines(drawing: Drawing, placed: Placed, sizes: dict[str, tuple[float, float]], prefix: str) -> Iterator[str]:
    head = f' marker-end="url(#{escape(prefix)}-arrow)"' if drawing.directed else ""
    yield f'<g class="app-picture__lines" fill="none" stroke="{_QUIET}" stroke-width="1.25">'
    for line, route in zip(drawing.lines, placed.routes, strict=True):
        path = _path(line, route, placed, sizes)
        about = f"<title>{escape(line.label)}</title>" if line.label else ""
        yield f'<path d="{path}"{head}>{about}</path>' if about else f'<path d="{path}"{head}/>'
        if line.many:
            way = _side(line, placed)
            x, y = _end(line.start, line.start_row, placed, sizes, way)
            yield f'<path d="M{x:.1f} {y - 5:.1f}l{9 * way} 5l{-9 * way} 5"/>'
    yield "</g>"


def _side(line: Line, placed: Placed) -> int:
    """Whether a line leaves on the right (1) or on the left (-1)."""
    return 1 if placed.layers[line.start] <= placed.layers[line.end] else -1


def _end(key: str, row: int | None, placed: Placed, sizes: dict[str, tuple[float, float]], side: int) -> Point:
    x, y = placed.corners[key]
    width, height = sizes[key]
    middle = y + height / 2 if row is None else y + _HEAD + row * _ROW + 10
    return (x + width if side > 0 else x), middle


def _path(line: Line, route: Sequence[Point], placed: Placed, sizes: dict[str, tuple[float, float]]) -> str:
    side = _side(line, placed)
    start = _end(line.start, line.start_row, placed, sizes, side)
    same = placed.layers[line.start] == placed.layers[line.end]
    end = _end(line.end, line.end_row, placed, sizes, side if same else -side)
    if same:  # both in one layer, or one box twice: round on the right
        (x, y), (to, down) = start, end
        far = max(x, to) + 40
        return f"M{x:.1f} {y:.1f}C{far:.1f} {y:.1f} {far:.1f} {down:.1f} {to:.1f} {down:.1f}"
    points = [start, *route, end]
    drawn = f"M{start[0]:.1f} {start[1]:.1f}"
    for number in range(0, len(points) - 1, 2):
        (x, y), (to, down) = points[number], points[number + 1]
        middle = (x + to) / 2
        drawn += f"C{middle:.1f} {y:.1f} {middle:.1f} {down:.1f} {to:.1f} {down:.1f}"
        if number + 2 < len(points):
            drawn += f"L{points[number + 2][0]:.1f} {points[number + 2][1]:.1f}"
    return drawn


# Text

_NARROW, _SLIM, _WIDE = frozenset("ijlI.,:;'|!"), frozenset("frt()-/[] *"), frozenset("mwMW@%")


def text_width(text: str, size: int, bold: bool = False) -> float:
    """About how wide text is in Arial, in pixels, and rather too wide than too narrow."""
    ems = 0.0
    for letter in text:
        if letter in _NARROW:
            ems += 0.3
        elif letter in _SLIM:
            ems += 0.37
        elif letter in _WIDE:
            ems += 0.92
        elif letter.isupper():
            ems += 0.74
        else:
            ems += 0.58 if letter.isascii() else 1.0
    return ems * size * (1.08 if bold else 1.0)


def fitted(text: str, room: float, size: int, bold: bool = False) -> str:
    """The text, or as much of its beginning as there is room for."""
    if text_width(text, size, bold) <= room:
        return text
    left = room - text_width("…", size, bold)
    kept = ""
    for letter in text:
        left -= text_width(letter, size, bold)
        if left < 0:
            break
        kept += letter
    return kept.rstrip() + "…"
