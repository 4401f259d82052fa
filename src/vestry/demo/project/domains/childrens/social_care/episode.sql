-- Early help and child in need episodes in one table; what only one of them has is empty in the other.
SELECT
    episode_id,
    'early help'              AS kind,
    person_id,
    family_ref,
    uk_date(start_date)       AS started_on,
    uk_date(end_date)         AS ended_on,
    tidy(reason)              AS reason,
    tidy(end_reason)          AS end_reason,
    NULL::VARCHAR             AS referral_source,
    tidy(organisation)        AS team,
    worker_id,
    lead_practitioner,
    uk_date(whole_family_assessment_date) AS whole_family_assessment_on,
    uk_date(plan_date)        AS plan_on
FROM bronze.liquidlogic.early_help_episode
UNION ALL
SELECT
    referral_id, 'child in need', person_id, NULL, uk_date(referral_date), uk_date(close_date),
    primary_need_code, close_reason, referral_source_code, tidy(team), worker_id, NULL, NULL, NULL
FROM bronze.liquidlogic.cin_episode
