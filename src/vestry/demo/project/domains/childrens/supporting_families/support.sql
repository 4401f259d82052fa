-- The help that each family had: its early help and child in need episodes put together.
-- An episode that begins within six months of the one before carries it on: that help had not yet lasted.
WITH episode AS (
    SELECT
        m.family_id, e.*,
        p.started_on AS social_care_plan_on, a.authorised_on AS assessed_on
    FROM childrens.social_care.episode AS e
    JOIN people.index.person_record AS r ON r.source = 'childrens.social_care.person' AND r.record_id = e.person_id
    JOIN people.families.family_member AS m ON m.person_id = r.person_id AND m.role = 'child'
    LEFT JOIN (SELECT referral_id, min(started_on) AS started_on FROM childrens.social_care.plan GROUP BY ALL) AS p
        ON p.referral_id = e.episode_id
    LEFT JOIN (SELECT person_id, min(authorised_on) AS authorised_on
        FROM childrens.social_care.assessment_factor GROUP BY ALL) AS a
        ON a.person_id = e.person_id AND e.kind = 'child in need'
),
begun AS (
    SELECT
        *,
        coalesce(started_on > max(coalesce(ended_on, DATE '2999-01-01')) OVER (
            PARTITION BY family_id ORDER BY started_on, episode_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + 183, true) AS begins
    FROM episode
),
numbered AS (
    SELECT *, sum(begins::INT) OVER (PARTITION BY family_id ORDER BY started_on, episode_id) AS n FROM begun
)
SELECT
    family_id || '/' || strftime(min(started_on), '%Y%m%d')  AS support_id,
    family_id,
    min(started_on)                                         AS started_on,
    CASE WHEN count(*) = count(ended_on) THEN max(ended_on) END AS ended_on,
    string_agg(DISTINCT kind, ' and ' ORDER BY kind)        AS kinds,
    -- Early help assesses and plans for the whole family. Of a child in need the signed assessment and its plan count.
    min(coalesce(whole_family_assessment_on, assessed_on))  AS whole_family_assessment_on,
    min(coalesce(plan_on, social_care_plan_on))             AS plan_on,
    arg_max(coalesce(lead_practitioner, CASE kind WHEN 'child in need' THEN worker_id END),
        started_on) AS lead_practitioner,
    arg_max(team, started_on)                               AS team,
    arg_max(end_reason, ended_on)                           AS end_reason,
    string_agg(DISTINCT episode_id, ', ' ORDER BY episode_id) AS episodes
FROM numbered
GROUP BY family_id, n
