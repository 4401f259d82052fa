-- Needs of early help plans.
SELECT
    family_ref,
    tidy(need)             AS need,
    uk_date(identified_on) AS identified_on,
    lower(tidy(outcome))   AS outcome,
    uk_date(outcome_date)  AS outcome_on
FROM bronze.liquidlogic.plan_need
