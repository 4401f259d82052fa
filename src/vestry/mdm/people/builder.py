"""`<table>.match.yaml`: the citizen index.

The contract promises three tables of it: `<table>_event` (what became of every record and person: the truth that
the others are made from), `<table>_record` (each record now, and whose it is) and `<table>` (the golden record).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from vestry.mdm.people.companions import Companions
from vestry.mdm.people.golden import golden_select
from vestry.mdm.people.grouping import EVENTS_TO
from vestry.mdm.people.index import UPDATE, Index
from vestry.mdm.people.lineage import lineage_select
from vestry.mdm.people.model import ATTRIBUTES, MatchFile, read_match
from vestry.mdm.people.standard import homes_of
from vestry.products.builder import Context, Making
from vestry.project import ProductTable, TableName, VestryError, literal
from vestry.project.inputs import recipe_shown

#: The mark of `<table>_record` and `<table>`: the last update of the index that they read.
_READ_TO = "vestry.index_read_to"


def base_of(table: ProductTable) -> TableName:
    """The golden record's table, whichever part of the recipe this is."""
    return TableName(table.name.domain, table.name.product, table.recipe.name.partition(".")[0])


class MatchBuilder:
    """Makes the parts of a citizen index."""

    model = MatchFile

    @staticmethod
    def inputs(table: ProductTable) -> Iterator[tuple[str, int]]:
        """The tables that a part reads: the council's own for the events, the other parts for the rest."""
        document, spec = read_match(table.recipe, recipe_shown(table))
        names = Companions(base_of(table))
        if table.part == "event":
            yield from ((p.table, document.line(("people", n, "table"))) for n, p in enumerate(spec.people))
            yield from ((h.table, document.line(("homes", n, "table"))) for n, h in enumerate(spec.homes))
            yield from ((t.table, document.line(("told_apart", n, "table"))) for n, t in enumerate(spec.told_apart))
            yield str(names.decision), 1
        else:
            yield str(names.event if table.part == "record" else names.record), 1

    @staticmethod
    def selects(table: ProductTable) -> Iterator[tuple[str, int]]:
        """What is asked of the council's tables, with the line of the file that asks it."""
        if table.part != "event":
            return
        document, spec = read_match(table.recipe, recipe_shown(table))
        for place, people in enumerate(spec.people):
            for name, sql in people.columns.items():
                yield f"SELECT {sql} AS made FROM {people.table}", document.line(("people", place, "columns", name))
            for key in ("key", "where", "apart", "adult"):
                if isinstance(sql := getattr(people, key), str):
                    yield f"SELECT {sql} AS made FROM {people.table}", document.line(("people", place, key))
            if hidden := people.hidden(None):
                yield f"SELECT {hidden} AS made FROM {people.table}", document.line(("people", place, "protected"))
        for place, homes in enumerate(spec.homes):
            yield homes_of(homes), document.line(("homes", place))
        for place, pair in enumerate(spec.told_apart):
            yield f"SELECT {pair.left}, {pair.right} FROM {pair.table}", document.line(("told_apart", place))

    @staticmethod
    def lineage(table: ProductTable, columns: Collection[str]) -> str:
        """SQL with the lineage of a part; it is read and never run."""
        _, spec = read_match(table.recipe, recipe_shown(table))
        return lineage_select(spec, table.part, Companions(base_of(table)))

    def make(self, context: Context) -> Making | None:
        """The rows of one part, or None where nothing has changed."""
        promised = {t.name.table for t in context.project.products[_product(context)].tables}
        names = Companions(base_of(context.table))
        missing = {names.event.table, names.record.table, names.base.table} - promised
        if missing:
            mend = "the contract must promise all three: see `vestry schema match` and the reference"
            raise VestryError(f"a citizen index needs the tables {', '.join(sorted(missing))} too", context.where, mend)
        part = {"event": _events, "record": _records, "": _people}[context.table.part]
        return part(context, names)


def _product(context: Context) -> str:
    return f"{context.table.name.domain}.{context.table.name.product}"


def _index(context: Context) -> Index:
    _, spec = read_match(context.table.recipe, context.where)
    return Index(context.engine.lake, context.con, spec, base_of(context.table))


