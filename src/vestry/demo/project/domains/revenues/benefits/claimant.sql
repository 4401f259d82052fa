-- The claimants: one row a claim, from its start to the end of the last quarter that had it.
SELECT
    claim_ref, title, forenames, surname, date_of_birth, sex, ni_number, uprn, address, postcode, telephone,
    claimed_on,
    last_day(strptime(last_quarter, '%Y-%m')::DATE) AS last_seen_on
FROM revenues.benefits.claim
