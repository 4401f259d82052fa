-- Every home that a record names, now or before: people who moved are found by the home before.
SELECT
    'revenues.council_tax.person' AS source, l.person_ref AS record_id, a.uprn, a.address, a.postcode,
    l.from_date, l.to_date
FROM revenues.council_tax.liability AS l JOIN revenues.council_tax.account AS a USING (account_ref)
UNION
SELECT
    'housing.tenancies.person', t.person_ref, p.uprn, p.address, p.postcode,
    greatest(t.from_date, y.started_on), least(t.to_date, y.ended_on)
FROM housing.tenancies.tenant AS t
JOIN housing.tenancies.tenancy AS y USING (tenancy_ref)
JOIN housing.tenancies.property AS p USING (property_ref)
UNION
SELECT
    'education.schools.pupil', pupil_id, uprn, address, postcode, min(make_date(school_year, 9, 1)), NULL
FROM education.schools.pupil_term GROUP BY ALL
UNION
SELECT
    'education.schools.parent', p.parent_id, t.uprn, t.address, t.postcode, min(make_date(t.school_year, 9, 1)), NULL
FROM education.schools.parent AS p JOIN education.schools.pupil_term AS t USING (pupil_id) GROUP BY ALL
UNION
SELECT
    'adults.contacts.person', person_no, uprn, address, postcode, min(contacted_on), NULL
FROM adults.contacts.contact GROUP BY ALL
UNION
SELECT
    'community_safety.incidents.nominal', nominal_ref, uprn, address, postcode, NULL, NULL
FROM community_safety.incidents.involvement GROUP BY ALL
