-- What happened in each family that has or had a need or a support, over all systems, in order.
WITH family AS (
    SELECT DISTINCT family_id FROM childrens.supporting_families.family
    UNION
    SELECT family_id FROM childrens.supporting_families.support
),
member AS (
    SELECT m.family_id, m.person_id FROM people.families.family_member AS m JOIN family USING (family_id)
),
event AS (
    -- Everything that a need may rest on.
    SELECT person_id, started_on AS happened_on, nullif(ended_on, started_on) AS until, says, system, source, record_id
    FROM childrens.supporting_families.fact
    -- A referral begins an episode, which is told below.
    WHERE fact <> 'referral' AND (fact <> 'attendance over two terms' OR amount < 90)
    UNION ALL
    SELECT r.person_id, c.contacted_on, NULL, 'contact from ' || c.source || ': ' || c.outcome,
        'Children''s social care',
        'childrens.social_care.contact', c.contact_id
    FROM childrens.social_care.contact AS c
    JOIN people.index.person_record AS r ON r.source = 'childrens.social_care.person' AND r.record_id = c.person_id
    UNION ALL
    SELECT r.person_id, e.started_on, e.ended_on, e.kind || ' episode: ' || e.reason
        || coalesce('; ended: ' || e.end_reason, ''), 'Children''s social care', 'childrens.social_care.episode',
            e.episode_id
    FROM childrens.social_care.episode AS e
    JOIN people.index.person_record AS r ON r.source = 'childrens.social_care.person' AND r.record_id = e.person_id
    UNION ALL
    SELECT r.person_id, c.contacted_on, NULL, 'contact about ' || c.reason || ': ' || c.outcome, 'Adult social care',
        'adults.contacts.contact', c.contact_id
    FROM adults.contacts.contact AS c
    JOIN people.index.person_record AS r ON r.source = 'adults.contacts.person' AND r.record_id = c.person_no
    UNION ALL
    SELECT s.person_id, s.from_date, s.to_date, 'came to live at ' || coalesce(p.address, 'property ' || s.uprn),
        'Citizen index', 'people.households.stay', s.evidence
    FROM people.households.stay AS s
    LEFT JOIN places.gazetteer.property AS p USING (uprn)
)
SELECT
    m.family_id, e.happened_on, m.person_id, concat_ws(' ', p.forename, p.surname) AS name, e.says, e.until, e.system,
        e.source,
    e.record_id
FROM event AS e
JOIN member AS m USING (person_id)
JOIN people.index.person AS p USING (person_id)
WHERE e.happened_on IS NOT NULL
