"""Why two records are one person or not, in words and weights; and what is known of a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import duckdb

from vestry.lake import Lake
from vestry.mdm.people import standard
from vestry.mdm.people.companions import Companions, told_pairs
from vestry.mdm.people.linker import Model
from vestry.mdm.people.model import MatchFile
from vestry.mdm.people.scoring import level_of
from vestry.project import TableName, VestryError, literal

#: What a weight that is not the sum follows from.
RULE = "a different forename or date of birth is not outweighed by a shared home, name or telephone"


@dataclass(frozen=True, order=True)
class Record:
    """A record: the table that it is of, and its key there."""

    source: str
    key: str

    def __str__(self) -> str:
        return f"{self.source} {self.key}"

    @classmethod
    def parse(cls, text: str) -> Record:
        """From `housing.tenancies.person/P123`, or with a space. Raises VestryError."""
        source, _, key = text.strip().replace(" ", "/", 1).partition("/")
        if source.count(".") != 2 or not key:
            raise VestryError(
                f"`{text}` names no record",
                mend="write table/key, such as housing.tenancies.person/P123, or a person's id",
            )
        return cls(source, key)


@dataclass(frozen=True)
class Evidence:
    """What one comparison says: of which attribute, in words, in bits, and the two values."""

    attribute: str
    words: str
    bits: float
    left: str
    right: str


@dataclass(frozen=True)
class Explanation:
    """Two records, what speaks for and against their being one person, and what became of it."""

    left: Record
    right: Record
    evidence: Sequence[Evidence]
    #: How likely any two records are one person, before anything is known of them, in bits.
    beforehand: float
    #: What the index holds of the pair: the sum after its rules; None where they were never compared.
    weight: float | None
    verdict: str
    #: What the index holds of each.
    sides: tuple[Mapping[str, Any], Mapping[str, Any]] = field(repr=False)

    @property
    def total(self) -> float:
        return self.beforehand + sum(e.bits for e in self.evidence)

    @property
    def odds(self) -> str:
        """The sum in words, such as `1,024 to 1 for one person`."""
        if abs(self.total) <= 0.5:
            return "as likely as not"
        return f"{2 ** min(abs(self.total), 40):,.0f} to 1 for {'one person' if self.total > 0 else 'two people'}"

    @property
    def ruled(self) -> float | None:
        """The weight after the index's rules, where it is another than the sum."""
        return self.weight if self.weight is not None and abs(self.weight - self.total) > 0.5 else None


