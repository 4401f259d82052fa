-- Which supports may be claimed for, and what the others lack. A support is a claim at most, and the supports of a
-- family
-- do not overlap, so that no family has two claims at a time.
WITH summed AS (
    SELECT
        framework, support_id, count(*) AS needs, count(DISTINCT headline) AS headlines,
        count(*) FILTER (outcome = 'met and lasted') AS needs_met,
        string_agg(need || ' ' || label, '; ' ORDER BY headline, need) FILTER (planned_on IS NULL) AS not_planned,
        string_agg(need || ' ' || label, '; ' ORDER BY headline, need) FILTER (outcome = 'not shown') AS not_shown,
        string_agg(need || ' ' || label, '; ' ORDER BY headline, need) FILTER (outcome = 'came back') AS came_back,
        max(greatest(met_on, since)) AS last_met_on
    FROM childrens.supporting_families.outcome
    GROUP BY framework, support_id
),
lacking AS (
    SELECT
        w.framework, s.*, coalesce(n.needs, 0) AS needs, coalesce(n.headlines, 0) AS headlines,
        coalesce(n.needs_met, 0) AS needs_met, w.sustained_months,
        (s.ended_on + to_months(w.sustained_months::INT))::DATE AS lasts_until, d.as_of,
        list_filter([
            CASE WHEN CASE w.count_by WHEN 'headlines' THEN coalesce(n.headlines, 0) ELSE coalesce(n.needs,
                0) END < w.min_needs
                THEN 'fewer than ' || w.min_needs || ' ' || w.count_by END,
            CASE WHEN s.whole_family_assessment_on IS NULL THEN 'no assessment of the whole family' END,
            CASE WHEN s.plan_on IS NULL THEN 'no plan' END,
            'not in the plan: ' || n.not_planned,
            CASE WHEN s.lead_practitioner IS NULL THEN 'no lead practitioner' END,
            'no outcome shown: ' || n.not_shown,
            'came back within ' || w.sustained_months || ' months: ' || n.came_back
        ], lambda x: x IS NOT NULL) AS faults
    FROM childrens.supporting_families.support AS s
    CROSS JOIN people.households.day AS d
    JOIN childrens.supporting_families.framework AS w
        ON w.from_date <= coalesce(s.ended_on, d.as_of) AND coalesce(w.to_date > s.started_on, true)
    LEFT JOIN summed AS n ON n.framework = w.framework AND n.support_id = s.support_id
)
SELECT
    framework || '/' || support_id AS claim_id,
    framework, family_id, support_id,
    CASE
        WHEN ended_on IS NULL THEN 'support goes on'
        WHEN lasts_until > as_of AND len(list_filter(faults, lambda x: NOT starts_with(x, 'no outcome'))) = 0
            THEN 'too early'
        WHEN len(faults) > 0 THEN 'cannot be claimed'
        WHEN lasts_until > as_of THEN 'too early'
        ELSE 'can be claimed'
    END AS status,
    array_to_string(faults, '. ') AS lacks,
    needs, headlines, needs_met, started_on, ended_on, lasts_until AS sustained_until,
    whole_family_assessment_on, plan_on, lead_practitioner, kinds, episodes
FROM lacking
