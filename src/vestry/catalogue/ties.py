"""Who is tied to whom: tables of ties and groups (families, households) that are made from a citizen index.

They are known by their primary key: two persons, or a group and a person. A table that is special or criminal says
something of a person by naming them, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vestry.catalogue.model import Catalogue, ColumnEntry, TableEntry
from vestry.mdm.people.explain import Reader
from vestry.mdm.people.lookup import listed
from vestry.project import TableName, quote

PERSON = "person_id"
_GUARDED = ("special", "criminal")
#: A tie may be told by several records, and a person may come and go: what a key may hold besides.
_BESIDES = ("source", "record_id", "other_source", "other_record_id")


@dataclass(frozen=True)
class TieTable:
    """A table with a tie in each row: `other` is the column of the other person, or of the group."""

    entry: TableEntry
    other: str
    is_group: bool


def tie_tables(catalogue: Catalogue, index: TableName) -> list[TieTable]:
    """Those that are made from the index whose golden record is this table."""
    own = catalogue.project.tables[index].recipe
    made = catalogue.graph.downstream([t.name for t in catalogue.project.tables.values() if t.recipe == own])
    return [tie for name in sorted(made) if name in catalogue.tables for tie in _ties(catalogue.tables[name])]


def _ties(entry: TableEntry) -> Iterator[TieTable]:
    key = entry.promised.primary_key if entry.promised else ()
    columns = [entry.by_name[c] for c in key if c in entry.by_name]
    if PERSON not in key or not entry.state or entry.by_name[PERSON].classification in _GUARDED:
        return
    others = [c for c in columns if c.name.endswith("_id") and c.name not in (PERSON, *_BESIDES)]
    if len(others) != 1 or others[0].classification in _GUARDED:
        return
    is_group = not others[0].name.endswith(f"_{PERSON}")
    # A key that tells of more than when is one of facts about members.
    if not is_group or all(_is_time(c) for c in columns if c.name not in (PERSON, others[0].name)):
        yield TieTable(entry, others[0].name, is_group)


def _is_time(column: ColumnEntry) -> bool:
    return (column.type or "").startswith(("DATE", "TIMESTAMP"))


def tied(reader: Reader, ties: Sequence[TieTable], person: str) -> dict[TableName, list[str]]:
    """The ids of those to whom each table ties a person, as far as they are on any list."""
    if not ties:
        return {}
    tables = ", ".join(
        f"t{n} AS MATERIALIZED (SELECT {PERSON}, {quote(tie.other)} AS other FROM {reader.relation(tie.entry.name)})"
        for n, tie in enumerate(ties)
    )
    others = " UNION ALL ".join(_others(tie, n) for n, tie in enumerate(ties))
    rows = reader.rows(
        f"WITH {tables} SELECT DISTINCT place, id FROM ({others}) WHERE id <> $1 ORDER BY place, id",
        [person],
    )
    known = listed(reader, {row["id"] for row in rows})
    found: dict[TableName, list[str]] = {}
    for row in rows:
        if row["id"] in known:
            found.setdefault(ties[row["place"]].entry.name, []).append(row["id"])
    return found


def _others(tie: TieTable, n: int) -> str:
    if tie.is_group:
        return (
            f"SELECT {n} AS place, {PERSON} AS id FROM t{n} WHERE other IN (SELECT other FROM t{n} WHERE {PERSON} = $1)"
        )
    return (
        f"SELECT {n} AS place, other AS id FROM t{n} WHERE {PERSON} = $1 "
        f"UNION ALL SELECT {n}, {PERSON} FROM t{n} WHERE other = $1"
    )
