"""How much of one column is in another, estimated from their sketches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from vestry.catalogue.overlap.sketch import Sketch


@dataclass(frozen=True)
class Estimate:
    """How much of A is in B, and of B in A, as parts of 1, with the bounds between which they truly lie 19 times in 20.

    `seen` is the values of A, of B, and of both, that it rests on.
    """

    a_in_b: float
    b_in_a: float
    jaccard: float
    a_between: tuple[float, float]
    b_between: tuple[float, float]
    seen: tuple[int, int, int]

    @property
    def turned(self) -> Estimate:
        """The same, said of B and A."""
        a, b, both = self.seen
        return Estimate(self.b_in_a, self.a_in_b, self.jaccard, self.b_between, self.a_between, (b, a, both))


def estimate(a: Sketch, b: Sketch) -> Estimate:
    """What two sketches say of each other. Below the smaller threshold both hold every hash of their columns."""
    import numpy as np

    threshold = min(a.threshold, b.threshold)
    mine, others = _below(a, threshold), _below(b, threshold)
    both = len(np.intersect1d(mine, others, assume_unique=True))
    a_in_b, b_in_a = _part(both, len(mine)), _part(both, len(others))
    bounds = [
        (part, part) if threshold == 1.0 else interval(part, of)
        for part, of in ((a_in_b, len(mine)), (b_in_a, len(others)))
    ]
    jaccard = _part(both, len(mine) + len(others) - both)
    return Estimate(a_in_b, b_in_a, jaccard, bounds[0], bounds[1], (len(mine), len(others), both))


def probed(a: Sketch, b: Sketch, found: int) -> Estimate:
    """What is known where so many of A's hashes were looked for, and found, among all the values of B."""
    a_in_b, scale = _part(found, len(a.hashes)), a.distinct / b.distinct
    low, high = (a_in_b, a_in_b) if a.threshold == 1.0 else interval(a_in_b, len(a.hashes))
    both = a_in_b * a.distinct
    jaccard = min(1.0, both / max(1.0, a.distinct + b.distinct - both))
    b_between = min(1.0, low * scale), min(1.0, high * scale)
    return Estimate(a_in_b, min(1.0, a_in_b * scale), jaccard, (low, high), b_between, (len(a.hashes), 0, found))


def _part(some: int, of: int) -> float:
    return some / of if of else 0.0


def interval(part: float, of: int) -> tuple[float, float]:
    """Between what the true part lies 19 times in 20, where `part` was found among `of` values (Wilson)."""
    if not of:
        return 0.0, 1.0
    z = 1.96
    middle = (part + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * sqrt(part * (1 - part) / of + z * z / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def sharing(sketches: Sequence[Sketch], group: Sequence[str]) -> list[tuple[int, int]]:
    """The places of every two sketches of different groups that share a hash, in order."""
    import duckdb
    import numpy as np
    import pyarrow as pa

    if not sketches:
        return []
    lengths = [len(s.hashes) for s in sketches]
    groups = {name: number for number, name in enumerate(dict.fromkeys(group))}
    hashes = pa.table(
        {
            "place": np.repeat(np.arange(len(sketches), dtype=np.int32), lengths),
            "whose": np.repeat(np.array([groups[name] for name in group], dtype=np.int32), lengths),
            "hash": np.concatenate([s.hashes for s in sketches]),
        }
    )
    with duckdb.connect() as con:
        con.register("hashes", hashes)
        return con.execute(
            "SELECT DISTINCT a.place, b.place FROM hashes a JOIN hashes b "
            "ON a.hash = b.hash AND a.place < b.place AND a.whose <> b.whose ORDER BY ALL"
        ).fetchall()


def _below(sketch: Sketch, threshold: float):  # type: ignore[no-untyped-def]
    import numpy as np

    if threshold >= sketch.threshold:
        return sketch.hashes
    return sketch.hashes[: np.searchsorted(sketch.hashes, np.uint64(threshold * 2.0**64), side="right")]
