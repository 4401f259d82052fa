"""Pictures of tables and what joins them, as SVG: drawn on the server, with links, for people who see it.

Who does not see it has the same beside it as a list: the picture says in its description where that is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from xml.sax.saxutils import escape, quoteattr

from markupsafe import Markup

from vestry.catalogue.model import Catalogue
from vestry.project import TableName

#: A picture of more boxes is read by nobody: the nearest are drawn, and how many are left out is said.
MOST = 60
_WIDTH, _HEIGHT, _ACROSS, _BETWEEN, _EDGE = 190, 44, 70, 16, 12
_LINE = 16
#: Characters that fit in a box.
_FITS = 27


@dataclass(frozen=True)
class Box:
    """One box: a title, lines below it, the class that gives its colour, and the page that it leads to."""

    key: str
    title: str
    kind: str
    href: str
    lines: tuple[str, ...] = ()
    chosen: bool = False

    @property
    def height(self) -> int:
        return _HEIGHT + _LINE * max(0, len(self.lines) - 1)


@dataclass(frozen=True)
class Picture:
    """An SVG, and how many boxes were left out of it."""

    svg: str
    left_out: int = 0

    @property
    def markup(self) -> Markup:
        """As a template takes it: it is drawn here, and every text in it is escaped."""
        return Markup(self.svg)  # noqa: S704


def of_tables(
    catalogue: Catalogue, chosen: Collection[TableName], href: Callable[[TableName], str], source: Callable[[str], str]
) -> Picture:
    """Some tables between what they come from, back to the sources, and what is made of them."""
    near = _nearest(catalogue, chosen)
    shown = near[:MOST]
    names = set(shown)
    boxes, edges = {}, []
    for name in shown:
        entry = catalogue.tables.get(name)
        layer = entry.layer if entry else "system"
        boxes[str(name)] = Box(
            str(name), name.table, layer, href(name), (f"{name.domain}.{name.product}",), name in chosen
        )
        edges += [(str(i), str(name)) for i in (entry.inputs if entry else ()) if i in names]
        if name in catalogue.project.bronze and not (entry and entry.inputs):
            key = f"source {name.product}"
            boxes.setdefault(key, Box(key, name.product.replace("_", " "), "source", source(name.product), ("source",)))
            edges.append((key, str(name)))
    title = f"Where {_listed(chosen)} comes from and what is made of it"
    return Picture(drawn(list(boxes.values()), edges, title), len(near) - len(shown))


def _nearest(catalogue: Catalogue, chosen: Collection[TableName]) -> list[TableName]:
    """What is upstream or downstream of some tables, the nearest first."""
    found = sorted(chosen)
    seen = set(found)
    steps = catalogue.graph.steps
    above, below = list(found), list(found)
    while above or below:
        above = sorted({n for name in above for n in steps[name].inputs if n in steps} - seen)
        below = sorted({n for name in below for n in catalogue.readers(name)} - seen - set(above))
        seen.update(above, below)
        found += [*above, *below]
    return found


def drawn(boxes: Sequence[Box], edges: Sequence[tuple[str, str]], title: str) -> str:
    """Boxes in layers from left to right along the edges (pairs of keys), as SVG."""
    place = _laid_out(boxes, edges)
    width = max((x for x, _ in place.values()), default=0) + _WIDTH + 2 * _EDGE
    height = max((place[b.key][1] + b.height for b in boxes), default=0) + 2 * _EDGE
    by_key = {box.key: box for box in boxes}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="app-picture" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label={quoteattr(title + ". The same is listed below.")}>'
    ]
    for start, end in edges:
        (x1, y1), (x2, y2) = place[start], place[end]
        x1, y1, x2, y2 = (
            x1 + _WIDTH + _EDGE,
            y1 + by_key[start].height // 2 + _EDGE,
            x2 + _EDGE,
            y2 + by_key[end].height // 2 + _EDGE,
        )
        bend = max(30, (x2 - x1) // 2)
        parts.append(f'<path class="app-edge" d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"/>')
    for box in boxes:
        x, y = place[box.key][0] + _EDGE, place[box.key][1] + _EDGE
        kind = f"app-box app-box-{box.kind}" + (" app-box-chosen" if box.chosen else "")
        lines = "".join(
            f'<text class="app-box-line" x="{x + 10}" y="{y + 35 + n * _LINE}">{escape(_cut(line))}</text>'
            for n, line in enumerate(box.lines)
        )
        # Not in the order of the keyboard: the list below has the same links, in an order that can be followed.
        parts.append(
            f'<a href={quoteattr(box.href)} tabindex="-1"><rect class="{kind}" x="{x}" y="{y}" width="{_WIDTH}" '
            f'height="{box.height}" rx="3"/><text class="app-box-title" x="{x + 10}" y="{y + 18}">'
            f"{escape(_cut(box.title))}</text>{lines}</a>"
        )
    return "".join([*parts, "</svg>"])


def _laid_out(boxes: Sequence[Box], edges: Sequence[tuple[str, str]]) -> dict[str, tuple[int, int]]:
    """The left upper corner of each box: layers by the longest path, within a layer as few crossings as can be."""
    import igraph

    number = {box.key: n for n, box in enumerate(boxes)}
    graph = igraph.Graph(len(boxes), [(number[a], number[b]) for a, b in edges], directed=True)
    circles = set(graph.feedback_arc_set(method="eades"))  # edges that lead back: they do not count for the layers
    layer = _layers(len(boxes), [edge for n, edge in enumerate(graph.get_edgelist()) if n not in circles])
    # The library knows ranks only as what is given, and orders within them.
    layout = graph.layout_sugiyama(layers=layer, maxiter=200) if boxes else []
    rows: dict[int, list[int]] = {}
    for n in range(len(boxes)):
        rows.setdefault(layer[n], []).append(n)
    place: dict[str, tuple[int, int]] = {}
    heights = {at: sum(boxes[n].height + _BETWEEN for n in members) - _BETWEEN for at, members in rows.items()}
    tallest = max(heights.values(), default=0)
    for at, members in rows.items():
        y = (tallest - heights[at]) // 2
        for n in sorted(members, key=lambda m: layout[m][0]):
            place[boxes[n].key] = at * (_WIDTH + _ACROSS), y
            y += boxes[n].height + _BETWEEN
    return place


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """For each the longest way to it from where nothing leads to; the edges have no circle."""
    after: dict[int, list[int]] = {n: [] for n in range(count)}
    for start, end in edges:
        after[end].append(start)
    layer = [0] * count
    for n in TopologicalSorter(after).static_order():
        layer[n] = max((layer[before] + 1 for before in after[n]), default=0)
    return layer


def _cut(text: str) -> str:
    return text if len(text) <= _FITS else text[: _FITS - 1] + "…"


def _listed(names: Collection[TableName]) -> str:
    return ", ".join(map(str, sorted(names)[:3])) + (" and more" if len(names) > 3 else "")


def of_entities(
    tables: Mapping[str, Sequence[str]], ties: Sequence[tuple[str, str]], href: Callable[[str], str], title: str
) -> Picture:
    """Tables with their keys, and the references between them; `tables` gives the lines of each box."""
    boxes = [Box(name, name.rpartition(".")[2], "entity", href(name), tuple(lines)) for name, lines in tables.items()]
    return Picture(
        drawn(boxes[:MOST], [t for t in ties if set(t) <= {b.key for b in boxes[:MOST]}], title),
        max(0, len(boxes) - MOST),
    )
