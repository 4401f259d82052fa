"""From links between records to people: groups of records, in which nothing stands that tells two of them apart.

Links alone chain: A is B, B is C, and A and C are father and son. So where two records of one group are known or
very likely to be different, the group is put together again link by link, the strongest first, and a link is left
out where more speaks against any two of the records that it would join than speaks for it. And between two groups,
each of several records, are many pairs, of which one may be alike by accident: what joins them must say more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: The weight of what outranks every evidence: a decision, or records that the source tells apart.
CERTAIN = 1000.0

#: From so many bits on a link holds by itself.
_STRONG = 6.0
#: Bits that weak links between two groups need for each doubling of the pairs that there are between them.
_PER_DOUBLING = 2.0

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
    links = _supported(n, links)
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


def _supported(n: int, links: Pairs) -> Pairs:
    """The links, less the weak ones between two groups of several records that say too little together.

    A group is what strong links hold together; to a single record any link will do.
    """
    groups = components(n, links.take(links.weight >= _STRONG))
    sizes = np.bincount(groups, minlength=n)
    left, right = groups[links.left], groups[links.right]
    between = np.flatnonzero((left != right) & (sizes[left] > 1) & (sizes[right] > 1))
    two = np.sort(np.column_stack((left[between], right[between])), axis=1)
    ends, place = np.unique(two, axis=0, return_inverse=True)
    said = np.bincount(place.ravel(), weights=links.weight[between], minlength=len(ends))
    pairs = sizes[ends[:, 0]] * sizes[ends[:, 1]]
    kept = np.ones(len(links.weight), dtype=np.bool_)
    kept[between] = (said >= _PER_DOUBLING * np.log2(pairs))[place.ravel()]
    return links.take(kept)


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