def _events(context: Context, names: Companions) -> Making | None:
    index = _index(context)
    marks = index.update(context.mark, context.anew)
    if marks is None:
        return None
    if not index.exists(names.event):
        return Making("SELECT * FROM mdm_events", order=["event_id"], marks=marks)
    if context.anew:
        kept = f"SELECT * FROM {index.relation(names.event)} UNION ALL BY NAME SELECT * FROM mdm_events"
        return Making(kept, order=["event_id"], marks=marks)
    context.con.execute("CREATE OR REPLACE TEMP TABLE mdm_added AS SELECT event_id FROM mdm_events")
    return Making("SELECT * FROM mdm_events", keys=["event_id"], affected="mdm_added", order=["event_id"], marks=marks)


def _records(context: Context, names: Companions) -> Making | None:
    index = _index(context)
    update = context.input_mark(names.event, UPDATE) or 0
    read_to = context.mark(_READ_TO)
    events = context.engine.relation(names.event)
    standard = index.relation(names.standard)
    last = (
        "SELECT source, record_id, arg_max(person_id, event_id) AS person_id, arg_max(happened_at, event_id) AS since, "
        "arg_max(because, event_id) AS because, arg_max(kind, event_id) AS kind"
    )
    values = ", ".join(f"s.{_STORED.get(n, n)} AS {n}" for n in ATTRIBUTES)
    rows = (
        f"SELECT e.source, e.record_id, e.person_id, e.since, e.because, {values} "
        f"FROM ({last} FROM {events} WHERE record_id IS NOT NULL{{some}} GROUP BY source, record_id) AS e "
        f"JOIN {standard} AS s ON s.source = e.source AND s.record_id = e.record_id "
        "WHERE e.kind <> 'leave' AND NOT s.gone"
    )
    marks = {_READ_TO: update, EVENTS_TO: _last_event(context, events)}
    order = ["source", "record_id"]
    if read_to is None or context.anew:
        return Making(rows.format(some=""), order=order, marks=marks)
    seen = context.mark(EVENTS_TO) or 0
    context.con.execute(
        f"CREATE OR REPLACE TEMP TABLE mdm_touched AS SELECT DISTINCT source, record_id FROM {events} "
        f"WHERE event_id > {seen} AND record_id IS NOT NULL "
        f"UNION SELECT source, record_id FROM {standard} WHERE changed_in > {read_to}"
    )
    if not context.con.execute("SELECT 1 FROM mdm_touched LIMIT 1").fetchone():
        return None
    some = " AND (source, record_id) IN (SELECT (source, record_id) FROM mdm_touched)"
    return Making(rows.format(some=some), keys=order, affected="mdm_touched", order=order, marks=marks)


#: Columns of the standard records whose name is that of what they are compared by.
_STORED = {
    "sex": "sex", "upn": "upn_told", "telephone": "telephone_told", "email": "email_told",
}  # fmt: skip


def _last_event(context: Context, events: str) -> int:
    row = context.con.execute(f"SELECT max(event_id) FROM {events}").fetchone()
    return int(row[0] or 0) if row else 0


def _people(context: Context, names: Companions) -> Making | None:
    _, spec = read_match(context.table.recipe, context.where)
    records = context.engine.relation(names.record)
    events = context.engine.relation(names.event)
    now = context.input_mark(names.record, EVENTS_TO) or 0
    update = context.input_mark(names.record, _READ_TO) or 0
    marks = {EVENTS_TO: now, _READ_TO: update}
    seen, read_to = context.mark(EVENTS_TO), context.mark(_READ_TO)
    if seen is None or read_to is None or context.anew:
        return Making(golden_select(spec, records), order=["person_id"], marks=marks)
    standard = f"delta_scan({literal(context.engine.lake.uri(names.standard))})"
    context.con.execute(
        f"CREATE OR REPLACE TEMP TABLE mdm_persons AS SELECT DISTINCT person_id FROM ("
        f"SELECT person_id FROM {events} WHERE event_id > {seen} "
        f"UNION SELECT old_person_id FROM {events} WHERE event_id > {seen} "
        f"UNION SELECT person_id FROM {records} AS r WHERE (source, record_id) IN "
        f"(SELECT (source, record_id) FROM {standard} WHERE changed_in > {read_to})) WHERE person_id IS NOT NULL"
    )
    if not context.con.execute("SELECT 1 FROM mdm_persons LIMIT 1").fetchone():
        return None
    context.con.execute(
        "CREATE OR REPLACE TEMP TABLE mdm_said AS "
        f"SELECT * FROM {records} WHERE person_id IN (SELECT person_id FROM mdm_persons)"
    )
    order = ["person_id"]
    return Making(golden_select(spec, "mdm_said"), keys=order, affected="mdm_persons", order=order, marks=marks)
