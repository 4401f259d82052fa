-- The stretches of time for which a family's needs are asked for: today; each support, from its first day to its last;
-- and after a support has ended, for as long as its outcomes must last.
SELECT f.family_id, 'now' AS occasion, 'now' AS kind, NULL::VARCHAR AS support_id, w.framework, d.as_of AS from_day,
    d.as_of AS to_day
FROM people.families.family AS f
CROSS JOIN people.households.day AS d
CROSS JOIN childrens.supporting_families.framework AS w
WHERE f.children_under_18 > 0 AND w.from_date <= d.as_of AND coalesce(w.to_date > d.as_of, true)
UNION ALL
SELECT s.family_id, s.support_id, 'support', s.support_id, w.framework, s.started_on, coalesce(s.ended_on, d.as_of)
FROM childrens.supporting_families.support AS s
CROSS JOIN people.households.day AS d
JOIN childrens.supporting_families.framework AS w
    ON w.from_date <= coalesce(s.ended_on, d.as_of) AND coalesce(w.to_date > s.started_on, true)
UNION ALL
SELECT s.family_id, s.support_id || '/after', 'after', s.support_id, w.framework, s.ended_on + 1,
    (s.ended_on + to_months(w.sustained_months::INT))::DATE
FROM childrens.supporting_families.support AS s
JOIN childrens.supporting_families.framework AS w
    ON w.from_date <= s.ended_on AND coalesce(w.to_date > s.started_on, true)
WHERE s.ended_on IS NOT NULL
