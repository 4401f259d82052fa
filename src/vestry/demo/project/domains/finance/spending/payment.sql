-- One table from every month's file, whatever its headers were.
SELECT
    coalesce(tidy(organisation), 'Westmarsh City Council') AS organisation_label,
    -- The first year's files do not give it; the council had it all the same.
    coalesce(tidy(organisation_uri), 'https://westmarsh.example.org/id/council') AS organisation_uri,
    tidy(unit)                              AS organisational_unit,
    tidy(service_category)                  AS service_category,
    -- Said in two ways.
    CASE WHEN lower(supplier) LIKE 'redacted%' THEN 'Redacted personal data' ELSE tidy(supplier) END AS beneficiary_name,
    tidy(company_number)                    AS company_number,
    vcse_grant = 'Y'                        AS vcse_grant,
    uk_date(payment_date)                   AS payment_date,
    tidy(transaction_number)                AS transaction_number,
    money(amount)                           AS amount,
    money(irrecoverable_vat)                AS irrecoverable_vat_amount,
    tidy(purpose)                           AS purpose,
    card_transaction = 'Y'                  AS card_transaction,
    coalesce(lower(supplier) LIKE 'redacted%', false) AS is_redacted,
    _source                                 AS published_in,
    _row                                    AS published_row
FROM bronze.payments.month
