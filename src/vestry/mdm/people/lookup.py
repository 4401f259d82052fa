"""From what somebody knows of a person to the person's id: an identifier, a way to reach them, or a name.

Only records that may be linked are looked at, so nobody is found who is kept out of every list.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from vestry.mdm.people import standard
from vestry.mdm.people.explain import Reader, Record
from vestry.project import VestryError

_ID = re.compile(r"P\d{9,}")
#: More words than this are no name.
_WORDS = 8
#: Ways in which a text may mean somebody: what the record holds, made of the text as the index makes it, and the
#: attribute that it is of.
_IDENTIFIERS = {
    "nhs": ("nhs_number", "nhs_number(said)"),
    "ni": ("ni_number", "ni_key(said)"),
    "upn": ("upn", "upn(upper(trim(said)))"),
    "other": ("other_id", "nullif(regexp_replace(upper(said), '[^A-Z0-9]', '', 'g'), '')"),
    "telephone": ("telephone", "telephone_key(said)"),
    "email": ("email", "email_key(said)"),
}
#: Where the words of a name stand, by the attributes that they are of.
_NAMES = {
    ("forename", "middle_names", "surname"): ("words",),
    ("forename",): ("given", "whole"),
    ("middle_names",): ("middle",),
    ("surname",): ("family",),
}


@dataclass(frozen=True)
class Found:
    """A person who may be meant: the id, and how many records in how many tables."""

    person: str
    records: int
    sources: int


def find(
    reader: Reader, text: str, born: date | None = None, limit: int = 20, by: Collection[str] | None = None
) -> list[Found]:
    """The people whom a text may mean: an id that they have or had, an identifier, a telephone, an email, or a name.

    Every word of a name must be in one of the person's records, and the date of birth in the same one. `by` are the
    attributes by which they may be found; all where it is None.
    """
    text = " ".join(text.split())
    if _ID.fullmatch(text.upper()):
        try:
            return _counted(reader, [reader.resolve(text.upper())], limit)
        except VestryError:
            return []
    may = [column for column, (attribute, _) in _IDENTIFIERS.items() if by is None or attribute in by]
    asked = ", ".join(f"{made} AS {column}" for column, (_, made) in _IDENTIFIERS.items())
    means = reader.rows(f"SELECT {asked}, name_words(said) AS name FROM (SELECT ?::VARCHAR AS said)", [text])[0]
    name = means.pop("name")
    parameters = {column: means[column] for column in may if means[column] is not None}
    ways = [f"{column} = ${column}" for column in parameters]
    places = [place for of, held in _NAMES.items() if by is None or set(of) <= set(by) for place in held]
    if name and len(name) <= _WORDS and places:
        ways.append(f"list_has_all(string_split(concat_ws(' ', {', '.join(places)}), ' '), $name)")
        parameters["name"] = name
    if not ways:
        return []
    if born is not None:
        parameters["born"] = str(born)
    and_born = " AND born = $born" if born is not None else ""
    hit = f"SELECT uid FROM {standard.comparable(reader.relation(reader.names.standard))}"
    rows = reader.rows(
        f"SELECT DISTINCT person_id FROM {reader.relation(reader.names.record)} "
        f"WHERE record_number(source, record_id) IN ({hit} WHERE ({' OR '.join(ways)}){and_born}) "
        f"ORDER BY person_id LIMIT {limit + 1}",
        parameters,
    )
    return _counted(reader, [row["person_id"] for row in rows], limit + 1)


def _counted(reader: Reader, people: Collection[str], limit: int) -> list[Found]:
    rows = reader.rows(
        f"SELECT person_id, count(*) AS records, count(DISTINCT source) AS sources "
        f"FROM {reader.relation(reader.names.record)} WHERE person_id IN (SELECT unnest(?::VARCHAR[])) "
        f"GROUP BY person_id ORDER BY records DESC, person_id LIMIT {limit}",
        [sorted(listed(reader, people))],
    )
    return [Found(row["person_id"], row["records"], row["sources"]) for row in rows]


def listed(reader: Reader, people: Collection[str]) -> set[str]:
    """Those of some people who may be on a list: the index holds a record of theirs that may be linked."""
    return set(_whose(reader, "person_id IN (SELECT unnest(?::VARCHAR[]))", [list(people)]).values())


def people_of(reader: Reader, records: Collection[Record]) -> dict[Record, str]:
    """Whose each record is; those that the index does not hold, or that are on no list, are left out."""
    asked = [[r.source for r in records], [r.key for r in records]]
    return _whose(reader, "(source, record_id) IN (SELECT (unnest(?::VARCHAR[]), unnest(?::VARCHAR[])))", asked)


def _whose(reader: Reader, condition: str, parameters: Sequence[Any]) -> dict[Record, str]:
    rows = reader.rows(
        f"""WITH asked AS MATERIALIZED (
                SELECT source, record_id, person_id, record_number(source, record_id) AS uid
                FROM {reader.relation(reader.names.record)} WHERE {condition}
            )
            SELECT source, record_id, person_id FROM asked
            SEMI JOIN {standard.comparable(reader.relation(reader.names.standard))} AS s USING (uid)""",
        parameters,
    )
    return {Record(row["source"], row["record_id"]): row["person_id"] for row in rows}
