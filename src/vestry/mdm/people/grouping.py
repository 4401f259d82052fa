"""Which records are one person: what links them, what tells them apart, and whose they were before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

from vestry.mdm.people.clusters import CERTAIN, Pairs, group
from vestry.mdm.people.identity import make_events

if TYPE_CHECKING:
    from vestry.mdm.people.index import Index

#: The mark of `<table>_record`: the last event that it knows.
EVENTS_TO = "vestry.index_events_to"

#: How much two different dates of birth tell records apart in a group (bits), whatever else they share: a father
#: and a son of one name are linked each with a record that gives no date of birth, and must not be joined by it.
_BORN_APART = 8.0


def regroup(index: Index, done: int, whole: bool, unfinished: bool) -> None:
    """Make `mdm_events` from the records that changed and all that their links reach.

    `unfinished` is true where an update before this one did not end.
    """
    con = index.con
    standing = index.relation(index.names.standard)
    _memberships(index, unfinished)
    _decided(index)
    keep_lives_apart(index)
    pairs = index.told_pairs()
    if whole:
        con.execute(f"CREATE OR REPLACE TEMP TABLE mdm_scope AS SELECT uid FROM {standing}")
    else:
        _scope(index, done, standing)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE mdm_members AS
           SELECT s.uid, s.source, s.record_id, s.gone, s.apart, s.hidden,
               (row_number() OVER (ORDER BY s.uid) - 1)::BIGINT AS number
           FROM {standing} AS s WHERE s.uid IN (SELECT uid FROM mdm_scope) AND NOT s.gone"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE mdm_between AS SELECT uid_l, uid_r, weight, born_apart FROM {pairs}
           WHERE uid_l IN (SELECT uid FROM mdm_members) AND uid_r IN (SELECT uid FROM mdm_members)"""
    )
    links = _links(index, "mdm_between")
    against = _against(index, "mdm_between")
    parts = group(count(con, "mdm_members"), links, against)
    con.register("mdm_groups", pa.table({"number": np.arange(len(parts)), "part": parts}))
    con.execute(
        """CREATE OR REPLACE TEMP TABLE mdm_grouped AS
           WITH parts AS (SELECT m.*, g.part FROM mdm_members AS m JOIN mdm_groups AS g USING (number))
           SELECT p.*, o.person_id AS old_person_id FROM parts AS p LEFT JOIN mdm_membership AS o USING (uid)
           -- A flag on one record of a person withholds all of them: to whoever asks they are not there.
           WHERE p.part NOT IN (SELECT part FROM parts WHERE hidden)"""
    )
    con.unregister("mdm_groups")
    make_events(con, "mdm_between", standing)


