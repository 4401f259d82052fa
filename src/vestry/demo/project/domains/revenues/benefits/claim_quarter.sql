-- What may change in a claim from quarter to quarter, as each quarter's file had it.
SELECT
    claim_ref,
    last_day(strptime(regexp_extract(_source, '[0-9]{4}-[0-9]{2}'), '%Y-%m')::DATE) AS quarter_end,
    out_of_work = 'Y'               AS out_of_work,
    money(overpayment_debt)         AS overpayment_debt,
    debt_plan = 'Y'                 AS debt_plan,
    try_cast(dependants AS BIGINT)  AS dependants
FROM bronze.benefits.claim
QUALIFY row_number() OVER (PARTITION BY claim_ref, quarter_end ORDER BY _row DESC) = 1
