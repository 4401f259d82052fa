-- The needs of each family on each occasion, one row a need.
SELECT
    e.framework, e.family_id, e.occasion, any_value(e.occasion_kind) AS occasion_kind,
        any_value(e.support_id) AS support_id,
    any_value(k.headline) AS headline, e.need, any_value(k.label) AS label,
    min(e.started_on) AS since, max(e.started_on) AS last_on,
    count(DISTINCT e.person_id) AS people, count(*) AS records,
    count(DISTINCT e.system) AS systems,
    string_agg(DISTINCT e.because, '; ' ORDER BY e.because) AS because
FROM childrens.supporting_families.need_evidence AS e
JOIN childrens.supporting_families.need_kind AS k USING (framework, need)
GROUP BY e.framework, e.family_id, e.occasion, e.need
