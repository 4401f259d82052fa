-- One row a family with a need today: whether it is eligible, and whether it is helped already.
WITH counted AS (
    SELECT
        n.*, w.count_by, w.min_needs,
        -- Of needs each counts; of headlines the first of each.
        CASE w.count_by WHEN 'headlines' THEN row_number() OVER (
            PARTITION BY n.framework, n.family_id, n.headline ORDER BY n.since, n.need) = 1 ELSE true END AS counts
    FROM childrens.supporting_families.need AS n
    JOIN childrens.supporting_families.framework AS w USING (framework)
    WHERE n.occasion = 'now'
),
summed AS (
    SELECT
        framework, family_id, any_value(count_by) AS count_by, any_value(min_needs) AS min_needs,
        count(*) AS needs, count(DISTINCT headline) AS headlines, count(*) FILTER (counts) AS counted,
        list_sort(list(since) FILTER (counts)) AS since_each,
        string_agg(need || ' ' || label, '; ' ORDER BY headline, need) AS needs_in_words
    FROM counted
    GROUP BY framework, family_id
)
SELECT
    n.framework, n.family_id, f.children_under_18, f.adults, f.homes,
    n.needs, n.headlines, n.counted, n.min_needs, n.count_by,
    n.counted >= n.min_needs AND f.children_under_18 > 0          AS eligible,
    -- Since the day on which the last of the needs that it takes was there, and the framework was in force.
    CASE WHEN n.counted >= n.min_needs THEN greatest(n.since_each[n.min_needs], w.from_date) END AS eligible_since,
    s.support_id IS NOT NULL                                      AS supported,
    s.started_on                                                  AS supported_since,
    s.kinds                                                       AS supported_by,
    s.lead_practitioner, s.whole_family_assessment_on, s.plan_on,
    n.needs_in_words,
    d.as_of
FROM summed AS n
JOIN people.families.family AS f USING (family_id)
JOIN childrens.supporting_families.framework AS w ON w.framework = n.framework
CROSS JOIN people.households.day AS d
LEFT JOIN childrens.supporting_families.support AS s ON s.family_id = n.family_id AND s.ended_on IS NULL
