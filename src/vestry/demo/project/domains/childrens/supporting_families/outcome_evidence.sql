-- What shows that a need of a support was planned for, and what became of it, by the rules of the framework:
-- plan: the plan names it. outcome: something was seen that shows it met. quiet: nothing was seen for as long as the
-- rule says after the support ended.
WITH unit AS (
    SELECT DISTINCT e.framework, e.family_id, e.support_id, e.need, e.person_id, s.started_on AS from_day,
        s.ended_on AS to_day
    FROM childrens.supporting_families.need_evidence AS e
    JOIN childrens.supporting_families.support AS s USING (support_id)
    WHERE e.occasion_kind = 'support'
),
asked AS (
    SELECT u.*, r.rule, r.finds, r.fact, r.value, r.at_least, r.below, r.months, r."of", r.says AS because
    FROM unit AS u
    JOIN childrens.supporting_families.rule AS r ON r.framework = u.framework AND r.need IN (u.need, '*')
    WHERE r.finds IN ('plan', 'outcome', 'quiet')
),
-- A rule of the family looks at all who belong to it, a rule of the person at the one who has the need.
looked AS (
    SELECT a.*, m.person_id AS seen_of
    FROM asked AS a
    JOIN people.families.family_member AS m
        ON m.family_id = a.family_id AND (a."of" = 'family' OR m.person_id = a.person_id)
),
seen AS (
    SELECT l.*, f.system, f.source, f.record_id, f.started_on, f.ended_on, f.says
    FROM looked AS l
    JOIN childrens.supporting_families.fact AS f ON f.person_id = l.seen_of AND f.fact = l.fact
    WHERE (l.value IS NULL OR list_contains(string_split(l.value, '|'), lower(f.value)))
      AND (l.at_least IS NULL OR f.amount >= l.at_least)
      AND (l.below IS NULL OR f.amount < l.below)
)
SELECT
    framework, family_id, support_id, need, person_id, finds, rule, because, says, system, source, record_id,
    started_on AS shown_on
FROM seen
WHERE finds = 'plan' AND started_on <= coalesce(to_day, DATE '2999-01-01')
  AND coalesce(ended_on, DATE '2999-01-01') >= from_day
QUALIFY row_number() OVER (PARTITION BY framework, support_id, need, person_id, rule ORDER BY started_on, record_id) = 1
UNION ALL
SELECT
    framework, family_id, support_id, need, person_id, finds, rule, because, says, system, source, record_id,
    coalesce(ended_on, started_on)
FROM seen
WHERE finds = 'outcome' AND (started_on >= from_day OR ended_on IS NULL)
QUALIFY row_number() OVER (
    PARTITION BY framework, support_id, need, person_id, rule ORDER BY started_on DESC, record_id) = 1
UNION ALL
SELECT
    a.framework, a.family_id, a.support_id, a.need, a.person_id, a.finds, a.rule, a.because,
    'no record of it from ' || strftime(a.to_day, '%-d %B %Y') || ' to '
        || strftime(a.to_day + to_months(a.months::INT), '%-d %B %Y'),
    p.system, p.source, NULL, (a.to_day + to_months(a.months::INT))::DATE
FROM asked AS a
CROSS JOIN people.households.day AS d
JOIN childrens.supporting_families.fact_kind AS p USING (fact)
WHERE a.finds = 'quiet' AND a.to_day + to_months(a.months::INT) <= d.as_of
  AND NOT EXISTS (
    SELECT 1 FROM seen AS s
    WHERE s.framework = a.framework AND s.support_id = a.support_id AND s.need = a.need AND s.person_id = a.person_id
      AND s.rule = a.rule AND s.started_on <= a.to_day + to_months(a.months::INT)
      AND coalesce(s.ended_on, DATE '2999-01-01') > a.to_day)
