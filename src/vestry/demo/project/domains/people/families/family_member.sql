-- Parents and carers with their children, across households. Each child is in one family; a parent may be in several.
-- 1. The main carer of a child is the parent or carer who lives with it, before one who does not; a parent before a
--    carer; then the one whom most records name.
-- 2. Of a couple who live together the one with the elder (lower) person id stands for both. The family has the number
--    of that person: it stays while that person is the main carer, however many children or partners come and go.
-- 3. To the family belong its children, all their parents and carers, and the partner who lives with the main carer.
WITH now_at AS (
    SELECT s.person_id, s.uprn
    FROM people.households.stay AS s CROSS JOIN people.households.day AS d
    WHERE s.from_date <= d.as_of AND (s.to_date IS NULL OR s.to_date > d.as_of)
),
born AS (
    SELECT p.person_id, p.date_of_birth, p.date_of_birth > d.as_of - INTERVAL 18 YEAR AS under_18,
        -- Those who came of age in the last two years were children while they were helped.
        coalesce(p.date_of_birth > d.as_of - INTERVAL 20 YEAR, false) AS recent
    FROM people.index.person AS p CROSS JOIN people.households.day AS d
),
carer AS (
    SELECT
        t.person_id AS carer_id, t.other_person_id AS child_id, bool_or(t.tie = 'parent') AS parent,
            count(*) AS records,
        string_agg(DISTINCT t.says, ', ' ORDER BY t.says) AS says
    FROM people.families.tie AS t
    JOIN born AS c ON c.person_id = t.other_person_id
    JOIN born AS p ON p.person_id = t.person_id
    WHERE t.tie IN ('parent', 'carer') AND c.recent
      -- A parent is a good deal older: else two records were taken for one person.
      AND coalesce(p.date_of_birth < c.date_of_birth - INTERVAL 12 YEAR, true)
    GROUP BY t.person_id, t.other_person_id
),
placed AS (
    SELECT c.*, coalesce(a.uprn = k.uprn, false) AS together
    FROM carer AS c
    LEFT JOIN now_at AS a ON a.person_id = c.carer_id
    LEFT JOIN now_at AS k ON k.person_id = c.child_id
    QUALIFY row_number() OVER (PARTITION BY c.carer_id, c.child_id ORDER BY together DESC) = 1
),
main_carer AS (
    SELECT child_id, carer_id
    FROM placed
    QUALIFY row_number() OVER (
        PARTITION BY child_id ORDER BY together DESC, parent DESC, records DESC, carer_id) = 1
),
-- Partners by a record, or parents of one child, who live at one home now.
couple AS (
    SELECT person_id AS one_id, other_person_id AS other_id FROM people.families.tie WHERE tie = 'partner'
    UNION
    SELECT other_person_id, person_id FROM people.families.tie WHERE tie = 'partner'
    UNION
    SELECT a.carer_id, b.carer_id FROM carer AS a JOIN carer AS b USING (child_id) WHERE a.carer_id <> b.carer_id
),
living AS (
    SELECT DISTINCT c.one_id, c.other_id
    FROM couple AS c
    JOIN now_at AS a ON a.person_id = c.one_id
    JOIN now_at AS b ON b.person_id = c.other_id AND b.uprn = a.uprn
),
headed AS (
    SELECT
        m.child_id, m.carer_id,
        'F' || substr(least(m.carer_id, coalesce(min(l.other_id) FILTER (
            l.other_id IN (SELECT carer_id FROM carer)), m.carer_id)), 2) AS family_id
    FROM main_carer AS m
    LEFT JOIN living AS l ON l.one_id = m.carer_id
    GROUP BY m.child_id, m.carer_id
),
member AS (
    SELECT h.family_id, h.child_id AS person_id, 'child' AS role, string_agg(DISTINCT p.says, ', '
        ORDER BY p.says) AS says
    FROM headed AS h JOIN placed AS p USING (child_id)
    GROUP BY h.family_id, h.child_id
    UNION ALL
    SELECT h.family_id, p.carer_id, 'parent or carer', string_agg(DISTINCT p.says, ', ' ORDER BY p.says)
    FROM headed AS h JOIN placed AS p USING (child_id)
    GROUP BY h.family_id, p.carer_id
    UNION ALL
    SELECT DISTINCT h.family_id, l.other_id, 'partner', 'lives with the main carer'
    FROM headed AS h JOIN living AS l ON l.one_id = h.carer_id
)
SELECT
    m.family_id, m.person_id, m.role,
    m.role = 'child' AND coalesce(b.under_18, false) AS under_18,
    coalesce(m.person_id IN (SELECT carer_id FROM headed AS h WHERE h.family_id = m.family_id), false) AS main_carer,
    n.uprn, m.says
FROM member AS m
JOIN born AS b USING (person_id)
LEFT JOIN (SELECT person_id, any_value(uprn ORDER BY uprn) AS uprn
    FROM now_at GROUP BY person_id) AS n USING (person_id)
-- Of several parts that one person has in a family the nearest counts.
QUALIFY row_number() OVER (
    PARTITION BY m.family_id, m.person_id
    ORDER BY list_position(['child', 'parent or carer', 'partner'], m.role)) = 1