def _memberships(index: Index, unfinished: bool) -> None:
    """Make `mdm_membership`: the person of each record by the last event of it.

    The records' own table says it as it was made of these events, and is read sooner than they are.
    """
    con = index.con
    if not index.exists(index.names.event):
        con.execute("CREATE OR REPLACE TEMP TABLE mdm_membership (uid BIGINT, person_id VARCHAR)")
        con.execute("CREATE OR REPLACE TEMP TABLE mdm_last AS SELECT 0::BIGINT AS event_id, 0::BIGINT AS person")
        return
    events = index.relation(index.names.event)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE mdm_last AS
           SELECT max(event_id) AS event_id, substr(max(person_id), 2)::BIGINT AS person FROM {events}"""
    )
    (last,) = con.execute("SELECT event_id FROM mdm_last").fetchone() or (None,)
    if not unfinished and index.lake.mark(index.names.record, EVENTS_TO) == last:
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE mdm_membership AS
               SELECT coalesce(k.uid, record_number(r.source, r.record_id)) AS uid, r.person_id
               FROM {index.relation(index.names.record)} AS r
               LEFT JOIN mdm_known AS k ON k.key = record_key(r.source, r.record_id)"""
        )
        return
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE mdm_membership AS
           SELECT record_number(source, record_id) AS uid, arg_max_null(person_id, event_id) AS person_id
           -- One that left has nobody in its last event.
           FROM {events} WHERE record_id IS NOT NULL GROUP BY uid HAVING person_id IS NOT NULL"""
    )


def _decided(index: Index) -> None:
    """Make `mdm_decided`: for each pair that people decided on, what was said last."""
    con = index.con
    if not index.exists(index.names.decision):
        con.execute(
            "CREATE OR REPLACE TEMP TABLE mdm_decided "
            "(uid_l BIGINT, uid_r BIGINT, decision VARCHAR, who VARCHAR, why VARCHAR)"
        )
        return
    con.execute(f"CREATE OR REPLACE TEMP TABLE mdm_decided AS {decided(index.relation(index.names.decision))}")


def _scope(index: Index, done: int, standing: str) -> None:
    """Make `mdm_scope`: the changed records, those linked with them, and all records of the people they are.

    Whoever is withheld, and whose two lives are kept apart, are always in it: nothing else tells when that ends.
    """
    con = index.con
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE mdm_scope AS
           SELECT uid FROM {standing} WHERE changed_in > {done}
           UNION SELECT uid FROM {standing} ANTI JOIN mdm_membership USING (uid) WHERE NOT gone
           UNION SELECT uid FROM mdm_lives"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE mdm_edges AS
           SELECT uid_l, uid_r FROM {index.relation(index.names.pair)} WHERE weight >= {index.spec.thresholds.link}
           UNION ALL SELECT uid_l, uid_r FROM mdm_decided WHERE decision = 'same'"""
    )
    while True:
        before = count(con, "mdm_scope")
        con.execute(
            """CREATE OR REPLACE TEMP TABLE mdm_scope AS
               WITH near AS (
                   SELECT uid FROM mdm_scope
                   UNION SELECT uid_r FROM mdm_edges WHERE uid_l IN (SELECT uid FROM mdm_scope)
                   UNION SELECT uid_l FROM mdm_edges WHERE uid_r IN (SELECT uid FROM mdm_scope)
               ), whose AS (SELECT DISTINCT person_id FROM mdm_membership WHERE uid IN (SELECT uid FROM near))
               SELECT uid FROM near
               UNION SELECT uid FROM mdm_membership WHERE person_id IN (SELECT person_id FROM whose)"""
        )
        if count(con, "mdm_scope") == before:
            return


def keep_lives_apart(index: Index) -> None:
    """Write `__lives`: pairs of records that could tell one life of a person of the other, and are not to be used.

    Two records told apart may share a number or a name through others: a school's record of a child before an
    adoption and one after it. Of all records that links bring together with two told apart, each is held only to the
    one of the two that it is linked with itself, and to none where it is like both.
    """
    con = index.con
    before = index.relation(index.names.lives) if index.exists(index.names.lives) else ""
    con.execute("CREATE OR REPLACE TEMP TABLE mdm_lives (uid BIGINT)")
    con.execute("CREATE OR REPLACE TEMP TABLE mdm_kept_apart (uid_l BIGINT, uid_r BIGINT)")
    if before:
        con.execute(f"INSERT INTO mdm_lives SELECT unnest([uid_l, uid_r]) FROM {before}")
    if not before and not count(con, "mdm_told_apart"):
        return
    pairs = index.relation(index.names.pair)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE mdm_near AS
           SELECT uid_l, uid_r FROM {pairs} WHERE weight >= {index.spec.thresholds.link}
           UNION SELECT uid_l, uid_r FROM mdm_decided WHERE decision = 'same'
           UNION SELECT uid_l, uid_r FROM mdm_told_apart"""
    )
    con.execute(LIVES_APART.format(pairs=pairs, link=index.spec.thresholds.link))
    con.execute("INSERT INTO mdm_lives SELECT unnest([uid_l, uid_r]) FROM mdm_kept_apart")
    index.replace(index.names.lives, "mdm_kept_apart", "", True, ["uid_l", "uid_r"])


#: From a record told apart and its opposite, by links, to all that a life may be told by; and which pairs may stand.
LIVES_APART = """
CREATE OR REPLACE TEMP TABLE mdm_kept_apart AS
WITH RECURSIVE step AS (
    SELECT uid_l AS a, uid_r AS b FROM mdm_near UNION ALL SELECT uid_r, uid_l FROM mdm_near
),
ends AS (SELECT uid_l AS uid, uid_r AS other FROM mdm_told_apart UNION SELECT uid_r, uid_l FROM mdm_told_apart),
reached AS (
    SELECT uid FROM ends UNION SELECT s.b FROM reached AS r JOIN step AS s ON s.a = r.uid
),
alike AS (
    SELECT uid_l, uid_r, weight FROM {pairs}
    WHERE uid_l IN (SELECT uid FROM reached) AND uid_r IN (SELECT uid FROM reached)
),
linked AS (
    SELECT uid_l AS uid, uid_r AS other FROM alike WHERE weight >= {link}
    UNION ALL SELECT uid_r, uid_l FROM alike WHERE weight >= {link}
),
-- A record held to one end: linked with it, and not with the other.
held AS (
    SELECT l.uid AS uid, l.other AS ending FROM linked AS l
    WHERE l.other IN (SELECT uid FROM ends) AND l.uid NOT IN (SELECT uid FROM ends)
      AND NOT EXISTS (
          SELECT 1 FROM ends AS e JOIN linked AS k ON k.other = e.other WHERE e.uid = l.other AND k.uid = l.uid
      )
)
SELECT uid_l, uid_r FROM alike
WHERE (uid_l, uid_r) NOT IN (SELECT (least(uid, ending), greatest(uid, ending)) FROM held)
"""


def _links(index: Index, pairs: str) -> Pairs:
    """Links by the model, less those that outrank it, and people's decisions."""
    return _numbered(
        index.con,
        f"""SELECT uid_l, uid_r, weight FROM {pairs} ANTI JOIN mdm_decided USING (uid_l, uid_r)
            WHERE weight >= {index.spec.thresholds.link}
            UNION ALL SELECT uid_l, uid_r, {CERTAIN} FROM mdm_decided ANTI JOIN mdm_kept_apart USING (uid_l, uid_r)
            WHERE decision = 'same'
            UNION ALL SELECT p.uid_l, p.uid_r, p.weight FROM {pairs} AS p JOIN mdm_decided AS d USING (uid_l, uid_r)
            WHERE d.decision = 'unsure' AND p.weight >= {index.spec.thresholds.link}""",
    )


