-- One SELECT makes the table. The tables that it names are its inputs: nothing else says so.
-- tidy, uprn, uk_date and money read what people write; what cannot be read becomes NULL.
SELECT
    tidy(job) AS job_id,
    uprn(uprn) AS uprn,
    uk_date(reported) AS reported_on,
    tidy(trade) AS trade,
    money(cost) AS cost
FROM bronze.repairs.job
