-- Children on claims, each as the last quarter that had the child tells.
WITH told AS (
    SELECT *, regexp_extract(_source, '[0-9]{4}-[0-9]{2}') AS quarter FROM bronze.benefits.dependant
)
SELECT
    dependant_ref,
    claim_ref,
    tidy(forename)                       AS forename,
    tidy(surname)                        AS surname,
    nullif(uk_date(dob), DATE '1900-01-01') AS date_of_birth,
    tidy(sex)                            AS sex,
    quarter                              AS last_quarter,
    quarter = max(quarter) OVER ()       AS in_payment
FROM told
QUALIFY row_number() OVER (PARTITION BY dependant_ref ORDER BY quarter DESC, _row DESC) = 1
