"""From what somebody knows of a person to the person's id: an identifier, a way to reach them, or a name.

Only records that may be linked are looked at, so nobody is found who is kept out of every list.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from vestry.mdm.people import standard
from vestry.mdm.people.explain import Reader, Record
from vestry.project import VestryError

_ID = re.compile(r"P\d{9,}")
#: More words than this are no name.
_WORDS = 8
#: Ways in which a text may mean somebody: what the record holds, made of the text as the index makes it.
_IDENTIFIERS = {
    "nhs": "nhs_number(said)",
    "ni": "ni_key(said)",
    "upn": "upn(upper(trim(said)))",
    "other": "nullif(regexp_replace(upper(said), '[^A-Z0-9]', '', 'g'), '')",
    "telephone": "telephone_key(said)",
    "email": "email_key(said)",
}


@dataclass(frozen=True)
class Found:
    """A person who may be meant: the id, and how many records in how many tables."""

    person: str
    records: int
    sources: int


def find(reader: Reader, text: str, born: date | None = None, limit: int = 20) -> list[Found]:
    """The people whom a text may mean: an id that they have or had, an identifier, a telephone, an email, or a name.

    Every word of a name must be in one of the person's records, and the date of birth in the same one.
    """
    text = " ".join(text.split())
    if _ID.fullmatch(text.upper()):
        try:
            ids = [reader.resolve(text.upper())]
        except VestryError:
            return []
        return _counted(reader, ids, limit)
    asked = ", ".join(f"{made} AS asked_{column}" for column, made in _IDENTIFIERS.items())
    same = " OR ".join(f"{column} = asked_{column}" for column in _IDENTIFIERS)
    rows = reader.rows(
        f"""WITH asked AS (SELECT name_words(said) AS asked_name, {asked} FROM (SELECT ?::VARCHAR AS said)),
            hit AS (
                SELECT uid FROM {standard.comparable(reader.relation(reader.names.standard))}, asked
                WHERE ({same} OR len(asked_name) BETWEEN 1 AND {_WORDS} AND list_has_all(
                    string_split(concat_ws(' ', words, whole, middle, family), ' '), asked_name))
                  AND born IS NOT DISTINCT FROM coalesce(CAST(?::DATE AS VARCHAR), born)
            )
            SELECT DISTINCT person_id FROM {reader.relation(reader.names.record)}
            WHERE record_number(source, record_id) IN (SELECT uid FROM hit) ORDER BY person_id LIMIT {limit + 1}""",
        [text, born],
    )
    return _counted(reader, [row["person_id"] for row in rows], limit + 1)


def _counted(reader: Reader, people: Collection[str], limit: int) -> list[Found]:
    rows = reader.rows(
        f"SELECT person_id, count(*) AS records, count(DISTINCT source) AS sources "
        f"FROM {reader.relation(reader.names.record)} WHERE person_id IN (SELECT unnest(?::VARCHAR[])) "
        f"GROUP BY person_id ORDER BY records DESC, person_id LIMIT {limit}",
        [list(people)],
    )
    return [Found(row["person_id"], row["records"], row["sources"]) for row in rows]


def people_of(reader: Reader, records: Collection[Record]) -> dict[Record, str]:
    """Whose each record is; those that the index does not hold are left out."""
    rows = reader.rows(
        f"""SELECT source, record_id, person_id FROM {reader.relation(reader.names.record)}
            WHERE (source, record_id) IN (SELECT (unnest(?::VARCHAR[]), unnest(?::VARCHAR[])))""",
        [[r.source for r in records], [r.key for r in records]],
    )
    return {Record(row["source"], row["record_id"]): row["person_id"] for row in rows}
