"""What the parts of a citizen index are made of, said as SQL: the catalogue reads it, and nothing runs it.

What runs goes by temporary tables and a model. Here a value is written as a function of the columns that make it, and
what links records (which only decides) as a window over all that is compared.
"""

from __future__ import annotations

from vestry.lake import quoted
from vestry.mdm.people.companions import Companions
from vestry.mdm.people.model import ATTRIBUTES, GOLDEN, MatchFile
from vestry.mdm.people.standard import homes_of, select_of

_COMPARED = [name for name in ATTRIBUTES if not name.startswith("valid_")]


def lineage_select(spec: MatchFile, part: str, names: Companions) -> str:
    """SQL with the lineage of a part (`event`, `record`, or empty for the golden record)."""
    return {"event": _events, "record": _records, "": _people}[part](spec, names)


def _said(spec: MatchFile) -> str:
    """All records, as the council's tables have them."""
    nulls = ", ".join(f"NULL AS {name}" for name in ("source", "record_id", *ATTRIBUTES))
    return " UNION ALL BY NAME ".join([f"SELECT {nulls}", *(select_of(p, spec.purpose) for p in spec.people)])


def _events(spec: MatchFile, names: Companions) -> str:
    compared = ["source", "record_id", "apart", "adult", *_COMPARED]
    compared += [f"(SELECT max((source, record_id, {', '.join(h.columns)})) FROM ({homes_of(h)}))" for h in spec.homes]
    compared += [f"(SELECT max(({pair.left}, {pair.right})) FROM {pair.table})" for pair in spec.told_apart]
    decisions = quoted(names.decision)
    told = "d.source, d.record_id, d.other_source, d.other_record_id, d.decision, d.decided_at"
    linked = f"OVER (PARTITION BY {', '.join(compared)}, (SELECT max(({told})) FROM {decisions} AS d))"
    return (
        f"SELECT row_number() {linked} AS event_id, now() AS happened_at, row_number() {linked} AS kind, "
        f"any_value(record_id) {linked} AS person_id, any_value(record_id) {linked} AS old_person_id, "
        f"source, record_id, row_number() {linked} AS because, "
        f"(SELECT any_value(d.who) FROM {decisions} AS d) AS decided_by FROM ({_said(spec)})"
    )


def _records(spec: MatchFile, names: Companions) -> str:
    values = ", ".join(f"s.{name}" for name in ATTRIBUTES if name != "sex")
    latest = ", ".join(
        f"arg_max({column}, event_id) AS {name}"
        for name, column in (
            ("person_id", "person_id"), ("since", "happened_at"), ("because", "because"), ("kind", "kind")
        )
    )  # fmt: skip
    return (
        # Where nothing else tells of the sex, the title does.
        f"SELECT e.source, e.record_id, e.person_id, e.since, e.because, coalesce(s.sex, s.title) AS sex, {values} "
        f"FROM (SELECT source, record_id, {latest} FROM {quoted(names.event)} GROUP BY source, record_id) AS e "
        f"JOIN ({_said(spec)}) AS s ON s.source = e.source AND s.record_id = e.record_id WHERE e.kind <> 'leave'"
    )


def _people(spec: MatchFile, names: Companions) -> str:
    order = "(valid_to, valid_from, source, record_id)"
    values = ", ".join(f"arg_max({name}, {order}) AS {name}" for name in GOLDEN)
    attributes = ", ".join(GOLDEN)
    return (
        f"SELECT person_id, {values}, count(*) AS records, count(DISTINCT source) AS sources, min(since) AS since, "
        f"arg_max(source || record_id, ({attributes}, valid_to, valid_from)) AS origins "
        f"FROM {quoted(names.record)} GROUP BY person_id"
    )
