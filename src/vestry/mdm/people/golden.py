"""The golden record: of all that the records of a person say, the value that survives, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping

from vestry.mdm.people.model import GOLDEN, MatchFile, Survivor
from vestry.project import literal, quote

#: Of two values that are equal by the rule, the one of the record that was confirmed last, then of the first key.
_LATEST = "coalesce(valid_to, valid_from, DATE '0001-01-01')"


def golden_select(spec: MatchFile, records: str) -> str:
    """SQL of the golden records of all people of `records`, a relation shaped like `<table>_record`.

    Columns: person_id, each attribute, records, sources, since, and `origins`: JSON, attribute to `source record_id`.
    """
    attributes = list(GOLDEN)
    chosen = {name: spec.survivor(name) for name in attributes}
    frequent = [n for n in attributes if chosen[n].rule == "most_frequent"]
    picked = ", ".join(f"{_picked(n, chosen[n])} AS {n}" for n in attributes)
    modes = "".join(
        f" LEFT JOIN (SELECT person_id, arg_max({n}, (n, latest, {n})) AS mode_{n} FROM ("
        f"SELECT person_id, {n}, count(*) AS n, max({_LATEST}) AS latest FROM several WHERE {n} IS NOT NULL "
        "GROUP BY ALL"
        f") GROUP BY person_id HAVING count(*) > 1) AS m_{n} USING (person_id)"
        for n in frequent
    )
    told = "".join(f", mode_{n}" for n in frequent)
    values = ", ".join(f"{n}.value AS {n}" for n in attributes)
    alone = ", ".join(attributes)
    return f"""
        WITH said AS (SELECT * FROM {records}),
        counted AS (SELECT person_id FROM said GROUP BY person_id HAVING count(*) > 1),
        several AS (SELECT said.* FROM said SEMI JOIN counted USING (person_id)),
        chosen AS (
            SELECT person_id, {picked}, count(*) AS records, count(DISTINCT source) AS sources, min(since) AS since
            FROM (SELECT several.*{told} FROM several{modes}) GROUP BY person_id
        )
        SELECT person_id, {values}, records, sources, since,
            {_origins({n: f"{n}.origin" for n in attributes})} AS origins
        FROM chosen
        UNION ALL
        SELECT person_id, {alone}, 1, 1, since,
            {_origins({n: f"CASE WHEN {n} IS NOT NULL THEN source || ' ' || record_id END" for n in attributes})}
        FROM said ANTI JOIN counted USING (person_id)"""


def _origins(of: Mapping[str, str]) -> str:
    """SQL of JSON text from attributes to the records that their values are of."""
    keys, values = ", ".join(literal(n) for n in of), ", ".join(of.values())
    pairs = f"list_filter(list_zip([{keys}], [{values}]), lambda pair: pair[2] IS NOT NULL)"
    return f"to_json(map_from_entries({pairs}))::VARCHAR"


def _picked(name: str, survivor: Survivor) -> str:
    """SQL of a struct of the value that survives, and the record that it is of."""
    column = quote(name)
    value = f"{{'value': {column}, 'origin': source || ' ' || record_id}}"
    wanted = f"FILTER (WHERE {column} IS NOT NULL)"
    order = f"{_LATEST}, source || record_id"
    if survivor.rule == "most_frequent":
        return f"arg_max({value}, ({order})) FILTER (WHERE {column} = coalesce(mode_{name}, {column}))"
    if survivor.rule == "longest":
        return f"arg_max({value}, (length({column}::VARCHAR), {order})) {wanted}"
    if survivor.rule == "trusted":
        ranks = " ".join(f"WHEN {literal(t)} THEN -{place}" for place, t in enumerate(survivor.order, 1))
        trust = f"CASE source {ranks} ELSE -{len(survivor.order) + 1} END" if ranks else "0"
        return f"arg_max({value}, ({trust}, {order})) {wanted}"
    return f"arg_max({value}, ({order})) {wanted}"
