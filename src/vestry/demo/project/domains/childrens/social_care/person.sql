-- Children and the adults around them, with their last address.
WITH home AS (
    SELECT
        *, postcode(postcode) AS code, uprn(uprn) AS uprn_given,
        address_key(regexp_replace(address, ', Westmarsh\b.*$', '')) AS line
    FROM bronze.liquidlogic.address
    QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY from_date DESC, address_id) = 1
)
SELECT
    p.person_id,
    tidy(p.forename)                        AS forename,
    tidy(p.middle_names)                    AS middle_names,
    tidy(p.surname)                         AS surname,
    nullif(uk_date(p.dob), DATE '1900-01-01') AS date_of_birth,
    tidy(p.sex)                             AS sex,
    replace(p.nhs_number, ' ', '')          AS nhs_number,
    tidy(p.upn)                             AS upn,
    upper(replace(p.ni_number, ' ', ''))    AS ni_number,
    nullif(tidy(p.telephone), '01632 960000') AS telephone,
    p.is_child = 'Y'                        AS is_child,
    p.disability = 'Y'                      AS disability,
    -- Where nobody says that a person may be found, nobody may be sure of it.
    coalesce(p.restricted <> 'N', true)     AS restricted,
    uk_date(p.death_date)                   AS died_on,
    tidy(h.address)                         AS address,
    h.code                                  AS postcode,
    coalesce(by_line.uprn, h.uprn_given, by_number.uprn) AS uprn,
    uk_date(p.created_on)                   AS created_on,
    uk_date(p.updated_at)                   AS updated_on
FROM bronze.liquidlogic.person AS p
LEFT JOIN home AS h USING (person_id)
LEFT JOIN places.gazetteer.address_key AS by_line ON by_line.key = h.line AND by_line.kind = 'line'
LEFT JOIN places.gazetteer.address_key AS by_number
    ON by_number.key = h.code || ' ' || address_numbers(h.line) AND by_number.kind = 'number'
