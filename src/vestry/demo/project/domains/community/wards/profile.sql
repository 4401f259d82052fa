-- One row a ward. Twelve months are those before the day of the data, not of the clock.
WITH as_of AS (
    SELECT greatest(
        (SELECT greatest(max(reported_on), max(completed_on)) FROM housing.repairs.repair),
        (SELECT max(opened_on) FROM revenues.council_tax.account),
        (SELECT max(occurred_at)::DATE FROM community_safety.incidents.incident)
    ) AS day
),
home AS (
    SELECT ward_code, count(*) AS homes FROM places.gazetteer.property WHERE is_home GROUP BY ward_code
),
council_home AS (
    SELECT ward_code, count(*) AS council_homes FROM housing.tenancies.property GROUP BY ward_code
),
household AS (
    SELECT p.ward_code, count(DISTINCT a.account_ref) AS households
    FROM revenues.council_tax.account AS a JOIN places.gazetteer.property AS p USING (uprn)
    WHERE a.closed_on IS NULL
    GROUP BY p.ward_code
),
last_term AS (
    SELECT t.*, p.ward_code
    FROM education.schools.pupil_term AS t JOIN places.gazetteer.property AS p USING (uprn)
    WHERE (t.school_year, t.term) = (SELECT max((school_year, term)) FROM education.schools.pupil_term)
),
-- Whom any system places at a home now. One name at one home is one person.
placed AS (
    SELECT y.uprn, split_part(p.forename, ' ', 1) AS forename, p.surname, p.date_of_birth
    FROM housing.tenancies.tenancy AS y
    JOIN housing.tenancies.tenant AS t USING (tenancy_ref)
    JOIN housing.tenancies.person AS p USING (person_ref)
    WHERE y.ended_on IS NULL AND t.to_date IS NULL
    UNION ALL
    SELECT a.uprn, split_part(p.forenames, ' ', 1), p.surname, p.date_of_birth
    FROM revenues.council_tax.account AS a
    JOIN revenues.council_tax.liability AS l USING (account_ref)
    JOIN revenues.council_tax.person AS p USING (person_ref)
    WHERE a.closed_on IS NULL AND l.to_date IS NULL
    UNION ALL
    SELECT uprn, split_part(forename, ' ', 1), surname, date_of_birth FROM last_term
    UNION ALL
    SELECT c.uprn, split_part(d.forename, ' ', 1), d.surname, d.date_of_birth
    FROM revenues.benefits.dependant AS d JOIN revenues.benefits.claim AS c USING (claim_ref)
    WHERE d.in_payment AND c.in_payment
    UNION ALL
    SELECT uprn, split_part(partner_forenames, ' ', 1), partner_surname, partner_date_of_birth
    FROM revenues.benefits.claim WHERE in_payment AND partner_surname IS NOT NULL
),
resident AS (
    SELECT uprn, max(date_of_birth) AS date_of_birth
    FROM placed
    WHERE uprn IS NOT NULL AND surname IS NOT NULL
    GROUP BY uprn, name_key(forename), name_key(surname)
),
people AS (
    SELECT
        p.ward_code,
        count(*)                                                                     AS residents,
        count(*) FILTER (WHERE r.date_of_birth > as_of.day - INTERVAL 18 YEAR)       AS under_18,
        count(*) FILTER (WHERE r.date_of_birth <= as_of.day - INTERVAL 70 YEAR)      AS aged_70_or_over
    FROM resident AS r JOIN places.gazetteer.property AS p USING (uprn) CROSS JOIN as_of
    GROUP BY p.ward_code
),
claim AS (
    SELECT p.ward_code, count(*) AS claims
    FROM revenues.benefits.claim AS c JOIN places.gazetteer.property AS p USING (uprn)
    WHERE c.in_payment
    GROUP BY p.ward_code
),
pupil AS (
    SELECT
        ward_code, count(*) AS pupils,
        (100.0 * sum(sessions_attended) / nullif(sum(sessions_possible), 0))::DECIMAL(5, 1) AS attendance_percent
    FROM last_term GROUP BY ward_code
),
mended AS (
    SELECT
        p.ward_code, count(*) AS repairs, sum(r.cost) AS cost,
        avg(date_diff('day', r.reported_on, r.completed_on))::DECIMAL(5, 1) AS days
    FROM housing.repairs.repair AS r JOIN places.gazetteer.property AS p USING (uprn) CROSS JOIN as_of
    WHERE r.reported_on > as_of.day - INTERVAL 1 YEAR
    GROUP BY p.ward_code
),
crime AS (
    SELECT i.ward_code, count(*) AS incidents, count(*) FILTER (WHERE i.anti_social) AS anti_social
    FROM community_safety.incidents.incident AS i CROSS JOIN as_of
    WHERE i.occurred_at > as_of.day - INTERVAL 1 YEAR
    GROUP BY i.ward_code
),
application AS (
    SELECT a.ward_name, count(*) AS applications
    FROM planning.applications.application AS a CROSS JOIN as_of
    WHERE a.received_on > as_of.day - INTERVAL 1 YEAR
    GROUP BY a.ward_name
)
SELECT
    w.ward_code,
    w.ward_name,
    coalesce(home.homes, 0)                  AS homes,
    coalesce(council_home.council_homes, 0)  AS council_homes,
    coalesce(household.households, 0)        AS households,
    coalesce(people.residents, 0)            AS residents,
    coalesce(people.under_18, 0)             AS under_18,
    coalesce(people.aged_70_or_over, 0)      AS aged_70_or_over,
    coalesce(claim.claims, 0)                AS claims_in_payment,
    coalesce(pupil.pupils, 0)                AS pupils,
    pupil.attendance_percent,
    coalesce(mended.repairs, 0)              AS repairs,
    coalesce(mended.cost, 0)                 AS repair_cost,
    mended.days                              AS repair_days,
    coalesce(crime.incidents, 0)             AS incidents,
    coalesce(crime.anti_social, 0)           AS anti_social_incidents,
    coalesce(application.applications, 0)    AS planning_applications,
    as_of.day                                AS as_of
FROM places.gazetteer.ward AS w
CROSS JOIN as_of
LEFT JOIN home USING (ward_code)
LEFT JOIN council_home USING (ward_code)
LEFT JOIN household USING (ward_code)
LEFT JOIN people USING (ward_code)
LEFT JOIN claim USING (ward_code)
LEFT JOIN pupil USING (ward_code)
LEFT JOIN mended USING (ward_code)
LEFT JOIN crime USING (ward_code)
LEFT JOIN application ON application.ward_name = w.ward_name
ORDER BY w.ward_code
