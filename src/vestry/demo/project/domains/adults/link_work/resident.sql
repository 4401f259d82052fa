-- Hackney's list: 70 or over, alone, in a council home, no repair in two years.
-- Who is one person is for the citizen index to say, and who lives alone for the households. Protected people are in
-- neither of the two, and so not here.
WITH alone AS (
    SELECT a.person_id, a.uprn, a.alone_from, d.as_of
    FROM people.households.alone AS a
    CROSS JOIN people.households.day AS d
    WHERE a.alone_from <= d.as_of AND (a.alone_to IS NULL OR a.alone_to > d.as_of)
),
-- The tenancy that the person holds there now. Of two records of one person the one that was looked at last counts.
tenancy AS (
    SELECT r.person_id, y.uprn, y.tenancy_ref, p.title, p.forename, p.surname, p.telephone
    FROM housing.tenancies.tenancy AS y
    JOIN housing.tenancies.tenant AS t USING (tenancy_ref)
    JOIN housing.tenancies.person AS p USING (person_ref)
    JOIN people.index.person_record AS r ON r.source = 'housing.tenancies.person' AND r.record_id = p.person_ref
    CROSS JOIN people.households.day AS d
    WHERE y.ended_on IS NULL AND (t.to_date IS NULL OR t.to_date > d.as_of)
    QUALIFY row_number() OVER (
        PARTITION BY r.person_id, y.uprn ORDER BY t.role = 'tenant' DESC, p.updated_on DESC, p.person_ref) = 1
),
-- What each service last knew of the person, and when. `trust` decides where they differ: housing asks for papers at
-- sign-up, council tax asks for little. Police and health have no part in this.
known AS (
    SELECT
        r.person_id, s.service, s.trust, r.date_of_birth, r.telephone, r.valid_to AS seen_on
    FROM people.index.person_record AS r
    JOIN (VALUES ('housing.tenancies.person', 'housing', 1),
        ('adults.contacts.person', 'adult social care', 2),
        ('revenues.benefits.claimant', 'benefits', 3),
        ('revenues.benefits.partner', 'benefits', 3),
        ('revenues.council_tax.person', 'council tax', 4)) AS s (source, service, trust) USING (source)
),
-- The date of birth that most services have; where as many have another, the one of the more trusted.
born AS (
    SELECT person_id, date_of_birth
    FROM known
    WHERE date_of_birth IS NOT NULL
    GROUP BY person_id, date_of_birth
    QUALIFY row_number() OVER (
        PARTITION BY person_id ORDER BY count(DISTINCT service) DESC, min(trust), date_of_birth) = 1
),
mended AS (
    SELECT
        uprn,
        max(reported_on)                          AS reported_on,
        -- A job that is not done yet was asked for all the same; so was one that was closed without its day.
        max(coalesce(completed_on, reported_on))  AS last_on
    FROM housing.repairs.repair
    GROUP BY uprn
),
-- A benefit claim is looked at by the council each quarter, which is no contact with the person.
contact AS (
    SELECT
        person_id, max(seen_on) AS last_on, arg_max(service, (seen_on, -trust)) AS last_with,
        arg_min(telephone, (trust, -epoch(seen_on))) FILTER (WHERE telephone IS NOT NULL) AS telephone
    FROM (
        SELECT person_id, service, trust, telephone, seen_on FROM known WHERE service <> 'benefits'
        UNION ALL
        SELECT a.person_id, 'repairs', 5, NULL, m.reported_on
        FROM alone AS a JOIN mended AS m USING (uprn) WHERE m.reported_on >= a.alone_from
    )
    GROUP BY person_id
),
discount AS (
    SELECT uprn, bool_or(single_person_discount) AS says_alone
    FROM revenues.council_tax.account
    WHERE closed_on IS NULL
    GROUP BY uprn
)
SELECT
    a.person_id,
    a.uprn,
    concat_ws(' ', t.title, t.forename, t.surname)                AS name,
    date_sub('year', b.date_of_birth, a.as_of)                    AS age,
    b.date_of_birth,
    coalesce(c.telephone, t.telephone)                            AS telephone,
    concat_ws(', ', p.address, p.postcode)                        AS address,
    p.ward_name,
    concat_ws('; ',
        date_sub('year', b.date_of_birth, a.as_of) || ' years old',
        'alone since ' || strftime(a.alone_from, '%B %Y') || ' by the tenancy'
            || CASE WHEN k.says_alone THEN ' and the council tax discount' ELSE '' END,
        CASE WHEN m.last_on IS NULL THEN 'no repair on record'
            ELSE 'no repair since ' || strftime(m.last_on, '%-d %B %Y') END
    )                                                             AS why,
    CASE WHEN k.says_alone THEN 'tenancy and discount' ELSE 'tenancy' END AS alone_by,
    a.alone_from,
    m.last_on                                                     AS last_repair_on,
    c.last_on                                                     AS last_contact_on,
    c.last_with                                                   AS last_contact_with,
    t.tenancy_ref,
    a.as_of
FROM alone AS a
JOIN tenancy AS t ON t.person_id = a.person_id AND t.uprn = a.uprn
JOIN born AS b ON b.person_id = a.person_id
JOIN places.gazetteer.property AS p ON p.uprn = a.uprn
LEFT JOIN mended AS m ON m.uprn = a.uprn
LEFT JOIN contact AS c ON c.person_id = a.person_id
LEFT JOIN discount AS k ON k.uprn = a.uprn
WHERE b.date_of_birth <= a.as_of - INTERVAL 70 YEAR
  AND (m.last_on IS NULL OR m.last_on <= a.as_of - INTERVAL 2 YEAR)
-- One home, one person to call.
QUALIFY row_number() OVER (PARTITION BY a.uprn ORDER BY a.alone_from, a.person_id) = 1
-- Longest unseen first.
ORDER BY c.last_on, a.uprn
