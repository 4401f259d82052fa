-- What assessments found, with the child and the day.
SELECT
    f.assessment_id,
    f.factor_code,
    a.person_id,
    uk_date(a.start_date) AS assessed_on,
    uk_date(a.auth_date)  AS authorised_on,
    a.child_seen = 'Y'    AS child_seen
FROM bronze.liquidlogic.assessment_factor AS f
JOIN bronze.liquidlogic.cin_assessment AS a USING (assessment_id)
