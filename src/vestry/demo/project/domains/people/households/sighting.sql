-- What each record says of who lived where: one row a record, home and stretch of time.
-- `firm` records tell when somebody came and went. The others tell only that somebody was said to live there then.
WITH said AS (
    -- Whoever is liable for council tax lives there: from and until the liability.
    SELECT 'revenues.council_tax.person' AS source, l.person_ref AS record_id, a.uprn, l.from_date,
        coalesce(l.to_date, a.closed_on) AS to_date, true AS firm, 'liable for council tax' AS says
    FROM revenues.council_tax.liability AS l
    JOIN revenues.council_tax.account AS a USING (account_ref)
    UNION ALL
    -- Tenants and the others whom the housing officer knows to live there.
    SELECT 'housing.tenancies.person', t.person_ref, y.uprn, t.from_date,
        least(t.to_date, y.ended_on), true, t.role || ' of the council'
    FROM housing.tenancies.tenant AS t
    JOIN housing.tenancies.tenancy AS y USING (tenancy_ref)
    UNION ALL
    -- Claimants, partners and children on a claim in payment, until the last quarter that had them.
    SELECT 'revenues.benefits.claimant', claim_ref, uprn, claimed_on,
        CASE WHEN NOT in_payment THEN last_day(strptime(last_quarter, '%Y-%m')::DATE) END, true, 'claims benefit'
    FROM revenues.benefits.claim
    UNION ALL
    SELECT 'revenues.benefits.partner', p.partner_ref, p.uprn, p.claimed_on,
        CASE WHEN NOT c.in_payment THEN p.last_seen_on END, true, 'partner on a benefit claim'
    FROM revenues.benefits.partner AS p
    JOIN revenues.benefits.claim AS c USING (claim_ref)
    UNION ALL
    SELECT 'revenues.benefits.dependant', d.dependant_ref, d.uprn, greatest(c.claimed_on, d.date_of_birth),
        CASE WHEN NOT d.in_payment THEN d.last_seen_on END, true, 'child on a benefit claim'
    FROM revenues.benefits.dependant AS d
    JOIN revenues.benefits.claim AS c USING (claim_ref)
    UNION ALL
    -- A pupil's home as the parents gave it; they tell of a move late.
    SELECT 'education.schools.pupil', pupil_id, uprn, first_seen_on, last_seen_on, false, 'home given to the school'
    FROM education.schools.pupil
    UNION ALL
    -- Where an adult was said to live when somebody got in touch about them.
    SELECT 'adults.contacts.person', person_no, uprn, contacted_on, contacted_on, false,
        'home given to adult social care'
    FROM adults.contacts.contact
    UNION ALL
    -- Where a child, or an adult around one, was said to live.
    SELECT 'childrens.social_care.person', person_id, uprn, created_on, updated_on, false,
        'home given to children''s social care'
    FROM childrens.social_care.person
)
SELECT
    r.person_id, s.uprn, min(s.from_date) AS from_date,
    CASE WHEN count(*) = count(s.to_date) THEN max(s.to_date) END AS to_date,
    bool_or(s.firm) AS firm, s.source, s.record_id, any_value(s.says) AS says
FROM said AS s
JOIN people.index.person_record AS r USING (source, record_id)
CROSS JOIN people.households.day AS d
WHERE s.uprn IS NOT NULL AND s.from_date <= d.as_of
  AND r.person_id NOT IN (SELECT person_id FROM people.households.guarded)
  -- What ends before it begins says nothing.
  AND coalesce(s.to_date >= s.from_date, true)
GROUP BY r.person_id, s.uprn, s.source, s.record_id
