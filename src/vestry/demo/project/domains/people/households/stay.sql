-- Where each person lived, and from when until when: the sightings put together.
-- 1. Firm sightings of a person at a home that overlap, or lie within three months of each other, are one stay.
--    Tenancies and council tax tell the day on which somebody left. A benefit claim that still names a partner or child
--    who left by those does not keep them there.
-- 2. Nobody lives in two homes at once: a stay ends at the latest when the next one begins.
-- 3. Other sightings lengthen a firm stay at that home, or make a stay of their own where nothing firm speaks for
--    another home on the day of the sighting: an address that was not brought up to date makes no stay.
WITH firm AS (
    SELECT
        *,
        coalesce(from_date > max(coalesce(to_date, DATE '2999-01-01')) OVER (
            PARTITION BY person_id, uprn ORDER BY from_date, to_date, source, record_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + 92, true) AS begins
    FROM people.households.sighting
    WHERE firm
),
island AS (
    SELECT *, sum(begins::INT) OVER (PARTITION BY person_id, uprn ORDER BY from_date, to_date, source, record_id) AS n
    FROM firm
),
told AS (
    SELECT *, source IN ('revenues.council_tax.person', 'housing.tenancies.person') AS exact FROM island
),
firm_stay AS (
    SELECT
        person_id, uprn, min(from_date) AS from_date,
        CASE
            WHEN count(*) FILTER (exact) > 0 THEN CASE WHEN count(to_date) FILTER (exact) = count(*) FILTER (exact)
                THEN max(to_date) FILTER (exact) END
            WHEN count(*) = count(to_date) THEN max(to_date)
        END AS to_date
    FROM told
    GROUP BY person_id, uprn, n
),
-- Of a sighting that is not firm only its last day is sure.
seen AS (
    SELECT s.person_id, s.uprn, s.from_date, s.to_date AS seen_on
    FROM people.households.sighting AS s
    WHERE NOT s.firm AND NOT EXISTS (
        SELECT 1 FROM firm_stay AS f
        WHERE f.person_id = s.person_id AND f.uprn <> s.uprn
          AND f.from_date <= s.to_date AND coalesce(f.to_date, DATE '2999-01-01') > s.to_date)
),
other_stay AS (
    SELECT person_id, uprn, min(from_date) AS from_date, max(seen_on) AS seen_on
    FROM seen AS s
    WHERE NOT EXISTS (
        SELECT 1 FROM firm_stay AS f
        WHERE f.person_id = s.person_id AND f.uprn = s.uprn
          AND f.from_date <= s.seen_on + 92 AND coalesce(f.to_date, DATE '2999-01-01') + 92 >= s.from_date)
    GROUP BY person_id, uprn
),
-- One that is not firm begins when something firm about another home has ended.
all_stays AS (
    SELECT *, NULL::DATE AS seen_on, true AS firm FROM firm_stay
    UNION ALL
    SELECT
        o.person_id, o.uprn,
        greatest(o.from_date, coalesce(max(f.to_date) FILTER (WHERE f.to_date <= o.seen_on), o.from_date)),
        NULL, o.seen_on, false
    FROM other_stay AS o
    LEFT JOIN firm_stay AS f ON f.person_id = o.person_id
    GROUP BY o.person_id, o.uprn, o.from_date, o.seen_on
),
placed AS (
    SELECT
        *,
        lead(from_date) OVER person AS next_from,
        row_number() OVER person AS n
    FROM all_stays
    WINDOW person AS (PARTITION BY person_id ORDER BY coalesce(seen_on, from_date), from_date, firm DESC, uprn)
),
ended AS (
    SELECT
        person_id, uprn, n, firm, seen_on, from_date,
        CASE WHEN next_from IS NOT NULL THEN least(coalesce(to_date, next_from), greatest(next_from, from_date))
            ELSE to_date END AS to_date
    FROM placed
)
SELECT
    e.person_id, e.uprn, e.from_date, e.to_date, e.firm, e.seen_on,
    count(DISTINCT (s.source, s.record_id)) AS records,
    string_agg(DISTINCT s.says, ', ' ORDER BY s.says) AS says,
    string_agg(DISTINCT s.source || ' ' || s.record_id, '; ' ORDER BY s.source || ' ' || s.record_id) AS evidence
FROM ended AS e
JOIN people.households.sighting AS s ON s.person_id = e.person_id AND s.uprn = e.uprn
    AND s.from_date <= coalesce(e.to_date, DATE '2999-01-01') AND coalesce(s.to_date, DATE '2999-01-01') >= e.from_date
WHERE e.to_date IS NULL OR e.to_date > e.from_date
GROUP BY e.person_id, e.uprn, e.from_date, e.to_date, e.firm, e.seen_on
