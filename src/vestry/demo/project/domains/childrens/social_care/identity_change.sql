-- Who was one person and is another now. The two are never to be joined.
SELECT
    person_id_before,
    person_id_after,
    uk_date(changed_on) AS changed_on,
    lower(tidy(reason)) AS reason
FROM bronze.liquidlogic.identity_change
