-- Who belongs to which household, from when until when.
-- A household is the people whose stays at one home overlap in time. When all of them have gone, whoever comes next
-- is another household.
WITH firm AS (
    -- Where firm stays tell of a home, they make its households, so that a late notice does not join two of them.
    SELECT *, bool_or(firm) OVER (PARTITION BY uprn) AS told FROM people.households.stay
),
island AS (
    SELECT
        *,
        coalesce(from_date >= max(coalesce(to_date, DATE '2999-01-01')) OVER (
            PARTITION BY uprn ORDER BY from_date, to_date, person_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true) AS begins
    FROM firm
    WHERE firm.firm OR NOT told
),
numbered AS (
    SELECT *, sum(begins::INT) OVER (PARTITION BY uprn ORDER BY from_date, to_date, person_id) AS n FROM island
),
household AS (
    SELECT
        uprn, n, min(from_date) AS from_date,
        CASE WHEN count(*) = count(to_date) THEN max(to_date) END AS to_date
    FROM numbered
    GROUP BY uprn, n
),
-- The others belong to the household with which they were longest seen there, and leave with it.
joined AS (
    SELECT person_id, uprn, from_date, to_date, firm, n FROM numbered
    UNION ALL
    SELECT s.person_id, s.uprn, s.from_date, s.to_date, s.firm, h.n
    FROM firm AS s
    JOIN household AS h ON h.uprn = s.uprn AND h.from_date < coalesce(s.to_date, DATE '2999-01-01')
        AND coalesce(h.to_date, DATE '2999-01-01') > s.from_date
    WHERE NOT s.firm AND s.told
    QUALIFY row_number() OVER (
        PARTITION BY s.person_id, s.uprn, s.from_date
        ORDER BY least(s.seen_on, coalesce(h.to_date, DATE '2999-01-01')) - greatest(s.from_date, h.from_date) DESC,
            h.n DESC) = 1
)
SELECT
    j.uprn || '/' || strftime(h.from_date, '%Y%m%d') AS household_id,
    j.person_id,
    j.uprn,
    -- Who stays on after everybody else is gone leaves with the household.
    greatest(j.from_date, CASE WHEN j.firm THEN j.from_date ELSE h.from_date END) AS from_date,
    CASE WHEN j.firm THEN j.to_date ELSE least(j.to_date, h.to_date) END AS to_date,
    j.firm
FROM joined AS j
JOIN household AS h ON h.uprn = j.uprn AND h.n = j.n
