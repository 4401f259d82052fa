-- The partners on claims, each under the number of the claim and /P.
SELECT
    claim_ref || '/P'         AS partner_ref,
    claim_ref,
    partner_forenames         AS forenames,
    partner_surname           AS surname,
    partner_date_of_birth     AS date_of_birth,
    partner_ni_number         AS ni_number,
    uprn, address, postcode, claimed_on,
    last_day(strptime(last_quarter, '%Y-%m')::DATE) AS last_seen_on
FROM revenues.benefits.claim
WHERE coalesce(partner_forenames, partner_surname, partner_ni_number) IS NOT NULL
