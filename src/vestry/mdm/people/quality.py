"""What an evaluation says: shares with their intervals, and tables for people to read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: A group whose recall is more than this under the best group's is marked.
FAR_UNDER = 0.02
#: Of so many true links a group's recall may be the best: that of three links is chance.
ENOUGH_LINKS = 100
_Z = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """A share and its interval of 95 %; None where there is nothing to take a share of."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.value is None:
            return "–"
        shown = f"{100 * self.value:.2f} %"
        return (
            shown if self.low is None or self.high is None else f"{shown} ({_points(self.low)} to {_points(self.high)})"
        )


@dataclass(frozen=True)
class Quality:
    """Precision, recall and F1 of what was found; `right`, `false`, `missed` are counts of pairs or clusters."""

    precision: Share
    recall: Share
    f1: Share
    right: float
    false: float
    missed: float

    def as_dict(self) -> dict[str, Any]:
        shares = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        interval = {name: None if s.low is None else [s.low, s.high] for name, s in shares.items()}
        counts = {"right": self.right, "false": self.false, "missed": self.missed}
        return {**{name: s.value for name, s in shares.items()}, "interval": interval, **counts}


@dataclass(frozen=True)
class SourcePair:
    """Pairs of one record of each of two sources."""

    left: str
    right: str
    quality: Quality


@dataclass(frozen=True)
class Group:
    """The links of the records of a group. `far_under`: its recall is far under that of the best group."""

    name: str
    value: str
    records: int
    links: float
    quality: Quality
    far_under: bool = False


@dataclass(frozen=True)
class Lookalikes:
    """Pairs of records of *different* people who are easily taken for one: how many there are, how many were joined."""

    kind: str
    pairs: int
    joined: int


@dataclass(frozen=True)
class Evaluation:
    """What was judged, and how well it was found."""

    kind: Literal["people", "labels"]
    records: int
    missing_from_index: int
    unknown_to_truth: int
    pairwise: Quality
    #: Recall where the links of records that are missing from the index count as missed.
    recall_with_missing: float | None
    cluster: Quality | None = None
    #: Clusters of one record left aside: they are right wherever nothing is done.
    cluster_of_several: Quality | None = None
    by_sources: tuple[SourcePair, ...] = ()
    by_group: tuple[Group, ...] = ()
    lookalikes: tuple[Lookalikes, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        groups: dict[str, dict[str, Any]] = {}
        for g in self.by_group:
            told = {"records": g.records, "links": g.links, "far_under": g.far_under, **g.quality.as_dict()}
            groups.setdefault(g.name, {})[g.value] = told
        return {
            "against": self.kind,
            "records": self.records,
            "missing_from_index": self.missing_from_index,
            "unknown_to_truth": self.unknown_to_truth,
            **self.sizes,
            "pairwise": {**self.pairwise.as_dict(), "recall_with_missing": self.recall_with_missing},
            "cluster": self.cluster and self.cluster.as_dict(),
            "cluster_of_several": self.cluster_of_several and self.cluster_of_several.as_dict(),
            "by_sources": [{"sources": [s.left, s.right], **s.quality.as_dict()} for s in self.by_sources],
            "by_group": groups,
            "false_matches": {k.kind: {"pairs": k.pairs, "joined": k.joined} for k in self.lookalikes},
        }

    def to_json(self) -> str:
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False)


def wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's interval of 95 % for a share of n independent parts."""
    centre = (share + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
    half = _Z / (1 + _Z * _Z / n) * math.sqrt(share * (1 - share) / n + _Z * _Z / (4 * n * n))
    return (0.0 if share <= 0 else max(0.0, centre - half)), (1.0 if share >= 1 else min(1.0, centre + half))


@dataclass(frozen=True)
class Lines:
    """A table for people."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


_WORDS = {
    "all": "all pairs of records of different people",
    "in_one_home": "of people of one home",
    "in_one_home_born_the_same_day": "… born on the same day, such as twins",
    "in_one_home_of_one_name": "… of one name, such as father and son",
    "elsewhere_of_one_name": "of one name, in different homes",
}


def lines(evaluation: Evaluation) -> list[Lines]:
    """The evaluation as tables: all, what was joined wrongly, by sources, by group."""
    e, both = evaluation, ("precision", "recall")
    kinds = [("pairs of records", e.pairwise)]
    if e.cluster and e.cluster_of_several:
        kinds += [("people, exactly right", e.cluster), ("people of several records", e.cluster_of_several)]
    title = f"{e.records:,} records held against {'a truth' if e.kind == 'people' else 'reviewed pairs'}"
    if e.missing_from_index:
        title += f"; {e.missing_from_index:,} more are not in the index"
    tables = [
        Lines(
            title,
            ("of", *both, "F1", "right", "false", "missed"),
            tuple(
                (w, str(q.precision), str(q.recall), str(q.f1), int(q.right), int(q.false), int(q.missed))
                for w, q in kinds
            ),
        )
    ]
    if e.lookalikes:
        rows = tuple((_WORDS[k.kind], k.pairs, k.joined, _per_thousand(k)) for k in e.lookalikes)
        tables.append(
            Lines("Different people, joined wrongly", ("pairs", "there are", "joined", "in a thousand"), rows)
        )
    if e.by_sources:
        pairs = tuple(
            (
                s.left,
                s.right,
                str(s.quality.precision),
                str(s.quality.recall),
                int(s.quality.false),
                int(s.quality.missed),
            )
            for s in e.by_sources
        )
        tables.append(Lines("By pair of sources", ("source", "and source", *both, "false", "missed"), pairs))
    for name in dict.fromkeys(g.name for g in e.by_group):
        mine = [g for g in e.by_group if g.name == name]
        best = max((g.quality.recall.value or 0.0 for g in mine if g.links >= ENOUGH_LINKS), default=0.0)
        groups = tuple(
            (g.value, g.records, str(g.quality.precision), str(g.quality.recall), _mark(g, best)) for g in mine
        )
        shown = "how many things a record lacks" if name == "missing" else name.replace("_", " ")
        tables.append(Lines(f"By {shown}", ("group", "records", *both, "recall against the best"), groups))
    return tables


def _mark(group: Group, best: float) -> str:
    return f"▼ {_points(best - (group.quality.recall.value or 0.0))} points under" if group.far_under else ""


def _per_thousand(kind: Lookalikes) -> str:
    return f"{1000 * kind.joined / kind.pairs:.3g}" if kind.pairs else "–"


def _points(share: float) -> str:
    return f"{100 * share:.2f}"
