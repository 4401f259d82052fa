-- Contacts, with the home of whom they are about.
WITH contact AS (
    SELECT *, postcode(postcode) AS code, uprn(uprn) AS uprn_given, address_key(address) AS line
    FROM bronze.adults.contact
)
SELECT
    c.contact_id,
    c.person_no,
    uk_date(c.contact_date)                             AS contacted_on,
    lower(tidy(c.method))                               AS method,
    lower(tidy(c.reason))                               AS reason,
    lower(tidy(c.outcome))                              AS outcome,
    tidy(c.title)                                       AS title,
    tidy(c.first_name)                                  AS forename,
    tidy(c.last_name)                                   AS surname,
    nullif(uk_date(c.date_of_birth), DATE '1900-01-01') AS date_of_birth,
    tidy(c.gender)                                      AS sex,
    replace(c.nhs_number, ' ', '')                      AS nhs_number,
    tidy(c.address)                                     AS address,
    c.code                                              AS postcode,
    coalesce(by_line.uprn, c.uprn_given, by_number.uprn) AS uprn,
    nullif(tidy(c.telephone), '01632 960000')           AS telephone
FROM contact AS c
LEFT JOIN places.gazetteer.address_key AS by_line ON by_line.key = c.line AND by_line.kind = 'line'
LEFT JOIN places.gazetteer.address_key AS by_number
    ON by_number.key = c.code || ' ' || address_numbers(c.line) AND by_number.kind = 'number'
