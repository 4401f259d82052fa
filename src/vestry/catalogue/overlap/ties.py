"""How much of one column is in another, estimated from their sketches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from vestry.catalogue.overlap.sketch import Sketch


@dataclass(frozen=True)
class Estimate:
    """Of two columns A and B: how many values both have, as parts of A, of B and of both together.

    `seen_a` and `seen_b` are the values that the estimate rests on: all below the smaller of the two thresholds.
    """

    seen_a: int
    seen_b: int
    both: int

    @property
    def in_b(self) -> float:
        """The part of A's values that B has too: the containment of A in B."""
        return self.both / self.seen_a if self.seen_a else 0.0

    @property
    def in_a(self) -> float:
        return self.both / self.seen_b if self.seen_b else 0.0

    @property
    def jaccard(self) -> float:
        together = self.seen_a + self.seen_b - self.both
        return self.both / together if together else 0.0


def estimate(a: Sketch, b: Sketch) -> Estimate:
    """What two sketches say of each other. Below the smaller threshold both hold every hash of their columns."""
    import numpy as np

    threshold = min(a.threshold, b.threshold)
    mine, other = _below(a, threshold), _below(b, threshold)
    both = np.intersect1d(mine, other, assume_unique=True)
    return Estimate(len(mine), len(other), len(both))


def interval(part: float, of: int) -> tuple[float, float]:
    """Between what the true part lies 19 times in 20, where `part` was found among `of` values (Wilson)."""
    if not of:
        return 0.0, 1.0
    z = 1.96
    middle = (part + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * sqrt(part * (1 - part) / of + z * z / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def pairs(sketches: Sequence[Sketch], group: Sequence[str]) -> Mapping[tuple[int, int], Estimate]:
    """An estimate for every two sketches of different groups that share a hash, by their places."""
    import duckdb
    import numpy as np
    import pyarrow as pa

    if not sketches:
        return {}
    lengths = [len(s.hashes) for s in sketches]
    groups = {name: number for number, name in enumerate(dict.fromkeys(group))}
    hashes = pa.table(
        {
            "place": np.repeat(np.arange(len(sketches), dtype=np.int32), lengths),
            "system": np.repeat(np.array([groups[name] for name in group], dtype=np.int32), lengths),
            "hash": np.concatenate([s.hashes for s in sketches]),
        }
    )
    with duckdb.connect() as con:
        con.register("hashes", hashes)
        found = con.execute(
            "SELECT DISTINCT a.place, b.place FROM hashes a JOIN hashes b "
            "ON a.hash = b.hash AND a.place < b.place AND a.system <> b.system"
        ).fetchall()
    return {(a, b): estimate(sketches[a], sketches[b]) for a, b in sorted(found)}


def _below(sketch: Sketch, threshold: float):  # type: ignore[no-untyped-def]
    import numpy as np

    if threshold >= sketch.threshold:
        return sketch.hashes
    return sketch.hashes[: np.searchsorted(sketch.hashes, np.uint64(threshold * 2.0**64), side="right")]
