-- Discounts, exemptions and reductions.
SELECT
    account_ref, code,
    uk_date(from_date) AS from_date,
    uk_date(to_date)   AS to_date,
    percent
FROM bronze.academy.discount
