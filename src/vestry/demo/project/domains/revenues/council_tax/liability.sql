-- Who is liable for which account.
SELECT
    account_ref, person_ref,
    uk_date(from_date) AS from_date,
    uk_date(to_date)   AS to_date,
    lower(tidy(role))  AS role
FROM bronze.academy.liability
