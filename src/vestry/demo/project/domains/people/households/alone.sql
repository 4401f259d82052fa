-- When each person lived alone: from and until. Who is alone on a day: alone_from is not after it, and alone_to is
-- after it or empty.
WITH sealed AS (
    SELECT uprn FROM housing.tenancies.person WHERE address_protected AND uprn IS NOT NULL
    UNION
    SELECT uprn FROM childrens.social_care.person WHERE restricted AND uprn IS NOT NULL
),
private AS (
    SELECT m.*, coalesce(m.to_date, DATE '2999-01-01') AS until, p.date_of_birth,
        least(name_key(split_part(p.forename, ' ', 1)), name_key(p.surname)) AS name_a,
        greatest(name_key(split_part(p.forename, ' ', 1)), name_key(p.surname)) AS name_b
    FROM people.households.member AS m
    JOIN people.households.household AS h USING (household_id)
    JOIN people.index.person AS p USING (person_id)
    WHERE NOT h.communal
      -- Nobody is told to be alone who may live with somebody protected: that would be wrong, or would tell.
      AND coalesce(m.uprn NOT IN (SELECT uprn FROM sealed), true)
),
-- Days on which somebody came or went, as far as this person was there.
turn AS (
    SELECT person_id, household_id, from_date AS day FROM private
    UNION
    SELECT a.person_id, a.household_id, unnest([b.from_date, b.until])
    FROM private AS a
    JOIN private AS b USING (household_id)
),
stretch AS (
    SELECT person_id, household_id, day, lead(day) OVER (PARTITION BY person_id, household_id ORDER BY day) AS next_day
    FROM turn
),
within AS (
    SELECT a.person_id, a.household_id, a.uprn, a.name_a, a.name_b, a.date_of_birth, s.day, s.next_day
    FROM stretch AS s
    JOIN private AS a ON a.person_id = s.person_id AND a.household_id = s.household_id
        AND a.from_date <= s.day AND a.until >= s.next_day
    WHERE s.next_day > s.day
),
solitary AS (
    SELECT
        *,
        coalesce(day > lag(next_day) OVER (PARTITION BY person_id, household_id ORDER BY day), true) AS begins
    FROM within AS w
    WHERE NOT EXISTS (
        SELECT 1 FROM private AS o
        WHERE o.household_id = w.household_id AND o.person_id <> w.person_id
          AND o.from_date < w.next_day AND o.until > w.day
          -- Two of one name, of whom no two birthdays are known, are hardly two people. Nor are two of one birthday
          -- whose names begin alike, as where of one name a record has the initial only.
          AND NOT coalesce(o.name_a = w.name_a AND o.name_b = w.name_b
              AND coalesce(o.date_of_birth = w.date_of_birth, true), false)
          AND NOT coalesce(o.date_of_birth = w.date_of_birth
              AND (starts_with(o.name_a, w.name_a) OR starts_with(w.name_a, o.name_a))
              AND (starts_with(o.name_b, w.name_b) OR starts_with(w.name_b, o.name_b)), false))
),
island AS (
    SELECT *, sum(begins::INT) OVER (PARTITION BY person_id, household_id ORDER BY day) AS n FROM solitary
)
SELECT
    person_id, household_id, any_value(uprn) AS uprn,
    min(day) AS alone_from, nullif(max(next_day), DATE '2999-01-01') AS alone_to
FROM island
GROUP BY person_id, household_id, n
