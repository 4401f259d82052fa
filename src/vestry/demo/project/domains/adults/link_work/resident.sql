-- Hackney's list: 70 or over, alone, in a council home, no repair in two years.
-- Joined by UPRN and exact identity: a name is its first given name and its surname, without case and accents, in
-- either order, as two boxes are easily exchanged.
WITH as_of AS (
    -- The day of the data, not of the clock: the last on which any of them tell of something new.
    SELECT greatest(
        (SELECT greatest(max(reported_on), max(completed_on)) FROM housing.repairs.repair),
        (SELECT max(started_on) FROM housing.tenancies.tenancy),
        (SELECT max(opened_on) FROM revenues.council_tax.account),
        (SELECT max(contacted_on) FROM adults.contacts.contact)
    ) AS day
),
-- Whom housing, council tax and adult social care place at which home, with what they know of them. `trust` decides
-- where they differ: housing asks for papers at sign-up, council tax asks for little.
placed AS (
    SELECT
        'housing' AS service, 1 AS trust, y.uprn, y.tenancy_ref, p.title, p.forename, p.surname, p.ni_number,
        p.date_of_birth, p.telephone, p.updated_on AS seen_on
    FROM housing.tenancies.tenancy AS y
    JOIN housing.tenancies.tenant AS t USING (tenancy_ref)
    JOIN housing.tenancies.person AS p USING (person_ref)
    CROSS JOIN as_of
    WHERE y.ended_on IS NULL AND (t.to_date IS NULL OR t.to_date > as_of.day)
    UNION ALL
    SELECT
        'adult social care', 2, uprn, NULL, title, forename, surname, NULL, date_of_birth, telephone, contacted_on
    FROM adults.contacts.contact
    UNION ALL
    SELECT
        'council tax', 3, a.uprn, NULL, p.title, p.forenames, p.surname, p.ni_number, p.date_of_birth, p.telephone,
        p.updated_on
    FROM revenues.council_tax.account AS a
    JOIN revenues.council_tax.liability AS l USING (account_ref)
    JOIN revenues.council_tax.person AS p USING (person_ref)
    WHERE a.closed_on IS NULL AND l.to_date IS NULL
),
known AS (
    SELECT *, least(given, family) || '/' || greatest(given, family) AS identity
    FROM (SELECT *, name_key(split_part(forename, ' ', 1)) AS given, name_key(surname) AS family FROM placed)
    WHERE uprn IS NOT NULL
),
-- Everybody on a tenancy of the home now. Of two records of one person the one that was looked at last counts.
occupant AS (
    SELECT * FROM known WHERE service = 'housing'
    QUALIFY row_number() OVER (PARTITION BY uprn, coalesce(ni_number, identity) ORDER BY seen_on DESC, tenancy_ref) = 1
),
account AS (
    SELECT k.uprn, count(DISTINCT k.identity) AS liable, bool_or(a.single_person_discount) AS says_alone
    FROM known AS k
    JOIN revenues.council_tax.account AS a ON a.uprn = k.uprn AND a.closed_on IS NULL
    WHERE k.service = 'council tax'
    GROUP BY k.uprn
),
alone AS (
    SELECT o.*, coalesce(a.says_alone, false) AS says_alone
    FROM occupant AS o
    LEFT JOIN account AS a USING (uprn)
    -- Two who pay council tax there are two, whatever the tenancy says.
    WHERE coalesce(a.liable, 1) = 1
    QUALIFY count(*) OVER (PARTITION BY o.uprn) = 1
),
-- The same name at the same home, or the same National Insurance number, is the same person.
same AS (
    SELECT a.uprn, k.service, k.trust, k.date_of_birth, k.telephone, k.seen_on
    FROM alone AS a JOIN known AS k ON k.uprn = a.uprn AND k.identity = a.identity
    UNION
    SELECT a.uprn, k.service, k.trust, k.date_of_birth, k.telephone, k.seen_on
    FROM alone AS a JOIN known AS k ON k.ni_number = a.ni_number
),
-- The date of birth that most services have; where as many have another, the one of the more trusted.
born AS (
    SELECT uprn, date_of_birth
    FROM same
    WHERE date_of_birth IS NOT NULL
    GROUP BY uprn, date_of_birth
    QUALIFY row_number() OVER (PARTITION BY uprn ORDER BY count(DISTINCT service) DESC, min(trust), date_of_birth) = 1
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
contact AS (
    SELECT
        uprn, max(seen_on) AS last_on, arg_max(service, (seen_on, -trust)) AS last_with,
        arg_min(telephone, (trust, -epoch(seen_on))) FILTER (WHERE telephone IS NOT NULL) AS telephone
    FROM (
        SELECT uprn, service, trust, telephone, seen_on FROM same
        UNION ALL
        SELECT uprn, 'repairs', 4, NULL, reported_on FROM mended WHERE reported_on IS NOT NULL
    )
    GROUP BY uprn
)
SELECT
    a.uprn,
    concat_ws(' ', a.title, a.forename, a.surname)                AS name,
    date_sub('year', b.date_of_birth, as_of.day)                  AS age,
    b.date_of_birth,
    c.telephone,
    concat_ws(', ', p.address, p.postcode)                        AS address,
    p.ward_name,
    concat_ws('; ',
        date_sub('year', b.date_of_birth, as_of.day) || ' years old',
        'alone by the tenancy' || CASE WHEN a.says_alone THEN ' and the council tax discount' ELSE '' END,
        CASE WHEN m.last_on IS NULL THEN 'no repair on record' ELSE 'no repair since ' || strftime(m.last_on, '%-d %B %Y') END
    )                                                             AS why,
    CASE WHEN a.says_alone THEN 'tenancy and discount' ELSE 'tenancy' END AS alone_by,
    m.last_on                                                    AS last_repair_on,
    c.last_on                                                     AS last_contact_on,
    c.last_with                                                   AS last_contact_with,
    a.tenancy_ref,
    as_of.day                                                     AS as_of
FROM alone AS a
CROSS JOIN as_of
JOIN born AS b USING (uprn)
JOIN places.gazetteer.property AS p USING (uprn)
LEFT JOIN mended AS m USING (uprn)
LEFT JOIN contact AS c USING (uprn)
WHERE b.date_of_birth <= as_of.day - INTERVAL 70 YEAR
  AND (m.last_on IS NULL OR m.last_on <= as_of.day - INTERVAL 2 YEAR)
-- Longest unseen first.
ORDER BY c.last_on, a.uprn
