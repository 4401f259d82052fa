-- Children whom the council must keep track of by law: those of 16 to 18 who learn and work nowhere, those of school
-- age
-- who are in no school, and those whose school has them for a few hours a week. Known by their pupil number.

CREATE TEMP TABLE pa_entry AS
WITH young AS (
    SELECT a.pid, a.hh, p.dob, g.upn, g.reception, n.p, b.since,
        -- Compulsory schooling ends on the last Friday in June of year 11.
        make_date(g.reception + 12, 7, 1) AS left_on
    FROM at_home a JOIN person p USING (pid) JOIN pupil_number g USING (pid) JOIN need n USING (hh)
    LEFT JOIN better b ON b.hh = a.hh
    WHERE a.to_day > getvariable('today') AND a.role IN ('child', 'baby')
),
entry AS (
    SELECT pid, upn, p, since, 'NEET' AS status,
        greatest(left_on, getvariable('start')) + 40 + pick('pa/neet/day', pid, 200)::INT AS from_day, 120 AS least_days
    FROM young
    WHERE left_on BETWEEN getvariable('start') - 400 AND getvariable('today') - 60 AND u('pa/neet',
        pid) < 0.03 + 0.45 * p
    UNION ALL
    SELECT pid, upn, p, since, 'Missing education',
        getvariable('start') + pick('pa/cme/day', pid, getvariable('span'))::INT, 30
    FROM young WHERE dob > getvariable('today') - INTERVAL 16 YEAR AND u('pa/cme', pid) < 0.002 + 0.02 * p
    UNION ALL
    SELECT pid, upn, p, since, 'Part-time timetable',
        getvariable('start') + pick('pa/part/day', pid, getvariable('span'))::INT, 60
    FROM young WHERE dob BETWEEN getvariable('today') - INTERVAL 16 YEAR AND getvariable('today') - INTERVAL 7 YEAR
      AND u('pa/part', pid) < 0.002 + 0.05 * p
)
SELECT *, least(from_day + least_days + pick('pa/length', pid, 300)::INT,
    CASE WHEN since > from_day THEN since + 20 END) AS to_day
FROM entry WHERE from_day <= getvariable('today');
