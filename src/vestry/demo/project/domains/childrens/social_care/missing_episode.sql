-- Times at which a child was missing.
SELECT
    missing_id,
    person_id,
    try_cast(start_at AS TIMESTAMP)::DATE   AS started_on,
    try_cast(end_at AS TIMESTAMP)::DATE     AS ended_on,
    lower(tidy(episode_type))               AS kind,
    return_interview_offered = 'Y'          AS return_interview_offered
FROM bronze.liquidlogic.missing_episode
