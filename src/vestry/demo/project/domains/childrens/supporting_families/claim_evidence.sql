-- The audit pack of each claim, to be read from top to bottom: every line leads to a record in a source system.
WITH pack AS (
    SELECT c.*, w.title, w.reference FROM childrens.supporting_families.claim AS c
    JOIN childrens.supporting_families.framework AS w USING (framework)
),
named AS (
    SELECT person_id, concat_ws(' ', forename, surname) AS name, date_of_birth FROM people.index.person
),
label AS (
    SELECT framework, need, headline, label FROM childrens.supporting_families.need_kind
),
line AS (
    SELECT c.claim_id, 1 AS part, 'family' AS section, NULL::BIGINT AS headline, NULL::VARCHAR AS need, m.person_id,
        m.role || coalesce(', born ' || strftime(n.date_of_birth, '%-d %B %Y'), '') AS says, 'by ' || m.says AS because,
        'Citizen index' AS system, 'people.families.family_member' AS source,
            m.family_id || ', ' || m.person_id AS record_id,
        NULL::DATE AS from_date, NULL::DATE AS to_date, NULL::VARCHAR AS rule, NULL::VARCHAR AS reference
    FROM pack AS c
    JOIN people.families.family_member AS m USING (family_id)
    JOIN named AS n USING (person_id)
    UNION ALL
    SELECT claim_id, 2, 'support', NULL, NULL, NULL, 'support: ' || kinds,
        coalesce('status: ' || status || coalesce('. ' || nullif(lacks, ''), ''), ''),
        'Children''s social care', 'childrens.social_care.episode', episodes, started_on, ended_on, NULL, reference
    FROM pack
    UNION ALL
    SELECT claim_id, 2, 'support', NULL, NULL, NULL, 'assessment of the whole family',
        'lead practitioner ' || coalesce(lead_practitioner, 'not named'),
        'Children''s social care', 'childrens.social_care.episode', episodes, whole_family_assessment_on,
        whole_family_assessment_on, NULL, reference
    FROM pack WHERE whole_family_assessment_on IS NOT NULL
    UNION ALL
    SELECT claim_id, 2, 'support', NULL, NULL, NULL, 'plan for the family', NULL, 'Children''s social care',
        'childrens.social_care.episode', episodes, plan_on, plan_on, NULL, reference
    FROM pack WHERE plan_on IS NOT NULL
    UNION ALL
    SELECT c.claim_id, 3, 'need', l.headline, e.need, e.person_id, e.says, e.because, e.system, e.source, e.record_id,
        e.started_on, e.ended_on, e.rule, r.reference
    FROM pack AS c
    JOIN childrens.supporting_families.need_evidence AS e
        ON e.framework = c.framework AND e.family_id = c.family_id AND e.occasion = c.support_id
    JOIN label AS l ON l.framework = e.framework AND l.need = e.need
    JOIN childrens.supporting_families.rule AS r ON r.framework = e.framework AND r.rule = e.rule
    UNION ALL
    SELECT c.claim_id, CASE o.finds WHEN 'plan' THEN 4 ELSE 5 END, CASE o.finds WHEN 'plan' THEN 'plan'
        ELSE 'outcome' END,
        l.headline, o.need, o.person_id, o.says, o.because, o.system, o.source, o.record_id, o.shown_on, o.shown_on,
            o.rule,
        r.reference
    FROM pack AS c
    JOIN childrens.supporting_families.outcome_evidence AS o ON o.framework = c.framework
        AND o.support_id = c.support_id
    JOIN label AS l ON l.framework = o.framework AND l.need = o.need
    JOIN childrens.supporting_families.rule AS r ON r.framework = o.framework AND r.rule = o.rule
    UNION ALL
    SELECT c.claim_id, 6, 'came back', l.headline, e.need, e.person_id, e.says, e.because, e.system, e.source,
        e.record_id,
        e.started_on, e.ended_on, e.rule, r.reference
    FROM pack AS c
    JOIN childrens.supporting_families.need_evidence AS e
        ON e.framework = c.framework AND e.support_id = c.support_id AND e.occasion_kind = 'after'
    JOIN label AS l ON l.framework = e.framework AND l.need = e.need
    JOIN childrens.supporting_families.rule AS r ON r.framework = e.framework AND r.rule = e.rule
)
SELECT
    x.claim_id,
    row_number() OVER (PARTITION BY x.claim_id ORDER BY x.part, x.headline, x.need, x.from_date, x.person_id, x.rule,
        x.record_id) AS line,
    x.section, h.label AS headline, x.need, l.label, x.person_id, n.name, x.says, x.because, x.system, x.source,
        x.record_id, x.from_date, x.to_date,
    x.rule, x.reference
FROM line AS x
LEFT JOIN pack AS c USING (claim_id)
LEFT JOIN label AS l ON l.framework = c.framework AND l.need = x.need
LEFT JOIN childrens.supporting_families.headline AS h
    ON h.framework = c.framework AND h.headline = x.headline AND h.shown
LEFT JOIN named AS n ON n.person_id = x.person_id
