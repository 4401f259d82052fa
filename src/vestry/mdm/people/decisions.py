"""What people decide that the model cannot: the queue of pairs to review, and a ledger of what was said.

A decision is never changed, only followed by another. *same* and *different* outrank the model and outlive its
training; *unsure* takes a pair out of the queue. *different* holds even where a chain of other links would join the
two. These functions are what a page stands on too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from vestry.lake.ledger import enter
from vestry.mdm.people.explain import Reader, Record
from vestry.project import VestryError

DECISIONS = ("same", "different", "unsure", "withdrawn")


@dataclass(frozen=True)
class Decision:
    """What somebody said of two records; each is (source, record_id)."""

    left: Record
    right: Record
    decision: str
    who: str
    why: str
    at: datetime


@dataclass(frozen=True)
class Question:
    """A pair that waits for a person, its weight, and how many records it would change the person of."""

    left: Record
    right: Record
    weight: float
    changes: int
    why: str
    #: The two people whose records they are.
    people: tuple[str, str]


class Contradiction(VestryError):
    """A decision that cannot hold together with `standing`, which was made before."""

    def __init__(self, what: str, mend: str, standing: Decision) -> None:
        super().__init__(what, mend=mend)
        self.standing = standing


def queue(reader: Reader, limit: int = 20, between: tuple[str, str] | None = None) -> list[Question]:
    """Pairs to review, those that would change most first; or the one pair of these two people.

    They are pairs between the two thresholds, and links that were held because something else tells their records
    apart. Of two people one pair is asked about, that with most evidence, until people decided on a pair of theirs.
    """
    names, con = reader.names, reader.con
    thresholds = reader.spec.thresholds
    decided = _decided_pairs(reader)
    of_two = "WHERE person_id IN (?, ?)" if between else ""
    rows = con.execute(
        f"""WITH whose AS (SELECT record_number(source, record_id) AS uid, source, record_id, person_id
                FROM {reader.relation(names.record)} {of_two}),
            sizes AS (SELECT person_id, count(*) AS n FROM whose GROUP BY person_id),
            asked AS (
                SELECT p.uid_l, p.uid_r, p.weight, a.source, a.record_id, b.source AS other_source,
                    b.record_id AS other_record, x.n + y.n AS changes,
                    least(a.person_id, b.person_id) AS pa, greatest(a.person_id, b.person_id) AS pb
                FROM {reader.pairs} AS p
                JOIN whose AS a ON a.uid = p.uid_l JOIN whose AS b ON b.uid = p.uid_r
                JOIN sizes AS x ON x.person_id = a.person_id JOIN sizes AS y ON y.person_id = b.person_id
                WHERE p.weight >= {thresholds.review} AND a.person_id <> b.person_id
                QUALIFY row_number() OVER (PARTITION BY pa, pb ORDER BY p.weight DESC, p.uid_l, p.uid_r) = 1
            ),
            said AS (
                SELECT least(a.person_id, b.person_id) AS pa, greatest(a.person_id, b.person_id) AS pb
                FROM ({decided}) AS d JOIN whose AS a ON a.uid = d.uid_l JOIN whose AS b ON b.uid = d.uid_r
            )
            SELECT source, record_id, other_source, other_record, weight, changes, pa, pb
            FROM asked ANTI JOIN said USING (pa, pb)
            ORDER BY changes DESC, weight DESC, source, record_id LIMIT ?""",
        [*(between or ()), limit],
    ).fetchall()
    held = thresholds.link
    return [
        Question(
            Record(s, r),
            Record(o, q),
            w,
            n,
            "linked, but other records keep them apart" if w >= held else "between the thresholds",
            (a, b),
        )
        for s, r, o, q, w, n, a, b in rows
    ]


def decide(reader: Reader, left: Record, right: Record, decision: str, who: str, why: str) -> Decision:
    """Write down what somebody says of two records.

    Raises VestryError where it is no decision, names a record that is not there, gives no name or reason, or
    contradicts what was decided of other records.
    """
    if decision not in DECISIONS:
        raise VestryError(f"`{decision}` is no decision", mend=f"say one of {', '.join(DECISIONS)}")
    if not who.strip() or not why.strip():
        raise VestryError("a decision needs who made it and why", mend="give both: --by NAME --why TEXT")
    if left == right:
        raise VestryError("a record is always the same as itself", mend="name two records")
    for record in (left, right):
        reader.record(record)
    made = Decision(left, right, decision, who.strip(), why.strip(), datetime.now(UTC))
    if decision in ("same", "different"):
        _no_contradiction(reader, made)
    _enter(reader, [made])
    return made


def _enter(reader: Reader, made: Sequence[Decision]) -> None:
    """Add decisions to the ledger, in one commit."""
    rows: dict[str, list[Any]] = {
        "source": [d.left.source for d in made],
        "record_id": [d.left.key for d in made],
        "other_source": [d.right.source for d in made],
        "other_record_id": [d.right.key for d in made],
        "decision": [d.decision for d in made],
        "who": [d.who for d in made],
        "why": [d.why for d in made],
        "decided_at": [d.at for d in made],
    }
    reader.con.register("mdm_decisions", pa.table(rows))
    enter(reader.lake, reader.con, reader.names.decision, "SELECT * FROM mdm_decisions", skip_by=["decided_at"])
    reader.con.unregister("mdm_decisions")


def decisions_of(reader: Reader, records: Collection[Record] | None = None) -> list[Decision]:
    """What stands of all decisions on records that the index holds, or on some of them; the newest first."""
    if reader.lake.open(reader.names.decision) is None:
        return []
    held = reader.relation(reader.names.record)
    rows = reader.con.execute(
        f"""SELECT source, record_id, other_source, other_record_id, decision, who, why, decided_at
            FROM {reader.relation(reader.names.decision)}
            WHERE (source, record_id) IN (SELECT (source, record_id) FROM {held})
                AND (other_source, other_record_id) IN (SELECT (source, record_id) FROM {held})
            QUALIFY row_number() OVER (
                PARTITION BY least((source, record_id), (other_source, other_record_id)),
                    greatest((source, record_id), (other_source, other_record_id)) ORDER BY decided_at DESC) = 1
            ORDER BY decided_at DESC"""
    ).fetchall()
    found = [Decision(Record(a, b), Record(c, d), e, f, g, h) for a, b, c, d, e, f, g, h in rows if e != "withdrawn"]
    return found if records is None else [d for d in found if d.left in records or d.right in records]


def unmerge(reader: Reader, parts: Sequence[Collection[Record]], who: str, why: str) -> list[Decision]:
    """Say of the records of one person that they are several: every record of one part is different from the others'.

    It stands in the place of earlier decisions on the same pairs. Raises VestryError where there is nothing to split.
    """
    if len(parts) < 2 or not all(parts):
        raise VestryError("a person is split into two parts or more", mend="name the records that go with --out")
    if not who.strip() or not why.strip():
        raise VestryError("a decision needs who made it and why", mend="give both: --by NAME --why TEXT")
    place = {record: n for n, part in enumerate(parts) for record in part}
    at = datetime.now(UTC)
    made = [
        Decision(a, b, "different", who.strip(), why.strip(), at) for a in place for b in place if place[a] < place[b]
    ]
    _enter(reader, made)
    return made


def _decided_pairs(reader: Reader) -> str:
    from vestry.mdm.people.grouping import decided

    if reader.lake.open(reader.names.decision) is None:
        return "SELECT NULL::BIGINT AS uid_l, NULL::BIGINT AS uid_r WHERE false"
    return decided(reader.relation(reader.names.decision))


def _no_contradiction(reader: Reader, made: Decision) -> None:
    """Refuse what cannot hold together with what stands: A is B, B is C, and A is not C."""
    standing = [d for d in decisions_of(reader) if {d.left, d.right} != {made.left, made.right}]
    group = {made.left: made.left, made.right: made.right}

    def root(record: Record) -> Record:
        while group.setdefault(record, record) != record:
            record = group[record]
        return record

    for decision in [*standing, *([made] if made.decision == "same" else [])]:
        if decision.decision == "same":
            group[root(decision.left)] = root(decision.right)
    different = [d for d in standing if d.decision == "different"] + ([made] if made.decision == "different" else [])
    for decision in different:
        if root(decision.left) == root(decision.right):
            others = [d for d in standing if d.decision != made.decision and d.decision != "unsure"]
            named = next((d for d in others if root(d.left) == root(made.left)), others[0])
            what = (
                f"that contradicts what {named.who} decided on {named.at:%d %B %Y}: {named.left} and {named.right} are "
            )
            what += "one person" if named.decision == "same" else "two people"
            mend = "agree with them, and withdraw that decision first: vestry people decide withdraw"
            raise Contradiction(what, mend, named)
