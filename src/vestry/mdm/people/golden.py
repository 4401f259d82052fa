"""The golden record: of all that the records of a person say, the value that survives, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from vestry.mdm.people.model import GOLDEN, MatchFile, Survivor
from vestry.project import literal, quote

#: Of two values that are equal by the rule, the one of the record that was confirmed last, then of the first key.
_LATEST = "coalesce(valid_to, valid_from, DATE '0001-01-01')"

#: In `origins`: the record that all values are of which are not named besides.
_MOST = "*"


def golden_select(spec: MatchFile, records: str) -> str:
    """SQL of the golden records of all people of `records`, a relation shaped like `<table>_record`.

    Columns: person_id, each attribute, records, sources, since, and `origins`, which `origins_of` reads.
    """
    attributes = list(GOLDEN)
    chosen = {name: spec.survivor(name) for name in attributes}
    frequent = [n for n in attributes if chosen[n].rule == "most_frequent"]
    picked = ", ".join(
        f"arg_max({value}, {by}) FILTER (WHERE {may}) AS {alias}"
        for n in attributes
        for by, may in [_picked(n, chosen[n])]
        for value, alias in ((quote(n), n), ("origin", f"origin_{n}"))
    )
    modes = "".join(
        f" LEFT JOIN (SELECT person_id, arg_max({n}, (n, latest, {n})) AS mode_{n} FROM ("
        f"SELECT person_id, {n}, count(*) AS n, max({_LATEST}) AS latest FROM several WHERE {n} IS NOT NULL "
        "GROUP BY ALL"
        f") GROUP BY person_id HAVING count(*) > 1) AS m_{n} USING (person_id)"
        for n in frequent
    )
    told = "".join(f", mode_{n}" for n in frequent)
    values = ", ".join(attributes)
    return f"""
        WITH said AS (SELECT *, to_json(source || ' ' || record_id)::VARCHAR AS origin FROM {records}),
        counted AS (SELECT person_id FROM said GROUP BY person_id HAVING count(*) > 1),
        several AS (
            SELECT said.*, row_number() OVER (PARTITION BY person_id ORDER BY {_LATEST}, source || record_id) AS turn
            FROM said SEMI JOIN counted USING (person_id)
        ),
        chosen AS (
            SELECT person_id, {picked}, count(*) AS records, count(DISTINCT source) AS sources, min(since) AS since,
                arg_max(origin, turn) AS latest
            FROM (SELECT several.*{told} FROM several{modes}) GROUP BY person_id
        )
        SELECT person_id, {values}, records, sources, since, {_origins("latest", attributes)} AS origins
        FROM chosen
        UNION ALL
        SELECT person_id, {values}, 1, 1, since, {_origins("origin")}
        FROM said ANTI JOIN counted USING (person_id)"""


def origins_of(golden: Mapping[str, Any]) -> dict[str, str]:
    """The record, `source record_id`, that each value of a golden record is of, by attribute."""
    told = json.loads(golden["origins"] or "{}")
    return {n: told.get(n, told.get(_MOST, "")) for n in GOLDEN if golden.get(n) is not None}


def _origins(most: str, attributes: Collection[str] = ()) -> str:
    """SQL of JSON text: under `_MOST` a record, then those attributes whose value is of another. Records are JSON."""
    others = "".join(
        f", CASE WHEN origin_{n} <> {most} THEN {literal(json.dumps(n) + ':')} || origin_{n} END" for n in attributes
    )
    return f"'{{' || concat_ws(',', {literal(json.dumps(_MOST) + ':')} || {most}{others}) || '}}'"


def _picked(name: str, survivor: Survivor) -> tuple[str, str]:
    """SQL of what a value is taken by, greatest first, and of whether a record's value may be taken at all."""
    column = quote(name)
    if survivor.rule == "most_frequent":
        return "turn", f"{column} = coalesce(mode_{name}, {column})"
    if survivor.rule == "longest":
        return f"(length({column}::VARCHAR), turn)", f"{column} IS NOT NULL"
    if survivor.rule == "trusted" and survivor.order:
        ranks = " ".join(f"WHEN {literal(t)} THEN -{place}" for place, t in enumerate(survivor.order, 1))
        return f"(CASE source {ranks} ELSE -{len(survivor.order) + 1} END, turn)", f"{column} IS NOT NULL"
    return "turn", f"{column} IS NOT NULL"
