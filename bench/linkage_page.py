"""`docs/linkage-quality.md`, from what `bench.linkage` measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "linkage-quality.md"
Found = Mapping[str, Mapping[str, Any]]

_INTRO = """# Linkage quality

How well, and how fast, the citizen index knows who is who. This page is made by a command and not written by hand:

    python -m bench.linkage all --write

Measured on {date}, {processors} processors ({machine}), Python {python}, DuckDB {duckdb}, Splink {splink}.

Each set is indexed as a council would do it: files come in as a source, a product passes their columns through, and a
match file says which column is what. Nothing is tuned to a set, and no labels are used. *Pairs* of records of one
person and *people* whose records are exactly right are held against the set's truth; brackets are intervals of 95 %
(`src/vestry/mdm/people/evaluation.py` says how). A *plain Splink script* (`bench/plain_splink.py`) does the same work
with the same columns.

All people in these sets are invented.
"""

_NAMES = {
    "febrl4": "FEBRL 4: 5,000 people in two sources",
    "febrl3": "FEBRL 3: 2,000 people in 5,000 records",
    "dupehell": "dupehell, natural persons",
    "dupehell_patients": "dupehell, patients",
    "westmarsh": "Westmarsh, 20,000 people, ten tables",
}
_KINDS = {
    "all": "all pairs of records of different people",
    "in_one_home": "of people of one home",
    "in_one_home_born_the_same_day": "of one home, born on the same day (twins)",
    "in_one_home_of_one_name": "of one home, of one name (father and son)",
    "elsewhere_of_one_name": "of one name, in different homes",
}


def write(found: Found) -> None:
    """Make the page of the measurements; of those that were not made there is no section."""
    about = {
        "date": f"{datetime.now(UTC):%d %B %Y}",
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "duckdb": version("duckdb"),
        "splink": version("splink"),
    }
    parts = [_INTRO.format(**about), _targets(found)]
    sets = {name: found[name] for name in _NAMES if name in found}
    if sets:
        parts.append(_quality(sets))
    if "westmarsh" in found:
        parts += [_groups(found["westmarsh"]["vestry"])]
    if "towns" in found:
        parts += [_towns(found["towns"])]
    if "westmarsh" in found:
        parts += [_sources(found["westmarsh"]["vestry"])]
    PAGE.write_text("\n".join(parts), encoding="utf-8")


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(v) for v in line) + " |" for line in lines) + "\n"


def _percent(quality: Mapping[str, Any], name: str) -> str:
    if quality[name] is None:
        return "–"
    interval = (quality.get("interval") or {}).get(name)
    shown = f"{100 * quality[name]:.2f} %"
    return f"{shown} ({100 * interval[0]:.2f} to {100 * interval[1]:.2f})" if interval else shown


def _targets(found: Found) -> str:
    rows = []

    def row(name: str, what: str, value: float, wanted: float, most: bool = False, form: str = "{:.4f}") -> None:
        reached = value <= wanted if most else value >= wanted
        sign = "at most" if most else "at least"
        shown = f"{sign} {form.format(wanted)}"
        rows.append((_NAMES.get(name, name), what, form.format(value), shown, "yes" if reached else "no"))

    for name in ("febrl4", "febrl3"):
        if name in found:
            e = found[name]["vestry"]
            row(name, "pairs, F1", e["pairwise"]["f1"], 0.9995)
            row(name, "people, F1", e["cluster"]["f1"], 0.999)
    for name in ("dupehell", "dupehell_patients"):
        if name in found:
            over = found[name]["vestry"]["cluster"]["f1"] - found[name]["splink"]["cluster"]["f1"]
            row(name, "people, F1 over plain Splink (points)", 100 * over, 5, form="{:.1f}")
    if "westmarsh" in found:
        e = found["westmarsh"]["vestry"]
        row("westmarsh", "pairs, precision", e["pairwise"]["precision"], 0.995)
        row("westmarsh", "pairs, recall", e["pairwise"]["recall"], 0.975)
        recalls = [g["recall"] for g in e["by_group"]["naming_tradition"].values() if g["recall"] is not None]
        apart = 100 * (max(recalls) - min(recalls))
        row("westmarsh", "worst tradition under the best (points)", apart, 2, True, "{:.1f}")
    if "towns" in found:
        towns = found["towns"]
        name = f"{len(towns['seeds'])} Westmarshes together"
        recalls = [t["recall"] for t in towns["traditions"].values()]
        apart = 100 * (max(recalls) - min(recalls))
        row(name, "pairs, precision", towns["pairwise"]["precision"], 0.995)
        row(name, "pairs, recall", towns["pairwise"]["recall"], 0.975)
        row(name, "worst tradition under the best (points)", apart, 2, True, "{:.1f}")
    if "million" in found:
        m = found["million"]
        turns = f"times Splink itself, the faster of {len(m['turns'])} turns each"
        row("a million records, first index", turns, m["ratio"], 1.2, True, "{:.2f}")
        row("a million records, first index", "peak memory, GB", m["run"]["peak_mb"] / 1024, 5, True, "{:.1f}")
    if "incremental" in found:
        m = found["incremental"]
        row(f"{m['new']:,} new records", "% of the first index's time", 100 * m["share"], 5, True, "{:.1f}")
    if "stable" in found:
        m = found["stable"]
        row(
            f"{m['new']:,} new records of 200,000",
            "ids changed without an event",
            m["changed_without_an_event"],
            0,
            True,
            "{:.0f}",
        )
    return "## What was to be reached\n\n" + _table(("set", "measure", "measured", "wanted", "reached"), rows)


def _quality(sets: Found) -> str:
    rows = []
    for name, measured in sets.items():
        for who in ("vestry", "splink"):
            e = measured[who]
            shown = _NAMES[name] if who == "vestry" else ""
            label = "Vestry" if who == "vestry" else "plain Splink"
            for kind, words in (("pairwise", "pairs"), ("cluster", "people")):
                figures = [_percent(e[kind], figure) for figure in ("precision", "recall", "f1")]
                rows.append((shown, label, words, *figures))
                shown = label = ""
    parts = ["## How well\n", _table(("set", "by", "of", "precision", "recall", "F1"), rows)]
    parts += ["### Different people, joined wrongly\n", _joined(sets)]
    return "\n".join(parts)


def _joined(sets: Found) -> str:
    rows = []
    for name, measured in sets.items():
        for kind, words in _KINDS.items():
            counts = measured["vestry"]["false_matches"].get(kind)
            if counts and counts["pairs"]:
                rows.append((_NAMES[name], words, f"{counts['pairs']:,}", f"{counts['joined']:,}"))
    return _table(("set", "pairs", "there are", "joined"), rows)


def _groups(e: Mapping[str, Any]) -> str:
    parts = ["## Westmarsh by group\n", "Marked (▼) is a group whose recall is more than 2 points under the best.\n"]
    for name, groups in e["by_group"].items():
        title = "how many things a record lacks" if name == "missing" else name.replace("_", " ")
        rows = [
            (value, f"{g['records']:,}", _percent(g, "precision"), _percent(g, "recall"), "▼" if g["far_under"] else "")
            for value, g in groups.items()
        ]
        parts += [f"### By {title}\n", _table(("group", "records", "precision", "recall", ""), rows)]
    return "\n".join(parts)


def _towns(e: Mapping[str, Any]) -> str:
    rows = [
        (name, f"{t['links']:,}", *(f"{100 * t[figure]:.2f} %" for figure in ("recall", "least", "most")))
        for name, t in sorted(e["traditions"].items(), key=lambda i: float(i[1]["recall"]))
    ]
    seeds = ", ".join(map(str, e["seeds"]))
    words = (
        "A group of a few hundred records in one town may be under the others by the luck of a few people. Towns of\n"
        f"the same kind, of other people (seeds {seeds}), tell what the kind of name has to do with it.\n"
    )
    title = f"## Naming traditions in {len(e['seeds'])} towns\n"
    return "\n".join(
        (title, words, _table(("tradition", "pairs", "recall", "least in a town", "most in a town"), rows))
    )


def _sources(e: Mapping[str, Any]) -> str:
    rows = [
        (*s["sources"], _percent(s, "precision"), _percent(s, "recall"), int(s["false"]), int(s["missed"]))
        for s in e["by_sources"]
    ]
    head = ("source", "and source", "precision", "recall", "false", "missed")
    return "## Westmarsh by pair of sources\n\n" + _table(head, rows)
