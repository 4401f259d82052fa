-- People of the housing system, without what only fills a box.
SELECT
    person_ref,
    tidy(title)                                     AS title,
    tidy(forename)                                  AS forename,
    tidy(middle_names)                              AS middle_names,
    tidy(surname)                                   AS surname,
    nullif(uk_date(date_of_birth), DATE '1900-01-01') AS date_of_birth,
    tidy(gender)                                    AS sex,
    upper(replace(ni_number, ' ', ''))              AS ni_number,
    nullif(tidy(telephone), '01632 960000')         AS telephone,
    lower(tidy(email))                              AS email,
    uk_date(created_on)                             AS created_on,
    uk_date(updated_at)                             AS updated_on
FROM bronze.northgate.person
