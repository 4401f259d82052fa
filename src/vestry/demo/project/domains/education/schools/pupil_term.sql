-- Each pupil's term. Schools hold no UPRN: the home is found by the address that the parents gave.
WITH told AS (
    SELECT
        *,
        postcode(postcode)                        AS code,
        address_key(regexp_replace(address, ', Westmarsh\b.*$', '')) AS line,
        try_cast(sessions_possible AS BIGINT)     AS possible,
        try_cast(sessions_attended AS BIGINT)     AS attended,
        -- The file is named attendance_2024_1.csv.
        try_cast(regexp_extract(_source, '_([0-9]{4})_([0-9])', 1) AS BIGINT) AS school_year,
        try_cast(regexp_extract(_source, '_([0-9]{4})_([0-9])', 2) AS BIGINT) AS term
    FROM bronze.schools.attendance
)
SELECT
    t.pupil_id,
    t.school_year,
    t.term,
    -- Terms as they mostly are; no file says when one began.
    CASE t.term WHEN 1 THEN make_date(t.school_year, 9, 1) WHEN 2 THEN make_date(t.school_year + 1, 1, 1)
        WHEN 3 THEN make_date(t.school_year + 1, 4, 1) END AS term_from,
    CASE t.term WHEN 1 THEN make_date(t.school_year, 12, 20) WHEN 2 THEN make_date(t.school_year + 1, 3, 31)
        WHEN 3 THEN make_date(t.school_year + 1, 7, 20) END AS term_to,
    tidy(t.upn)                                   AS upn,
    tidy(t.forename)                              AS forename,
    tidy(t.middle_names)                          AS middle_names,
    tidy(t.surname)                               AS surname,
    nullif(uk_date(t.date_of_birth), DATE '1900-01-01') AS date_of_birth,
    tidy(t.sex)                                   AS sex,
    try_cast(regexp_extract(t.year_group, '[0-9]+') AS BIGINT) AS year_group,
    tidy(t.school_no)                             AS school_no,
    tidy(t.school)                                AS school,
    tidy(t.address)                               AS address,
    t.code                                        AS postcode,
    coalesce(by_line.uprn, by_number.uprn)        AS uprn,
    nullif(tidy(t.telephone), '01632 960000')     AS telephone,
    tidy(t.contact_1)                             AS contact_1,
    lower(tidy(t.contact_1_relationship))         AS contact_1_relationship,
    tidy(t.contact_2)                             AS contact_2,
    lower(tidy(t.contact_2_relationship))         AS contact_2_relationship,
    t.possible                                    AS sessions_possible,
    t.attended                                    AS sessions_attended,
    try_cast(t.authorised_absence AS BIGINT)      AS authorised_absence,
    try_cast(t.unauthorised_absence AS BIGINT)    AS unauthorised_absence,
    (100.0 * t.attended / nullif(t.possible, 0))::DECIMAL(5, 1) AS attendance_percent,
    10 * t.attended <= 9 * t.possible             AS persistently_absent,
    try_cast(t.suspensions AS BIGINT)             AS suspensions,
    t.permanently_excluded = 'Y'                  AS permanently_excluded,
    CASE t.sen WHEN 'N' THEN 'none' WHEN 'K' THEN 'support' WHEN 'E' THEN 'plan' ELSE t.sen END AS sen,
    t.fsm = 'Y'                                   AS free_school_meals
FROM told AS t
LEFT JOIN places.gazetteer.address_key AS by_line ON by_line.key = t.line AND by_line.kind = 'line'
LEFT JOIN places.gazetteer.address_key AS by_number
    ON by_number.key = t.code || ' ' || address_numbers(t.line) AND by_number.kind = 'number'
