-- One row a household, with who is in it on the day of the data.
WITH sized AS (
    SELECT
        m.household_id, m.uprn, min(m.from_date) AS from_date,
        CASE WHEN count(*) = count(m.to_date) THEN max(m.to_date) END AS to_date,
        count(DISTINCT m.person_id) AS people_ever,
        count(DISTINCT m.person_id) FILTER (m.to_date IS NULL OR m.to_date > d.as_of) AS people_now,
        count(DISTINCT m.person_id) FILTER (
            (m.to_date IS NULL OR m.to_date > d.as_of) AND p.date_of_birth > d.as_of - INTERVAL 18 YEAR) AS children_now
    FROM people.households.member AS m
    JOIN people.index.person AS p USING (person_id)
    CROSS JOIN people.households.day AS d
    GROUP BY m.household_id, m.uprn
)
SELECT
    s.household_id, s.uprn, g.address, g.postcode, g.ward_code, s.from_date, s.to_date, s.people_ever, s.people_now,
    s.children_now,
    -- A care home, a hostel, or more than twelve at once: residents of one address, and no household.
    coalesce(g.classification LIKE 'RI%' OR g.classification LIKE 'RH%', false) OR s.people_now > 12 AS communal
FROM sized AS s
LEFT JOIN places.gazetteer.property AS g USING (uprn)