class Reader:
    """A citizen index as it stands, or stood at a time, to be asked."""

    def __init__(
        self,
        lake: Lake,
        con: duckdb.DuckDBPyConnection,
        spec: MatchFile,
        base: TableName,
        as_of: datetime | None = None,
    ) -> None:
        self.lake, self.con, self.spec, self.as_of = lake, con, spec, as_of
        self.names = Companions(base)
        self._model_version: int | None = None
        if lake.open(self.names.record) is None:
            raise VestryError(f"{base} is not in the lake yet", mend="make it with `vestry run`")
        standard.prepare(con, spec)

    def relation(self, name: TableName) -> str:
        """SQL of a relation over a table, as it stood."""
        version = f", version => {self.lake.version_at(name, self.as_of)}" if self.as_of else ""
        return f"delta_scan({literal(self.lake.uri(name))}{version})"

    @cached_property
    def _relations(self) -> Mapping[str, str]:
        names = self.names
        found = {
            n: self.relation(t) for n, t in (("record", names.record), ("person", names.base), ("event", names.event))
        }
        if self.as_of:
            # Who is withheld today is not told of by what was known before.
            now, standing = (f"delta_scan({literal(self.lake.uri(t))})" for t in (names.record, names.standard))
            withheld = (
                f"SELECT person_id FROM {found['record']} SEMI JOIN (SELECT source, record_id "
                f"FROM (SELECT source, record_id FROM {standing} WHERE NOT gone) AS standing "
                f"ANTI JOIN {now} AS now USING (source, record_id)) USING (source, record_id)"
            )
            for name in ("record", "person"):
                found[name] = f"(SELECT * FROM {found[name]} WHERE person_id NOT IN ({withheld}))"
        return found

    @cached_property
    def pairs(self) -> str:
        """SQL of the weighed pairs that may be told of."""
        return told_pairs(self.lake, self.names, self.relation(self.names.pair))

    @cached_property
    def model(self) -> Model:
        row = self.con.execute(
            f"SELECT model FROM {self.relation(self.names.model)} ORDER BY model_id DESC LIMIT 1"
        ).fetchone()
        assert row is not None
        return Model.from_json(row[0])

    def refresh(self) -> None:
        """See the model that was trained since, if one was; everything else is read anew each time."""
        table = self.lake.open(self.names.model)
        version = table.version() if table else None
        if version != self._model_version:
            self._model_version = version
            self.__dict__.pop("model", None)

    def record(self, record: Record) -> dict[str, Any]:
        """What the index holds of a record. Raises VestryError where it holds none of that name."""
        return self._held(record)[0]

    def _held(self, *records: Record) -> list[dict[str, Any]]:
        """What the index holds of some records, and the number of each as `uid`."""
        named = " OR ".join(["(source = ? AND record_id = ?)"] * len(records))
        rows = self.rows(
            f"SELECT *, record_number(source, record_id) AS uid FROM {self._relations['record']} WHERE {named}",
            [part for record in records for part in _parts(record)],
        )
        found = {Record(row["source"], row["record_id"]): row for row in rows}
        for record in records:
            if record not in found:
                raise VestryError(
                    f"the index holds no record {record}", mend="`vestry people show ID` lists a person's records"
                )
        return [found[record] for record in records]

    def records(self, person: str) -> list[dict[str, Any]]:
        """The records of a person, the one that was confirmed last first."""
        return self.rows(
            f"SELECT * FROM {self._relations['record']} WHERE person_id = ? "
            "ORDER BY coalesce(valid_to, valid_from) DESC NULLS LAST, source, record_id",
            [person],
        )

    def resolve(self, person: str) -> str:
        """The id that a person has now, from any id that the person ever had.

        Raises VestryError where nobody ever had it.
        """
        seen = [person]
        while True:
            if self.rows(f"SELECT 1 FROM {self._relations['record']} WHERE person_id = ? LIMIT 1", [seen[-1]]):
                return seen[-1]
            found = self.rows(
                f"SELECT person_id FROM {self._relations['event']} WHERE kind = 'merge' AND old_person_id = ? "
                "ORDER BY event_id DESC LIMIT 1",
                [seen[-1]],
            )
            if not found or found[0]["person_id"] in seen:
                raise VestryError(f"the index knows nobody as {person}", mend="ids look like P000000017")
            seen.append(found[0]["person_id"])

    def person(self, person: str) -> dict[str, Any]:
        """The golden record."""
        rows = self.rows(f"SELECT * FROM {self._relations['person']} WHERE person_id = ?", [person])
        if not rows:
            raise VestryError(f"the index knows nobody as {person}", mend="ids look like P000000017")
        return rows[0]

    def events(self, person: str) -> list[dict[str, Any]]:
        """What became of a person, in order."""
        return self.rows(
            f"SELECT * FROM {self._relations['event']} WHERE person_id = ? OR old_person_id = ? ORDER BY event_id",
            [person, person],
        )

    def nearest(self, left: str, right: str) -> tuple[Record, Record]:
        """Two records from what somebody writes: of people, the two records with most evidence between them."""
        sides = [self._side(text) for text in (left, right)]
        if all(len(side) == 1 for side in sides):
            return sides[0][0], sides[1][0]
        pairs = [(a, b) for a in sides[0] for b in sides[1] if a != b]
        rows = self.rows(
            f"""WITH a AS (SELECT unnest(?::VARCHAR[]) AS source, unnest(?::VARCHAR[]) AS key),
                b AS (SELECT unnest(?::VARCHAR[]) AS source, unnest(?::VARCHAR[]) AS key)
                SELECT a.source AS s, a.key AS k, b.source AS t, b.key AS m
                FROM {self.pairs} AS p, a, b
                WHERE p.uid_l = least(record_number(a.source, a.key), record_number(b.source, b.key))
                  AND p.uid_r = greatest(record_number(a.source, a.key), record_number(b.source, b.key))
                ORDER BY p.weight DESC LIMIT 1""",
            [
                [r.source for r in sides[0]],
                [r.key for r in sides[0]],
                [r.source for r in sides[1]],
                [r.key for r in sides[1]],
            ],
        )
        return (Record(rows[0]["s"], rows[0]["k"]), Record(rows[0]["t"], rows[0]["m"])) if rows else pairs[0]

    def _side(self, text: str) -> list[Record]:
        if "/" in text or " " in text.strip():
            return [Record.parse(text)]
        return [Record(r["source"], r["record_id"]) for r in self.records(self.resolve(text))]

    def explain(self, left: Record, right: Record) -> Explanation:
        """Why two records are one person or not.

        Raises VestryError where the index does not hold one of them.
        """
        mine, other = self._held(left, right)
        weight, evidence = self._evidence(mine["uid"], other["uid"])
        same = mine["person_id"] == other["person_id"]
        a, b = sorted((mine["uid"], other["uid"]))
        verdict = self._verdict(a, b, same, weight)
        return Explanation(left, right, evidence, _bits(self.model.prior), weight, verdict, (mine, other))

    def _verdict(self, a: int, b: int, same: bool, weight: float | None) -> str:
        from vestry.mdm.people.grouping import decided

        if self.lake.open(self.names.decision) is not None:
            said = self.rows(
                f"SELECT * FROM ({decided(self.relation(self.names.decision))}) WHERE uid_l = ? AND uid_r = ?", [a, b]
            )
            if said and said[0]["decision"] in ("same", "different"):
                person = "one person" if said[0]["decision"] == "same" else "two people"
                held = "" if same == (said[0]["decision"] == "same") else " The index does not have it so."
                return f"{said[0]['who']} decided that they are {person}: {said[0]['why']}.{held}"
        if weight is None:
            if same:
                return (
                    "They are one person by other records that link them; these two were not compared with each other."
                )
            return "They are two people. The index holds no comparison of them."
        link, review = self.spec.thresholds.link, self.spec.thresholds.review
        if same and weight >= link:
            return "They are one person: what they share outweighs chance."
        if same:
            return "They are one person by other records that link them."
        if weight >= link:
            return (
                "They are linked, but other records tell them apart or say too little, so they are two people until "
                "somebody decides."
            )
        if weight >= review:
            return "They are two people until somebody decides: the evidence is between the thresholds."
        return "They are two people: what they share is no more than chance brings."

    def _evidence(self, left: int, right: int) -> tuple[float | None, list[Evidence]]:
        """The weight of two records, and their comparisons, each at the level at which it stands."""
        standing = standard.comparable(f"delta_scan({literal(self.lake.uri(self.names.standard))})")
        parts, words = [], {}
        for comparison in self.model.settings["comparisons"]:
            name = comparison["output_column_name"]
            for place, level in enumerate(comparison["comparison_levels"]):
                words[name, place] = "" if level.get("is_null_level") else level["label_for_charts"]
            parts.append(f"{level_of(comparison)} AS level_{name}")
        compared = (*standard.COMPARED, "first", "home")
        columns = ", ".join(f"{side}.{c} AS {c}_{side}" for side in ("l", "r") for c in compared)
        weights = ", ".join(f"p.w_{c} AS w_{c}" for c in self.model.compared)
        rows = self.rows(
            f"""WITH held AS MATERIALIZED (
                    SELECT uid, {", ".join(compared)} FROM {standing} WHERE uid IN ($left, $right))
                SELECT *, {", ".join(parts)} FROM (
                SELECT {columns}, {weights}, p.weight AS weight FROM held AS l, held AS r, {self.pairs} AS p
                WHERE l.uid = $left AND r.uid = $right AND p.uid_l = least($left, $right)
                    AND p.uid_r = greatest($left, $right))""",
            {"left": left, "right": right},
        )
        if not rows:
            return None, []
        row = rows[0]
        found = []
        for name in self.model.compared:
            said = words[name, row[f"level_{name}"]]
            if not said:
                continue
            if said == "All other comparisons":
                said = _DIFFERENT.get(name, f"different {name}")
            found.append(
                Evidence(name, said, round(row[f"w_{name}"] or 0.0, 1), _shown(row, name, "l"), _shown(row, name, "r"))
            )
        return row["weight"], found

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """What a question in SQL finds, as dictionaries."""
        found = self.con.execute(sql, parameters)
        columns = [c[0] for c in found.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


_DIFFERENT = {
    "given": "different forenames",
    "family": "different surnames",
    "middle": "different middle names",
    "born": "different dates of birth",
    "sex": "different sex",
    "nhs": "different NHS numbers",
    "ni": "different National Insurance numbers",
    "upn": "different Unique Pupil Numbers",
    "other": "different other identifiers",
    "home": "different places",
    "telephone": "different telephone numbers",
    "email": "different email addresses",
}


def _parts(record: Record) -> tuple[str, str]:
    return record.source, record.key


def _shown(row: Mapping[str, Any], name: str, side: str) -> str:
    columns = ("line", "postcode") if name == "home" else (name,)
    return ", ".join(str(row[f"{c}_{side}"]) for c in columns if row.get(f"{c}_{side}") is not None)


def _bits(probability: float) -> float:
    import math

    return round(math.log2(probability / (1 - probability)), 1)
