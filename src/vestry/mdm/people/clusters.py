"""From links between records to people: groups of records, in which nothing stands that tells two of them apart.

Links alone chain: A is B, B is C, and A and C are father and son. So where two records of one group are known or
very likely to be different, the group is put together again link by link, the strongest first, and a link is left
out where more speaks against any two of the records that it would join than speaks for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: The weight of what outranks every evidence: a decision, or records that the source tells apart.
CERTAIN = 1000.0

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Pairs of records by their numbers (0 to n-1), with the weight (bits) for their being one person."""

    left: Ints
    right: Ints
    weight: Floats

    def take(self, which: NDArray[np.bool_]) -> Pairs:
        return Pairs(self.left[which], self.right[which], self.weight[which])


def components(n: int, pairs: Pairs) -> Ints:
    """The connected component of each of n records, by the least number of a record in it."""
    labels = np.arange(n, dtype=np.int64)
    while True:
        left, right = labels[pairs.left], labels[pairs.right]
        if np.array_equal(left, right):
            return labels
        least = np.minimum(left, right)
        for ends in (pairs.left, pairs.right, left, right):
            np.minimum.at(labels, ends, least)
        labels = labels[labels]


def group(n: int, links: Pairs, against: Pairs) -> Ints:
    """Put n records into groups by `links`, so that nothing in `against` (weights below zero) outweighs them.

    A link of weight CERTAIN is a person's decision and yields only to what is as certain against it.
    """
    labels = components(n, links)
    inside = labels[against.left] == labels[against.right]
    if not inside.any():
        return labels
    torn = np.unique(labels[against.left[inside]])
    places = np.flatnonzero(np.isin(labels[links.left], torn))
    order = places[np.argsort(-links.weight[places], kind="stable")]
    merged = _Forest(zip(*(a[inside].tolist() for a in (against.left, against.right, against.weight)), strict=True))
    for a, b, weight in zip(
        links.left[order].tolist(), links.right[order].tolist(), links.weight[order].tolist(), strict=True
    ):
        merged.join(a, b, weight)
    members = np.flatnonzero(np.isin(labels, torn))
    roots = np.array([merged.root(m) for m in members.tolist()], dtype=np.int64)
    labels = labels.copy()
    # Numbers of records do not meet numbers of components, so both can name groups.
    labels[members] = n + roots
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


class _Forest:
    """Union-find that knows what stands between groups."""

    def __init__(self, against: Iterable[tuple[int, int, float]]) -> None:
        self._parent: dict[int, int] = {}
        #: For each root, the other roots that something stands against, and the strongest of it.
        self._apart: dict[int, dict[int, float]] = defaultdict(dict)
        for a, b, weight in against:
            worst = min(weight, self._apart[a].get(b, 0.0))
            self._apart[a][b] = self._apart[b][a] = worst

    def root(self, record: int) -> int:
        path = []
        while (parent := self._parent.get(record, record)) != record:
            path.append(record)
            record = parent
        for passed in path:
            self._parent[passed] = record
        return record

    def join(self, a: int, b: int, weight: float) -> None:
        """Make one group of two, unless more stands against it."""
        a, b = self.root(a), self.root(b)
        if a == b or weight + self._apart[a].get(b, 0.0) <= 0:
            return
        if len(self._apart[a]) < len(self._apart[b]):
            a, b = b, a
        self._parent[b] = a
        for other, against in self._apart.pop(b, {}).items():
            self._apart[other].pop(b, None)
            if other != a:
                worst = min(against, self._apart[a].get(other, 0.0))
                self._apart[a][other] = self._apart[other][a] = worst
        self._apart[a].pop(b, None)
