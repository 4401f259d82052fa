"""What a table of matched addresses is made of, said as SQL: the catalogue reads it, and nothing runs it."""

from __future__ import annotations

from vestry.lake import quoted
from vestry.mdm.places.model import PARTS, UprnFile, addresses_select, entries_select
from vestry.project import TableName
from vestry.project.names import DECISION


def lineage_select(spec: UprnFile, name: TableName) -> str:
    """SQL with the lineage of the table of that name."""
    seen = " UNION ALL ".join(f"({addresses_select(a, quoted(a.name))})" for a in spec.addresses)
    # Parts that the recipe does not name and that the gazetteer need not have are left out, for nobody knows them here.
    parts = [p for p, is_needed in PARTS.items() if is_needed or p in spec.gazetteer.columns]
    entries = entries_select(spec.gazetteer, quoted(spec.gazetteer.name), parts)
    decisions = quoted(name.beside(DECISION))

    def matched(value: str, decided: str = "") -> str:
        by = "(s.address, s.postcode, g.address, g.postcode, s.given, g.logical_status)"
        found = f"(SELECT arg_max({value}, {by}) FROM ({entries}) AS g WHERE g.may_match)"
        if not decided:
            return found
        said = f"(SELECT arg_max({decided}, d.decided_at) FROM {decisions} AS d WHERE d.line = s.address || s.postcode)"
        return f"coalesce({said}, {found})"

    return (
        f"SELECT concat_ws(', ', s.address, s.postcode) AS line, min(s.address) AS address, "
        f"min(s.postcode) AS postcode, {matched('g.uprn', 'd.uprn')} AS uprn, "
        f"{matched('g.uprn', 'd.uprn')} AS candidate_uprn, {matched('1')} AS score, "
        f"{matched('1', 'd.verdict')} AS matched_by, {matched('1', 'd.verdict')} AS status, "
        f"{matched('concat_ws(g.address, g.postcode)')} AS gazetteer_address, min(s.given) AS given_uprn, "
        f"count(*) AS records, any_value(s.source) AS sources, "
        f"(SELECT max(d.decided_at) FROM {decisions} AS d) AS matched_at FROM ({seen}) AS s "
        "WHERE s.address IS NOT NULL GROUP BY line"
    )