def _against(index: Index, pairs: str) -> Pairs:
    """What tells records apart: decisions, the sources themselves, and evidence."""
    return _numbered(
        index.con,
        f"""SELECT uid_l, uid_r, weight FROM {pairs} ANTI JOIN mdm_decided USING (uid_l, uid_r)
            WHERE weight < {index.spec.thresholds.review}
            UNION ALL SELECT uid_l, uid_r, -{_BORN_APART} FROM {pairs} ANTI JOIN mdm_decided USING (uid_l, uid_r)
            WHERE born_apart AND weight < {index.spec.thresholds.link}
            UNION ALL SELECT uid_l, uid_r, -{CERTAIN} FROM mdm_decided WHERE decision = 'different'
            UNION ALL SELECT uid_l, uid_r, -{2 * CERTAIN} FROM mdm_told_apart
            UNION ALL SELECT a.uid, b.uid, -{CERTAIN / 2} FROM mdm_members AS a JOIN mdm_members AS b
                ON a.apart = b.apart AND a.uid < b.uid""",
    )


def decided(ledger: str) -> str:
    """SQL of the last decision on each pair of a ledger of decisions."""
    return f"""SELECT uid_l, uid_r, arg_max(decision, decided_at) AS decision, arg_max(who, decided_at) AS who,
        arg_max(why, decided_at) AS why
        FROM (SELECT *, least(record_number(source, record_id), record_number(other_source, other_record_id)) AS uid_l,
            greatest(record_number(source, record_id), record_number(other_source, other_record_id)) AS uid_r
            FROM {ledger})
        GROUP BY uid_l, uid_r HAVING arg_max(decision, decided_at) <> 'withdrawn'"""


def _numbered(con: duckdb.DuckDBPyConnection, select: str) -> Pairs:
    found = con.execute(
        f"""SELECT a.number AS l, b.number AS r, p.weight::DOUBLE AS w FROM ({select}) AS p
            JOIN mdm_members AS a ON a.uid = p.uid_l JOIN mdm_members AS b ON b.uid = p.uid_r ORDER BY l, r"""
    ).fetchnumpy()
    return Pairs(np.asarray(found["l"]), np.asarray(found["r"]), np.asarray(found["w"]))


def count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """The rows of a table."""
    row = con.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0
