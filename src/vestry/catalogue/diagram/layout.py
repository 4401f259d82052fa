"""Where the boxes of a picture stand: in layers from left to right, with few lines that cross.

igraph's Sugiyama layout puts each layer in order. It takes every box for a point, so heights and distances are ours:
each box comes as near to the middle of its neighbours as its layer lets it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Between layers and within them, in pixels.
ACROSS, BELOW = 52, 20
#: A line that only passes through a layer needs this much of its height.
_PASSING = 6
_SWEEPS = 12

Point = tuple[float, float]


@dataclass(frozen=True)
class Placed:
    """The top left corner of each box, the points that each line passes through, and the size of all of it."""

    corners: Mapping[str, Point]
    routes: Sequence[Sequence[Point]]
    layers: Mapping[str, int]
    width: float
    height: float


def arrange(
    sizes: Mapping[str, tuple[float, float]], lines: Sequence[tuple[str, str]], least: Mapping[str, int]
) -> Placed:
    """Places for boxes of those sizes (width, height), joined by lines; `least` is the least layer of each."""
    layers = _layers(sizes, lines, least)
    keys = list(sizes)
    place = {key: number for number, key in enumerate(keys)}
    level = [layers[key] for key in keys]
    height = [sizes[key][1] for key in keys]
    edges: list[tuple[int, int]] = []
    passing: list[list[int]] = []  # of each line, the points between its ends
    for start, end in lines:
        left, right = sorted((place[start], place[end]), key=lambda n: level[n])
        points = []
        last = left
        for between in range(level[left] + 1, level[right]):
            level.append(between)
            height.append(_PASSING)
            points.append(len(level) - 1)
            edges.append((last, points[-1]))
            last = points[-1]
        if level[left] != level[right]:
            edges.append((last, right))
        passing.append(points if left == place[start] else points[::-1])
    across = _order(level, edges)
    middle = _heights(level, height, edges, across)
    widths = [0.0] * (max(level, default=0) + 1)
    for key, (width, _) in sizes.items():
        widths[layers[key]] = max(widths[layers[key]], width)
    left_of = [sum(widths[:n]) + ACROSS * n for n in range(len(widths))]
    corners = {key: (left_of[level[n]], middle[n] - height[n] / 2) for key, n in place.items()}
    routes = []
    for (start, end), points in zip(lines, passing, strict=True):
        route = [(left_of[level[n]] + side * widths[level[n]], middle[n]) for n in points for side in (0, 1)]
        routes.append(route if layers[start] <= layers[end] else _sides_swapped(route))
    bottom = max((middle[n] + height[n] / 2 for n in range(len(level))), default=0.0)
    return Placed(corners, routes, layers, left_of[-1] + widths[-1], bottom)


def _sides_swapped(route: list[Point]) -> list[Point]:
    """Of a line that goes from right to left, each layer is entered on its right."""
    return [point for left, right in zip(route[::2], route[1::2], strict=True) for point in (right, left)]


def _layers(
    sizes: Mapping[str, tuple[float, float]], lines: Sequence[tuple[str, str]], least: Mapping[str, int]
) -> dict[str, int]:
    """Each box one layer after the last that leads to it; lines that go round in rings are left out for this."""
    above: dict[str, list[str]] = {key: [] for key in sizes}
    for start, end in lines:
        if start != end and start not in above[end]:
            above[end].append(start)
    found: dict[str, int] = {}
    for first in sizes:
        waiting: list[tuple[str, bool]] = [(first, False)]
        underway: set[str] = set()
        while waiting:
            key, is_done = waiting.pop()
            if is_done:
                known = [found[a] + 1 for a in above[key] if a in found]
                found[key] = max([least.get(key, 0), *known])
                underway.discard(key)
            elif key not in found and key not in underway:
                underway.add(key)
                waiting.append((key, True))
                waiting += [(a, False) for a in above[key] if a not in found]
    used = {layer: number for number, layer in enumerate(sorted(set(found.values())))}
    return {key: used[layer] for key, layer in found.items()}


def _order(level: Sequence[int], edges: Sequence[tuple[int, int]]) -> list[float]:
    """Where each point stands in its layer, as igraph orders them."""
    import igraph  # 0.1 s, and most pages have no picture

    if not level:
        return []
    graph = igraph.Graph(n=len(level), edges=list(edges), directed=True)
    layout = graph.layout_sugiyama(layers=list(level))
    return [float(x) for x, _ in layout.coords[: len(level)]]


def _heights(
    level: Sequence[int], height: Sequence[float], edges: Sequence[tuple[int, int]], across: Sequence[float]
) -> list[float]:
    """The middle of each point, from the top of the picture."""
    rows: dict[int, list[int]] = {}
    for point in sorted(range(len(level)), key=lambda n: (across[n], n)):
        rows.setdefault(level[point], []).append(point)
    neighbours: list[list[int]] = [[] for _ in level]
    for one, other in edges:
        neighbours[one].append(other)
        neighbours[other].append(one)
    middle = [0.0] * len(level)
    for row in rows.values():
        y = 0.0
        for point in row:
            middle[point] = y + height[point] / 2
            y += height[point] + BELOW
    order = sorted(rows)
    for sweep in range(_SWEEPS):
        for layer in order if sweep % 2 == 0 else order[::-1]:
            row = rows[layer]
            around = [neighbours[point] for point in row]
            wanted = [sum(middle[n] for n in named) / len(named) if named else None for named in around]
            _settle(row, wanted, height, middle)
    top = min((middle[n] - height[n] / 2 for n in range(len(level))), default=0.0)
    return [y - top for y in middle]


def _settle(row: Sequence[int], wanted: Sequence[float | None], height: Sequence[float], middle: list[float]) -> None:
    """Put the points of a layer as near to where they want to be as their order and heights let them.

    Neighbours that would overlap become one block, which stands where its members want to be on average. Who wants
    to be nowhere stands right below the one before it.
    """
    blocks: list[tuple[float, float, int, list[int]]] = []  # top, height, how many want something, members
    for point, want in zip(row, wanted, strict=True):
        end = blocks[-1][0] + blocks[-1][1] + BELOW if blocks else 0.0
        blocks.append((end if want is None else want - height[point] / 2, height[point], want is not None, [point]))
        while len(blocks) > 1:
            (top, tall, n, members), (low, deep, m, others) = blocks[-2:]
            if low >= top + tall + BELOW:
                break
            shared = (n * top + m * (low - tall - BELOW)) / (n + m) if n + m else top
            blocks[-2:] = [(shared, tall + BELOW + deep, n + m, members + others)]
    for top, _, _, members in blocks:
        for point in members:
            middle[point] = top + height[point] / 2
            top += height[point] + BELOW
