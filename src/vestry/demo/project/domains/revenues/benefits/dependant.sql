-- Children on claims, each as the last quarter that had the child tells, at the home of the claim.
WITH told AS (
    SELECT *, regexp_extract(_source, '[0-9]{4}-[0-9]{2}') AS quarter FROM bronze.benefits.dependant
),
newest AS (
    SELECT *, min(quarter) OVER (PARTITION BY dependant_ref) AS first_quarter, max(quarter) OVER () AS this_quarter
    FROM told
    QUALIFY row_number() OVER (PARTITION BY dependant_ref ORDER BY quarter DESC, _row DESC) = 1
)
SELECT
    d.dependant_ref,
    d.claim_ref,
    tidy(d.forename)                                 AS forename,
    tidy(d.surname)                                  AS surname,
    nullif(uk_date(d.dob), DATE '1900-01-01')        AS date_of_birth,
    tidy(d.sex)                                      AS sex,
    c.uprn,
    c.address,
    c.postcode,
    last_day(strptime(d.first_quarter, '%Y-%m')::DATE) AS first_seen_on,
    last_day(strptime(d.quarter, '%Y-%m')::DATE)     AS last_seen_on,
    d.quarter                                        AS last_quarter,
    d.quarter = d.this_quarter                       AS in_payment
FROM newest AS d
LEFT JOIN revenues.benefits.claim AS c USING (claim_ref)
