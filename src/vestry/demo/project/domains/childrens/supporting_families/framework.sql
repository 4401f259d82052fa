-- Frameworks, each with its dates and how its needs are counted.
SELECT
    tidy(framework)                       AS framework,
    tidy(title)                           AS title,
    uk_date(from_date)                    AS from_date,
    uk_date(to_date)                      AS to_date,
    try_cast(min_needs AS BIGINT)         AS min_needs,
    lower(tidy(count_by))                 AS count_by,
    try_cast(sustained_months AS BIGINT)  AS sustained_months,
    tidy(reference)                       AS reference,
    tidy(checked)                         AS checked
FROM bronze.supporting_families.framework
