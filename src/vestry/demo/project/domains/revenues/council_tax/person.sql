-- People of the council tax system, without what only fills a box, at the home of their newest account.
WITH home AS (
    SELECT l.person_ref, a.uprn, a.address, a.postcode
    FROM revenues.council_tax.liability AS l
    JOIN revenues.council_tax.account AS a USING (account_ref)
    QUALIFY row_number() OVER (
        PARTITION BY l.person_ref ORDER BY l.to_date IS NULL DESC, l.from_date DESC, l.account_ref) = 1
)
SELECT
    p.person_ref,
    tidy(p.title)                                       AS title,
    tidy(p.forenames)                                   AS forenames,
    tidy(p.surname)                                     AS surname,
    nullif(uk_date(p.date_of_birth), DATE '1900-01-01') AS date_of_birth,
    upper(replace(p.ni_number, ' ', ''))                AS ni_number,
    home.uprn,
    home.address,
    home.postcode,
    nullif(tidy(p.telephone), '01632 960000')           AS telephone,
    lower(tidy(p.email))                                AS email,
    uk_date(p.created_on)                               AS created_on,
    uk_date(p.updated_at)                               AS updated_on
FROM bronze.academy.person AS p
LEFT JOIN home USING (person_ref)
