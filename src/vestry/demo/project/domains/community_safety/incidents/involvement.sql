-- Who was in which incident, as what.
WITH told AS (
    SELECT *, postcode(postcode) AS code, address_key(regexp_replace(home_address, ', Westmarsh\b.*$', '')) AS line
    FROM bronze.police.incident
    QUALIFY row_number() OVER (PARTITION BY incident_ref, nominal_ref, role ORDER BY _source DESC, _row DESC) = 1
)
SELECT
    t.incident_ref,
    t.nominal_ref,
    lower(tidy(t.role))                       AS role,
    tidy(t.forename)                          AS forename,
    tidy(t.surname)                           AS surname,
    nullif(uk_date(t.dob), DATE '1900-01-01') AS date_of_birth,
    tidy(t.sex)                               AS sex,
    tidy(t.home_address)                      AS address,
    t.code                                    AS postcode,
    coalesce(by_line.uprn, by_number.uprn)    AS uprn,
    nullif(tidy(t.phone), '01632 960000')     AS telephone,
    tidy(t.outcome)                           AS outcome
FROM told AS t
LEFT JOIN places.gazetteer.address_key AS by_line ON by_line.key = t.line AND by_line.kind = 'line'
LEFT JOIN places.gazetteer.address_key AS by_number
    ON by_number.key = t.code || ' ' || address_numbers(t.line) AND by_number.kind = 'number'
