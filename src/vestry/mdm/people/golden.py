"""The golden record: of all that the records of a person say, the value that survives, and where it came from."""

from __future__ import annotations

from vestry.mdm.people.model import GOLDEN, MatchFile, Survivor
from vestry.project import literal, quote

#: Of two values that are equal by the rule, the one of the record that was confirmed last, then of the first key.
_LATEST = "coalesce(valid_to, valid_from, DATE '0001-01-01')"


def golden_select(spec: MatchFile, records: str) -> str:
    """SQL of the golden records of all people of `records`, a relation shaped like `<table>_record`.

    Columns: person_id, each attribute, records, sources, since, and `origins`: attribute to `source record_id`.
    """
    attributes = list(GOLDEN)
    chosen = {name: spec.survivor(name) for name in attributes}
    frequent = [n for n in attributes if chosen[n].rule == "most_frequent"]
    modes = ", ".join(f"mode({n} ORDER BY {_LATEST} DESC, source, record_id) AS mode_{n}" for n in frequent)
    picked = ", ".join(f"{_picked(n, chosen[n])} AS {n}" for n in attributes)
    values = ", ".join(f"{n}.value AS {n}" for n in attributes)
    keys = ", ".join(literal(n) for n in attributes)
    origins = ", ".join(f"{n}.origin" for n in attributes)
    with_modes = (
        f"SELECT r.*, m.* EXCLUDE (person_id) FROM {records} AS r "
        f"JOIN (SELECT person_id, {modes} FROM {records} GROUP BY person_id) AS m USING (person_id)"
        if frequent
        else f"SELECT * FROM {records}"
    )
    return f"""
        SELECT person_id, {values}, records, sources, since,
            map_from_entries(list_filter(
                list_zip([{keys}], [{origins}]), lambda pair: pair[2] IS NOT NULL)) AS origins
        FROM (
            SELECT person_id, {picked}, count(*) AS records, count(DISTINCT source) AS sources, min(since) AS since
            FROM ({with_modes}) GROUP BY person_id
        )"""


def _picked(name: str, survivor: Survivor) -> str:
    """SQL of a struct of the value that survives, and the record that it is of."""
    column = quote(name)
    value = f"{{'value': {column}, 'origin': source || ' ' || record_id}}"
    wanted = f"FILTER (WHERE {column} IS NOT NULL)"
    order = f"{_LATEST}, source || record_id"
    if survivor.rule == "most_frequent":
        return f"arg_max({value}, ({order})) FILTER (WHERE {column} = mode_{name})"
    if survivor.rule == "longest":
        return f"arg_max({value}, (length({column}::VARCHAR), {order})) {wanted}"
    if survivor.rule == "trusted":
        ranks = " ".join(f"WHEN {literal(t)} THEN -{place}" for place, t in enumerate(survivor.order, 1))
        trust = f"CASE source {ranks} ELSE -{len(survivor.order) + 1} END" if ranks else "0"
        return f"arg_max({value}, ({trust}, {order})) {wanted}"
    return f"arg_max({value}, ({order})) {wanted}"
