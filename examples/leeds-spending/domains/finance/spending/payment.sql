-- One clean table from every month's file, whatever its header was.
SELECT
    tidy(body_name)                 AS organisation_label,
    tidy(body)                      AS organisation_uri,
    coalesce(tidy(service_label), tidy(service_division), 'not given') AS organisational_unit,
    tidy(service_division)          AS service_category,
    tidy(supplier_name)             AS beneficiary_name,
    uk_date(date_paid)              AS payment_date,
    tidy(transaction_number)        AS transaction_number,
    money(net_amount)               AS amount,
    tidy(expenditure_type)          AS purpose,
    tidy(expenditure_code)          AS purpose_code,
    tidy(expenditure_category)      AS category,
    CASE upper(tidy(capital_or_revenue))
        WHEN 'C' THEN 'capital' WHEN 'CAPITAL' THEN 'capital'
        WHEN 'R' THEN 'revenue' WHEN 'REVENUE' THEN 'revenue'
        ELSE lower(tidy(capital_or_revenue))
    END                             AS capital_or_revenue,
    _source                         AS published_in,
    _row                            AS published_row
FROM bronze.payments.month
