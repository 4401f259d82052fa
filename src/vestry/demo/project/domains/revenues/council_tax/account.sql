-- Accounts, with the UPRN of their address and whether one adult is said to live there.
WITH account AS (
    SELECT
        *,
        uprn(uprn)         AS uprn_given,
        postcode(postcode) AS code,
        concat_ws(', ', tidy(address_1), tidy(address_2), tidy(address_3)) AS line
    FROM bronze.academy.account
),
alone AS (
    SELECT DISTINCT account_ref FROM bronze.academy.discount WHERE code = 'SPD' AND to_date IS NULL
)
SELECT
    a.account_ref,
    coalesce(by_line.uprn, a.uprn_given, by_number.uprn) AS uprn,
    a.uprn_given,
    CASE
        WHEN by_line.uprn = a.uprn_given THEN 'both'
        WHEN by_line.uprn IS NOT NULL THEN 'address'
        WHEN a.uprn_given IS NOT NULL THEN 'given'
        WHEN by_number.uprn IS NOT NULL THEN 'number'
    END                            AS uprn_found_by,
    a.line                         AS address,
    a.code                         AS postcode,
    a.band,
    uk_date(a.opened_on)           AS opened_on,
    uk_date(a.closed_on)           AS closed_on,
    CASE a.payment_method
        WHEN 'DD' THEN 'direct debit' WHEN 'SO' THEN 'standing order' WHEN 'CASH' THEN 'cash' WHEN 'CARD' THEN 'card'
        ELSE a.payment_method
    END                            AS payment_method,
    a.balance::DECIMAL(18, 2)      AS arrears,
    alone.account_ref IS NOT NULL AND a.closed_on IS NULL AS single_person_discount
FROM account AS a
LEFT JOIN alone USING (account_ref)
LEFT JOIN places.gazetteer.address_key AS by_line ON by_line.key = address_key(a.line) AND by_line.kind = 'line'
LEFT JOIN places.gazetteer.address_key AS by_number
    ON by_number.key = a.code || ' ' || address_numbers(address_key(a.line)) AND by_number.kind = 'number'
