-- Who asked the council for help because they have no home, or soon will not.
SELECT
    application_ref,
    person_ref,
    uk_date(applied_on)     AS applied_on,
    lower(tidy(reason))     AS reason,
    lower(tidy(duty))       AS duty,
    uk_date(temporary_from) AS temporary_from,
    uk_date(temporary_to)   AS temporary_to,
    uk_date(closed_on)      AS closed_on,
    lower(tidy(outcome))    AS outcome
FROM bronze.northgate.homeless_application
