-- Quarters' files put together: each claim as the last that had it tells.
WITH told AS (
    SELECT
        *,
        regexp_extract(_source, '[0-9]{4}-[0-9]{2}')    AS quarter,
        postcode(postcode)                              AS code,
        uprn(uprn)                                      AS uprn_given,
        address_key(concat_ws(', ', address_1, address_2)) AS line
    FROM bronze.benefits.claim
),
newest AS (
    SELECT *, min(quarter) OVER (PARTITION BY claim_ref) AS first_quarter, max(quarter) OVER () AS this_quarter
    FROM told
    QUALIFY row_number() OVER (PARTITION BY claim_ref ORDER BY quarter DESC, _row DESC) = 1
)
SELECT
    c.claim_ref,
    c.scheme,
    tidy(c.claimant_title)                  AS title,
    tidy(c.claimant_forenames)              AS forenames,
    tidy(c.claimant_surname)                AS surname,
    nullif(uk_date(c.claimant_dob), DATE '1900-01-01') AS date_of_birth,
    tidy(c.claimant_sex)                    AS sex,
    upper(replace(c.claimant_nino, ' ', '')) AS ni_number,
    tidy(c.partner_forenames)               AS partner_forenames,
    tidy(c.partner_surname)                 AS partner_surname,
    nullif(uk_date(c.partner_dob), DATE '1900-01-01') AS partner_date_of_birth,
    upper(replace(c.partner_nino, ' ', '')) AS partner_ni_number,
    coalesce(by_line.uprn, c.uprn_given, by_number.uprn) AS uprn,
    concat_ws(', ', tidy(c.address_1), tidy(c.address_2)) AS address,
    c.code                                  AS postcode,
    CASE c.tenure
        WHEN 'LA' THEN 'council' WHEN 'RSL' THEN 'association' WHEN 'PRIV' THEN 'private' WHEN 'OWN' THEN 'owner'
        WHEN 'HOSTEL' THEN 'hostel' ELSE c.tenure
    END                                     AS tenure,
    uk_date(c.claim_start)                  AS claimed_on,
    try_cast(c.dependants AS BIGINT)        AS dependants,
    c.out_of_work = 'Y'                     AS out_of_work,
    money(c.weekly_award)                   AS weekly_award,
    money(c.overpayment_debt)               AS overpayment_debt,
    c.debt_plan = 'Y'                       AS debt_plan,
    nullif(tidy(c.telephone), '01632 960000') AS telephone,
    c.first_quarter,
    c.quarter                               AS last_quarter,
    c.quarter = c.this_quarter              AS in_payment
FROM newest AS c
LEFT JOIN places.gazetteer.address_key AS by_line ON by_line.key = c.line AND by_line.kind = 'line'
LEFT JOIN places.gazetteer.address_key AS by_number
    ON by_number.key = c.code || ' ' || address_numbers(c.line) AND by_number.kind = 'number'
