-- Which fact makes or meets which need: a line of rule.csv is a row here.
SELECT
    tidy(r.framework)                           AS framework,
    tidy(r.rule)                                AS rule,
    tidy(r.need)                                AS need,
    k.label                                     AS need_label,
    lower(tidy(finds))                          AS finds,
    lower(tidy(r.fact))                         AS fact,
    f.source                                    AS told_by,
    lower(tidy(value))                          AS value,
    try_cast(at_least AS DOUBLE)                AS at_least,
    try_cast(below AS DOUBLE)                   AS below,
    coalesce(try_cast(times AS BIGINT), 1)      AS times,
    coalesce(try_cast(months AS BIGINT), 0)     AS months,
    lower(tidy("of"))                           AS "of",
    try_cast(age_from AS BIGINT)                AS age_from,
    try_cast(age_to AS BIGINT)                  AS age_to,
    tidy(r.says)                                AS says,
    tidy(r.reference)                           AS reference,
    tidy(r.checked)                             AS checked
FROM bronze.supporting_families.rule AS r
LEFT JOIN childrens.supporting_families.need_kind AS k ON k.framework = tidy(r.framework) AND k.need = tidy(r.need)
LEFT JOIN childrens.supporting_families.fact_kind AS f ON f.fact = lower(tidy(r.fact))
