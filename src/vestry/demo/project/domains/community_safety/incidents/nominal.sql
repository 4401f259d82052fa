-- One row a person that the police number, as the newest incident has the person.
SELECT
    v.nominal_ref, v.forename, v.surname, v.date_of_birth, v.sex, v.uprn, v.address, v.postcode, v.telephone,
    (min(i.occurred_at) OVER nominal)::DATE AS first_seen_on,
    (max(i.occurred_at) OVER nominal)::DATE AS last_seen_on
FROM community_safety.incidents.involvement AS v
JOIN community_safety.incidents.incident AS i USING (incident_ref)
WINDOW nominal AS (PARTITION BY v.nominal_ref)
QUALIFY row_number() OVER (PARTITION BY v.nominal_ref ORDER BY i.occurred_at DESC, v.incident_ref DESC, v.role) = 1
