-- Children whom the council must keep track of by law, with the pupil number that finds them.
SELECT
    entry                  AS entry_ref,
    tidy(upn)              AS upn,
    lower(tidy(status))    AS status,
    uk_date("from")        AS from_date,
    uk_date("to")          AS to_date,
    lower(tidy(reason))    AS reason
FROM bronze.participation.register
