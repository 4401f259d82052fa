-- The needs that each framework names, under their headlines.
SELECT
    tidy(framework)                 AS framework,
    try_cast(headline AS BIGINT)    AS headline,
    tidy(need)                      AS need,
    tidy(label)                     AS label,
    tidy(reference)                 AS reference,
    tidy(checked)                   AS checked
FROM bronze.supporting_families.need
