-- People of the housing system, without what only fills a box, at the home of their newest tenancy.
WITH home AS (
    SELECT t.person_ref, p.uprn, p.address, p.postcode
    FROM housing.tenancies.tenant AS t
    JOIN housing.tenancies.tenancy AS y USING (tenancy_ref)
    JOIN housing.tenancies.property AS p USING (property_ref)
    QUALIFY row_number() OVER (
        PARTITION BY t.person_ref ORDER BY t.to_date IS NULL DESC, t.from_date DESC, t.tenancy_ref) = 1
)
SELECT
    p.person_ref,
    tidy(p.title)                                     AS title,
    tidy(p.forename)                                  AS forename,
    tidy(p.middle_names)                              AS middle_names,
    tidy(p.surname)                                   AS surname,
    nullif(uk_date(p.date_of_birth), DATE '1900-01-01') AS date_of_birth,
    tidy(p.gender)                                    AS sex,
    upper(replace(p.ni_number, ' ', ''))              AS ni_number,
    home.uprn,
    home.address,
    home.postcode,
    nullif(tidy(p.telephone), '01632 960000')         AS telephone,
    lower(tidy(p.email))                              AS email,
    -- Where nobody says that a person may be found, nobody may be sure of it.
    coalesce(p.address_protected <> 'N', true)        AS address_protected,
    uk_date(p.created_on)                             AS created_on,
    uk_date(p.updated_at)                             AS updated_on
FROM bronze.northgate.person AS p
LEFT JOIN home USING (person_ref)
