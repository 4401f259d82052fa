"""`<table>.uprn.yaml`: every address that the council's tables hold as text, and the UPRN that it means.

Only addresses that are new are matched. A change of the gazetteer matches those again that had no certain match, or
whose entry is not there any more. What a person decided (`decisions`) stands over all of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from vestry.lake import DATA, quoted
from vestry.mdm.places import matching
from vestry.mdm.places.lineage import lineage_select
from vestry.mdm.places.matcher import prepared_key
from vestry.mdm.places.model import PARTS, UprnFile, addresses_select, entries_select, read_uprn
from vestry.products.builder import Context, Making
from vestry.project import ProductTable
from vestry.project.inputs import recipe_shown
from vestry.project.names import DECISION

#: The version of the gazetteer's data that addresses were last matched against.
GAZETTEER = "vestry.gazetteer"
#: The columns of the table, with their types.
COLUMNS = {
    "line": "VARCHAR",
    "address": "VARCHAR",
    "postcode": "VARCHAR",
    "uprn": "VARCHAR",
    "candidate_uprn": "VARCHAR",
    "score": "DOUBLE",
    "matched_by": "VARCHAR",
    "status": "VARCHAR",
    "gazetteer_address": "VARCHAR",
    "given_uprn": "VARCHAR",
    "records": "BIGINT",
    "sources": "VARCHAR",
    "matched_at": "TIMESTAMPTZ",
}
#: What people decided last of each address; `open` gives it back to the model.
LATEST = (
    "SELECT line, arg_max(verdict, decided_at) AS verdict, arg_max(coalesce(uprn, ''), decided_at) AS uprn, "
    "max(decided_at) AS decided_at FROM {decisions} GROUP BY line HAVING arg_max(verdict, decided_at) <> 'open'"
)
_NO_DECISIONS = (
    "(SELECT NULL::VARCHAR AS line, NULL::VARCHAR AS verdict, NULL::VARCHAR AS uprn, NULL::TIMESTAMPTZ AS decided_at "
    "WHERE false)"
)
DECIDED, DECIDED_NONE = "decided by a person", "decided by a person: none"


class UprnBuilder:
    """Makes the table of a `.uprn.yaml`."""

    model = UprnFile

    @staticmethod
    def inputs(table: ProductTable) -> Iterator[tuple[str, int]]:
        """The gazetteer, the tables that hold addresses, and what people decided."""
        document, spec = read_uprn(table.recipe, recipe_shown(table))
        seen = {spec.gazetteer.table}
        yield spec.gazetteer.table, document.line(("gazetteer", "table"))
        for place, addresses in enumerate(spec.addresses):
            if addresses.table not in seen:
                yield addresses.table, document.line(("addresses", place, "table"))
                seen.add(addresses.table)
        yield str(table.name.beside(DECISION)), 1

    @staticmethod
    def selects(table: ProductTable) -> Iterator[tuple[str, int]]:
        """What is asked of the tables, with the line of the file that asks it."""
        document, spec = read_uprn(table.recipe, recipe_shown(table))
        asked = spec.gazetteer
        for name, is_needed in PARTS.items():
            given = name in asked.columns
            if given or is_needed:
                place = ("columns", name) if given else ("table",)
                yield f"SELECT {asked.part(name)} AS made FROM {asked.table}", document.line(("gazetteer", *place))
        if asked.where:
            yield f"SELECT ({asked.where}) AS made FROM {asked.table}", document.line(("gazetteer", "where"))
        for number, addresses in enumerate(spec.addresses):
            for key in ("address", "postcode", "uprn", "where"):
                if sql := getattr(addresses, key):
                    line = document.line(("addresses", number, key))
                    yield f"SELECT ({sql}) AS made FROM {addresses.table}", line

    @staticmethod
    def lineage(table: ProductTable, columns: Collection[str]) -> str:
        """SQL with the lineage of the table; it is read and never run."""
        _, spec = read_uprn(table.recipe, recipe_shown(table))
        return lineage_select(spec, table.name)

    def make(self, context: Context) -> Making | None:
        """The addresses whose row is new or differs, or all of them the first time; None where none does."""
        _, spec = read_uprn(context.table.recipe, context.where)
        con, name = context.con, context.table.name
        matching.load_macros(con)
        _see(context, spec)
        gazetteer = context.input_mark(spec.gazetteer.name, DATA) or 0
        exists = context.engine.lake.open(name) is not None and not context.anew
        before = context.engine.relation(name) if exists else None
        nulls = ", ".join(f"NULL::{kind} AS {c}" for c, kind in COLUMNS.items())
        rows = f"SELECT {', '.join(COLUMNS)} FROM {before}" if before else f"SELECT {nulls} WHERE false"
        con.execute(f"CREATE OR REPLACE TEMP TABLE places_before AS {rows}")
        known = context.engine.lake.columns(spec.gazetteer.name)
        entries = entries_select(spec.gazetteer, quoted(spec.gazetteer.name), known)
        con.execute(f"CREATE OR REPLACE TEMP VIEW places_gazetteer AS {entries}")
        decided = name.beside(DECISION)
        decisions = (
            LATEST.format(decisions=quoted(decided)) if decided in context.inputs else f"SELECT * FROM {_NO_DECISIONS}"
        )
        con.execute(f"CREATE OR REPLACE TEMP TABLE places_decided AS {decisions}")
        _match(context, spec, gazetteer, anew=before is None or context.mark(GAZETTEER) != gazetteer)
        _put_together(context)
        marks = {GAZETTEER: gazetteer}
        if before is None:
            return Making("SELECT * FROM places_after", order=["line"], marks=marks)
        con.execute(
            "CREATE OR REPLACE TEMP TABLE places_affected AS "
            "SELECT line FROM (SELECT * FROM places_after EXCEPT SELECT * FROM places_before) "
            "UNION SELECT line FROM places_before WHERE line NOT IN (SELECT line FROM places_after)"
        )
        if context.mark(GAZETTEER) == gazetteer and not con.execute("SELECT 1 FROM places_affected LIMIT 1").fetchone():
            return None
        rows = "SELECT * FROM places_after WHERE line IN (SELECT line FROM places_affected)"
        return Making(rows, keys=["line"], affected="places_affected", order=["line"], marks=marks)


def _see(context: Context, spec: UprnFile) -> None:
    """Make `places_seen`: every address that the tables hold now, how often, where, and the UPRN all its rows give."""
    each = " UNION ALL ".join(f"({addresses_select(a, quoted(a.name))})" for a in spec.addresses)
    context.con.execute(
        "CREATE OR REPLACE TEMP TABLE places_seen AS "
        "SELECT concat_ws(', ', address, postcode) AS line, min(address) AS address, min(postcode) AS postcode, "
        "CASE WHEN count(DISTINCT given) = 1 THEN min(given) END AS given_uprn, count(*) AS records, "
        "array_to_string(list_sort(list_distinct(list(source))), ', ') AS sources "
        f"FROM ({each}) WHERE address IS NOT NULL GROUP BY line"
    )


def _match(context: Context, spec: UprnFile, gazetteer: int, anew: bool) -> None:
    """Match what must be: new addresses, those whose given UPRN changed or that nobody decides any more, and where
    the gazetteer changed (`anew`) those without a certain match or whose entry is not there."""
    con = context.con
    again = (
        "OR b.status <> 'matched' OR NOT EXISTS (SELECT 1 FROM places_gazetteer AS g WHERE g.may_match "
        "AND g.uprn = b.uprn AND concat_ws(', ', g.address, g.postcode) = b.gazetteer_address)"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE places_due AS "
        "SELECT s.line, s.address, s.postcode, s.given_uprn AS given FROM places_seen AS s "
        "LEFT JOIN places_before AS b USING (line) "
        "WHERE s.line NOT IN (SELECT line FROM places_decided) AND (b.line IS NULL "
        f"OR b.matched_by IN ('{DECIDED}', '{DECIDED_NONE}') "
        f"OR b.given_uprn IS DISTINCT FROM s.given_uprn {again if anew else ''})"
    )
    matching.prepare_texts(con, spec)
    # The gazetteer is read only where something is to be matched.
    due = con.execute("SELECT 1 FROM places_text WHERE fault IS NULL LIMIT 1").fetchone()
    matching.prepare_entries(con, f"SELECT * FROM places_gazetteer{'' if due else ' WHERE false'}")
    folder = context.project.state / "places" / str(spec.gazetteer.name)
    matching.propose(con, folder, prepared_key(spec.gazetteer, gazetteer))
    matching.judge(con, spec.thresholds)


def _put_together(context: Context) -> None:
    """Make `places_after`: each address that is seen, by a person's decision, this matching, or an earlier one."""

    def of(column: str, decided: str) -> str:
        return (
            f"CASE WHEN d.line IS NOT NULL THEN {decided} WHEN j.line IS NOT NULL THEN j.{column} ELSE b.{column} END "
            f"AS {column}"
        )

    entry = (
        "(SELECT arg_min(concat_ws(', ', g.address, g.postcode), g.logical_status) FROM places_gazetteer AS g "
        "WHERE g.uprn = nullif(d.uprn, ''))"
    )
    context.con.execute(
        f"""CREATE OR REPLACE TEMP TABLE places_after AS
        SELECT s.line, s.address, s.postcode, {of("uprn", "nullif(d.uprn, '')")},
            {of("candidate_uprn", "nullif(d.uprn, '')")}, {of("score", "NULL")},
            {of("matched_by", f"CASE d.verdict WHEN 'none' THEN '{DECIDED_NONE}' ELSE '{DECIDED}' END")},
            {of("status", "CASE d.verdict WHEN 'none' THEN 'none' ELSE 'matched' END")},
            {of("gazetteer_address", entry)}, s.given_uprn, s.records, s.sources,
            CASE WHEN d.line IS NOT NULL THEN d.decided_at WHEN j.line IS NOT NULL THEN now() ELSE b.matched_at END
                AS matched_at
        FROM places_seen AS s LEFT JOIN places_decided AS d USING (line) LEFT JOIN places_judged AS j USING (line)
        LEFT JOIN places_before AS b USING (line)"""
    )
