-- What became of each need that a family had in a support: planned for, met, and whether it lasted.
WITH person AS (
    -- Met for each person who had it, or for the family as a whole.
    SELECT
        e.framework, e.support_id, e.need, e.person_id,
        min(o.shown_on) FILTER (o.finds = 'plan')    AS planned_on,
        min(o.shown_on) FILTER (o.finds <> 'plan')   AS met_on,
        string_agg(DISTINCT o.because, '; ' ORDER BY o.because) FILTER (o.finds <> 'plan') AS met_because
    FROM (SELECT DISTINCT framework, support_id, need, person_id FROM childrens.supporting_families.need_evidence
          WHERE occasion_kind = 'support') AS e
    LEFT JOIN childrens.supporting_families.outcome_evidence AS o USING (framework, support_id, need, person_id)
    GROUP BY ALL
),
whole AS (
    SELECT
        framework, support_id, need, count(*) AS people,
        CASE WHEN count(*) = count(planned_on) THEN max(planned_on) END AS planned_on,
        CASE WHEN count(*) = count(met_on) THEN max(met_on) END AS met_on,
        string_agg(DISTINCT met_because, '; ' ORDER BY met_because) AS met_because
    FROM person
    GROUP BY ALL
),
relapse AS (
    SELECT framework, support_id, need, min(started_on) AS again_on, any_value(says ORDER BY started_on) AS again_says
    FROM childrens.supporting_families.need_evidence
    WHERE occasion_kind = 'after'
    GROUP BY ALL
)
SELECT
    n.framework, n.family_id, n.support_id, n.headline, n.need, n.label, n.since, n.people, n.records,
    w.planned_on, w.met_on, w.met_because, r.again_on, r.again_says,
    CASE
        WHEN s.ended_on IS NULL THEN 'in progress'
        WHEN r.again_on IS NOT NULL THEN 'came back'
        WHEN w.met_on IS NULL AND s.ended_on + to_months(f.sustained_months::INT) > d.as_of THEN 'too early to say'
        WHEN w.met_on IS NULL THEN 'not shown'
        WHEN s.ended_on + to_months(f.sustained_months::INT) > d.as_of THEN 'met, too early to say whether it lasts'
        ELSE 'met and lasted'
    END AS outcome
FROM childrens.supporting_families.need AS n
JOIN childrens.supporting_families.support AS s USING (support_id)
JOIN childrens.supporting_families.framework AS f ON f.framework = n.framework
CROSS JOIN people.households.day AS d
JOIN whole AS w ON w.framework = n.framework AND w.support_id = n.support_id AND w.need = n.need
LEFT JOIN relapse AS r ON r.framework = n.framework AND r.support_id = n.support_id AND r.need = n.need
WHERE n.occasion_kind = 'support'
