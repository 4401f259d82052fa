-- Plans of children in need and child protection plans in one table.
SELECT
    cin_plan_id AS plan_id, 'child in need' AS kind, referral_id, person_id,
    uk_date(start_date) AS started_on, uk_date(end_date) AS ended_on,
    NULL::VARCHAR AS initial_category, NULL::VARCHAR AS latest_category
FROM bronze.liquidlogic.cin_plan
UNION ALL
SELECT
    cp_plan_id, 'child protection', referral_id, person_id, uk_date(start_date), uk_date(end_date),
    initial_category, latest_category
FROM bronze.liquidlogic.cp_plan
