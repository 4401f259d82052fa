-- Who is whose parent, carer, partner or brother or sister, with each record that says so.
-- parent: a mother or father by name. carer: somebody who claims for a child, or is the tenant of its home.
WITH said AS (
    -- Children's social care: mother, father, sibling.
    SELECT 'childrens.social_care.person' AS source, person_id AS record_id,
        'childrens.social_care.person' AS other_source, related_person_id AS other_record_id,
        CASE WHEN relationship IN ('mother', 'father') THEN 'parent' ELSE relationship END AS tie,
        from_date, NULL::DATE AS to_date, relationship || ' by children''s social care' AS says
    FROM childrens.social_care.relationship
    UNION ALL
    -- Schools: the contacts of a pupil who are its mother or father.
    SELECT 'education.schools.parent', parent_id, 'education.schools.pupil', pupil_id, 'parent',
        first_seen_on, last_seen_on, relationship || ' by the school'
    FROM education.schools.parent
    WHERE relationship IN ('mother', 'father')
    UNION ALL
    -- Benefits: who claims for which children, and with whom.
    SELECT 'revenues.benefits.claimant', claim_ref, 'revenues.benefits.dependant', dependant_ref, 'carer',
        first_seen_on, last_seen_on, 'claims benefit for the child'
    FROM revenues.benefits.dependant
    UNION ALL
    SELECT 'revenues.benefits.partner', p.partner_ref, 'revenues.benefits.dependant', d.dependant_ref, 'carer',
        d.first_seen_on, d.last_seen_on, 'partner on the claim for the child'
    FROM revenues.benefits.dependant AS d
    JOIN revenues.benefits.partner AS p USING (claim_ref)
    UNION ALL
    SELECT 'revenues.benefits.claimant', claim_ref, 'revenues.benefits.partner', partner_ref, 'partner',
        claimed_on, last_seen_on, 'partner on a benefit claim'
    FROM revenues.benefits.partner
    UNION ALL
    -- Housing: the tenant, and the partner and children known to live there.
    SELECT 'housing.tenancies.person', t.person_ref, 'housing.tenancies.person', o.person_ref,
        CASE o.relationship WHEN 'child' THEN 'carer' ELSE 'partner' END,
        greatest(t.from_date, o.from_date), least(t.to_date, o.to_date), o.relationship || ' of the tenant'
    FROM housing.tenancies.tenant AS t
    JOIN housing.tenancies.tenant AS o USING (tenancy_ref)
    WHERE t.role = 'tenant' AND o.relationship IN ('child', 'partner') AND t.person_ref <> o.person_ref
)
SELECT
    a.person_id, b.person_id AS other_person_id, s.tie, s.source, s.record_id, s.other_source, s.other_record_id,
    min(s.from_date) AS from_date,
    CASE WHEN count(*) = count(s.to_date) THEN max(s.to_date) END AS to_date,
    any_value(s.says) AS says
FROM said AS s
JOIN people.index.person_record AS a ON a.source = s.source AND a.record_id = s.record_id
JOIN people.index.person_record AS b ON b.source = s.other_source AND b.record_id = s.other_record_id
WHERE a.person_id <> b.person_id
  AND a.person_id NOT IN (SELECT person_id FROM people.households.guarded)
  AND b.person_id NOT IN (SELECT person_id FROM people.households.guarded)
GROUP BY ALL
