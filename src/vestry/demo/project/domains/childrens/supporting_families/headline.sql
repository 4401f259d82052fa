-- Headlines of each framework. Where a title changed, each version is a row, and the highest version is shown.
SELECT
    tidy(framework)                 AS framework,
    try_cast(headline AS BIGINT)    AS headline,
    try_cast(version AS BIGINT)     AS version,
    tidy(label)                     AS label,
    try_cast(version AS BIGINT) = max(try_cast(version AS BIGINT)) OVER (PARTITION BY framework, headline) AS shown,
    tidy(reference)                 AS reference,
    tidy(checked)                   AS checked
FROM bronze.supporting_families.headline
