"""Persistent ids: from groups of records, and whose each was before, to events.

A merge keeps the elder id (ids are numbered in the order in which people became known); a split leaves the id with
the part that has most of the person's records. Nothing else changes an id.
"""

from __future__ import annotations

import duckdb

#: Which person each group is: of the old people most of whose records are in it, the elder; a new one where none.
_PEOPLE = """
CREATE OR REPLACE TEMP TABLE mdm_people AS
WITH shared AS (
    SELECT part, old_person_id, count(*) AS n, min(uid) AS least FROM mdm_grouped
    WHERE old_person_id IS NOT NULL GROUP BY ALL
),
kept AS (
    SELECT * FROM shared QUALIFY row_number() OVER (PARTITION BY old_person_id ORDER BY n DESC, least) = 1
),
winner AS (SELECT part, min(old_person_id) AS person_id FROM kept GROUP BY part),
nobody AS (
    SELECT part, row_number() OVER (ORDER BY min(uid)) AS n FROM mdm_grouped
    WHERE part NOT IN (SELECT part FROM winner) GROUP BY part
)
SELECT part, person_id, false AS is_new FROM winner
UNION ALL
SELECT part, 'P' || lpad((last.person + n)::VARCHAR, 9, '0'), true FROM nobody, mdm_last AS last
"""

#: For each record that comes or moves, the strongest link that holds it where it is now.
_WHY = """
CREATE OR REPLACE TEMP TABLE mdm_why AS
WITH moved AS (
    SELECT g.uid, g.part FROM mdm_grouped AS g JOIN mdm_people AS p USING (part)
    WHERE g.old_person_id IS DISTINCT FROM p.person_id
),
held AS (
    SELECT m.uid, m.part, p.uid_r AS other, p.weight, NULL AS who FROM moved AS m JOIN {pairs} AS p ON p.uid_l = m.uid
    UNION ALL SELECT m.uid, m.part, p.uid_l, p.weight, NULL FROM moved AS m JOIN {pairs} AS p ON p.uid_r = m.uid
    UNION ALL SELECT m.uid, m.part, d.uid_r, 1000, d.who FROM moved AS m JOIN mdm_decided AS d ON d.uid_l = m.uid
        WHERE d.decision = 'same'
    UNION ALL SELECT m.uid, m.part, d.uid_l, 1000, d.who FROM moved AS m JOIN mdm_decided AS d ON d.uid_r = m.uid
        WHERE d.decision = 'same'
)
-- Of links that are equally strong always the same, so that a repeated run says the same.
SELECT h.uid, arg_max(o.source || ' ' || o.record_id, (h.weight, h.other)) AS other, max(h.weight) AS weight,
    arg_max(h.who, (h.weight, h.other)) AS who
FROM held AS h JOIN mdm_grouped AS o ON o.uid = h.other AND o.part = h.part
GROUP BY h.uid
"""

_EVENTS = """
CREATE OR REPLACE TEMP TABLE mdm_events AS
WITH now AS (
    SELECT g.*, p.person_id, p.is_new FROM mdm_grouped AS g JOIN mdm_people AS p USING (part)
),
-- The record that a new person begins with, where none of the others was somebody's before.
begun AS (
    SELECT min(uid) AS uid FROM now WHERE is_new GROUP BY person_id HAVING count(old_person_id) = 0
),
records AS (
    SELECT
        CASE WHEN old_person_id IS NOT NULL THEN 'move' WHEN b.uid IS NOT NULL THEN 'new' ELSE 'join' END AS kind,
        person_id, old_person_id, source, record_id, n.uid
    FROM now AS n LEFT JOIN begun AS b ON b.uid = n.uid WHERE old_person_id IS DISTINCT FROM person_id
),
-- An old person of whom no record is left under the old id was merged into the one that has most of them.
survives AS (SELECT DISTINCT person_id FROM now),
merged AS (
    SELECT old_person_id, arg_max(person_id, n) AS person_id FROM (
        SELECT old_person_id, person_id, count(*) AS n FROM now WHERE old_person_id IS NOT NULL GROUP BY ALL
    ) WHERE old_person_id NOT IN (SELECT person_id FROM survives) GROUP BY old_person_id
),
split AS (
    SELECT DISTINCT person_id, old_person_id FROM now
    WHERE is_new AND old_person_id IS NOT NULL AND old_person_id IN (SELECT person_id FROM survives)
),
left_records AS (
    SELECT s.source, s.record_id, m.person_id, m.uid FROM mdm_membership AS m JOIN {standing} AS s USING (uid)
    WHERE m.uid IN (SELECT uid FROM mdm_scope) AND m.uid NOT IN (SELECT uid FROM mdm_grouped)
),
-- A person is gone when the last record is.
emptied AS (
    SELECT DISTINCT l.person_id FROM left_records AS l
    WHERE l.person_id NOT IN (SELECT person_id FROM survives) AND l.person_id NOT IN (SELECT old_person_id FROM merged)
      AND l.person_id NOT IN (SELECT person_id FROM mdm_membership WHERE uid NOT IN (SELECT uid FROM left_records))
),
events AS (
    SELECT 2 AS turn, kind, person_id, old_person_id, source, record_id, uid FROM records
    UNION ALL SELECT 1, 'merge', person_id, old_person_id, NULL, NULL, NULL FROM merged
    UNION ALL SELECT 1, 'split', person_id, old_person_id, NULL, NULL, NULL FROM split
    UNION ALL SELECT 0, 'leave', NULL, person_id, source, record_id, uid FROM left_records
    UNION ALL SELECT 3, 'retire', NULL, person_id, NULL, NULL, NULL FROM emptied
)
SELECT
    last.event_id + row_number() OVER (ORDER BY e.turn, coalesce(e.person_id, e.old_person_id), e.uid) AS event_id,
    now()::TIMESTAMPTZ AS happened_at, e.kind, e.person_id, e.old_person_id, e.source, e.record_id,
    CASE
        WHEN w.who IS NOT NULL THEN 'decided to be the same as ' || w.other
        WHEN w.weight IS NOT NULL THEN 'linked with ' || w.other || ', ' || printf('%.1f', w.weight) || ' bits'
        WHEN e.kind = 'new' THEN 'not linked with anybody'
        WHEN e.kind = 'leave' THEN 'the record is not in its source any more'
        WHEN e.kind = 'move' THEN 'no link holds it to the others any more'
    END AS because,
    w.who AS decided_by
FROM events AS e CROSS JOIN mdm_last AS last LEFT JOIN mdm_why AS w ON w.uid = e.uid
"""


def make_events(con: duckdb.DuckDBPyConnection, pairs: str, standing: str) -> None:
    """Make `mdm_events` from `mdm_grouped` (records in their groups, and whose they were).

    `pairs` and `standing` are relations of the weighed pairs and of the standard records.
    """
    con.execute(_PEOPLE)
    con.execute(_WHY.format(pairs=pairs))
    con.execute(_EVENTS.format(standing=standing))
