-- Two years of life: who is born, dies, parts, marries, leaves home, goes into care, and leaves the town. Each
-- person has at most one departure from the first household; each departure leads to a new household or away.

CREATE TEMP TABLE hazard (from_age INT, to_age INT, yearly DOUBLE);
INSERT INTO hazard VALUES (0, 1, 0.003), (1, 15, 0.0001), (15, 40, 0.0007), (40, 60, 0.003), (60, 70, 0.010),
    (70, 80, 0.026), (80, 90, 0.080), (90, 130, 0.190);

CREATE TEMP TABLE fate AS
WITH aged AS (
    SELECT p.*, h.arrives_on, h.kind, coalesce(h.arrives_on, getvariable('start')) AS present_from,
        (getvariable('start') - dob) / 365.25 AS start_age
    FROM person p JOIN household h ON h.hh = p.first_hh
)
SELECT a.pid, a.first_hh, a.role, a.kind, a.sex, a.dob, a.start_age, a.present_from, a.tradition,
    CASE WHEN u('death', a.pid) < least(0.7, yearly * CASE a.kind WHEN 'care' THEN 3.2 ELSE 2.08 END)
         THEN greatest(present_from, dob) + 1 + pick('death/day', a.pid,
              greatest(1, getvariable('today') - greatest(present_from, dob)))::INT END AS died_on,
    CASE
        WHEN role = 'partner' AND kind IN ('couple', 'family', 'adult_children') AND u('separation', first_hh) < 0.045
            THEN 'separated'
        WHEN role = 'child' AND start_age >= 17.3 AND u('left_home', a.pid) < 0.24 THEN 'left_home'
        WHEN role = 'sharer' AND u('left_home', a.pid) < 0.30 THEN 'left_home'
        WHEN kind = 'single_older' AND start_age > 79 AND u('care', a.pid) < 0.11 THEN 'care'
        WHEN kind = 'single_young' AND role = 'head' AND u('couple', a.pid) < 0.13 AND start_age < 45 THEN 'couple'
    END AS departure,
    present_from + 5 + pick('departure/day', a.pid,
        greatest(1, getvariable('today') - present_from - 10))::INT AS departs_on
FROM aged a JOIN hazard z ON greatest(start_age, 0) >= z.from_age AND greatest(start_age, 0) < z.to_age;

-- Two who live alone become a couple: the woman moves to the man, by rank within five years of age.
CREATE TEMP TABLE couple AS
WITH ranked AS (
    SELECT pid, first_hh, sex, greatest(departs_on, present_from) AS on_day, floor(start_age / 5) AS age_band,
        row_number() OVER (PARTITION BY sex, floor(start_age / 5) ORDER BY u('couple/rank', pid), pid) AS n
    FROM fate WHERE departure = 'couple' AND died_on IS NULL
)
SELECT f.pid AS her_pid, m.pid AS his_pid, m.first_hh AS his_hh, greatest(f.on_day, m.on_day) AS on_day
FROM ranked f JOIN ranked m ON f.sex = 'F' AND m.sex = 'M' AND f.age_band = m.age_band AND f.n = m.n;

CREATE TEMP TABLE gone AS
SELECT hh, coalesce(arrives_on, getvariable('start')) + 20
        + pick('gone/day', hh, greatest(1, getvariable('today') - coalesce(arrives_on,
            getvariable('start')) - 30))::INT AS gone_on
FROM household
WHERE kind NOT IN ('care') AND u('gone', hh) < CASE WHEN kind IN ('sharers', 'single_young', 'hostel') THEN 0.12
                                                     WHEN kind IN ('single_older', 'couple_older') THEN 0.02
                                                         ELSE 0.05 END;

CREATE TABLE departure AS
SELECT f.pid, f.first_hh,
    CASE WHEN c.her_pid IS NOT NULL THEN 'married' ELSE f.departure END AS why,
    coalesce(c.on_day, f.departs_on) AS on_day,
    CASE WHEN c.her_pid IS NOT NULL THEN c.his_hh
         WHEN f.departure = 'left_home' AND u('left_home/away', f.pid) < 0.55 THEN NULL
         ELSE 10000000000 + f.pid END AS to_hh
FROM fate f LEFT JOIN couple c ON c.her_pid = f.pid LEFT JOIN gone g ON g.hh = f.first_hh
WHERE (f.departure IN ('separated', 'left_home', 'care') OR c.her_pid IS NOT NULL)
  AND coalesce(c.on_day, f.departs_on) < coalesce(f.died_on, getvariable('today'))
  AND coalesce(c.on_day, f.departs_on) < coalesce(g.gone_on, getvariable('today'))
  AND coalesce(c.on_day, f.departs_on) > f.dob;

-- Who belonged to which household, and when. Before the first day, a household has been where it is for years.
CREATE TABLE member AS
WITH since AS (
    SELECT hh, coalesce(arrives_on, getvariable('start') - 30
        - pick('since', hh, CASE WHEN kind IN ('single_older', 'couple_older') THEN 9000 WHEN kind = 'sharers'
            THEN 500 ELSE 4200 END)::INT) AS since
    FROM household
)
SELECT f.pid, f.first_hh AS hh, f.role,
    greatest(s.since, f.dob) AS from_day,
    least(d.on_day, g.gone_on, f.died_on) AS to_day,
    CASE WHEN f.died_on IS NOT NULL AND f.died_on = least(d.on_day, g.gone_on, f.died_on) THEN 'died'
         WHEN d.on_day = least(d.on_day, g.gone_on) THEN d.why WHEN g.gone_on IS NOT NULL THEN 'gone' END AS why_left
FROM fate f JOIN since s ON s.hh = f.first_hh LEFT JOIN gone g ON g.hh = f.first_hh LEFT JOIN departure d USING (pid)
UNION ALL
SELECT d.pid, d.to_hh, CASE d.why WHEN 'married' THEN 'partner' ELSE 'head' END, d.on_day,
    least(f.died_on, g.gone_on),
    CASE WHEN f.died_on IS NOT NULL THEN 'died' WHEN g.gone_on IS NOT NULL THEN 'gone' END
FROM departure d JOIN fate f USING (pid) LEFT JOIN gone g ON g.hh = d.to_hh
WHERE d.to_hh IS NOT NULL AND (g.gone_on IS NULL OR g.gone_on > d.on_day);

DELETE FROM member WHERE to_day <= from_day;

CREATE TABLE hh_life AS
SELECT m.hh, min(from_day) AS from_day,
    CASE WHEN count(*) = count(to_day) THEN max(to_day) END AS to_day, count(*) AS members,
    any_value(h.kind) AS kind,
    -- A partner who parts takes the strain along.
    coalesce(any_value(h.strain), max(p.strain)) AS strain,
    CASE WHEN any_value(h.kind) IN ('care', 'hostel') THEN any_value(h.kind)
         WHEN max(d.why) = 'care' AND m.hh > 10000000000 THEN 'care' END AS communal,
    coalesce(any_value(h.children), 0) AS children, coalesce(any_value(h.head_age), 30) AS head_age
FROM member m LEFT JOIN household h ON h.hh = m.hh LEFT JOIN departure d ON d.pid = m.pid AND d.to_hh = m.hh
JOIN person p ON p.pid = m.pid
GROUP BY m.hh;

CREATE TABLE death AS SELECT pid, died_on FROM fate WHERE died_on IS NOT NULL;

-- Some who part or marry change everything in one day: home, name and telephone. What no system was told of then
-- leaves two records with nothing but a forename and a date of birth in common.
CREATE TABLE fresh_start AS
SELECT d.pid, d.on_day,
    '07700 900' || lpad(pick('phone/new', d.pid, 1000)::VARCHAR, 3, '0') AS telephone
FROM departure d
WHERE d.to_hh IS NOT NULL AND (
    (d.why = 'separated' AND u('fresh_start', d.pid) < 0.20) OR (d.why = 'married' AND u('fresh_start', d.pid) < 0.25));

-- Surnames change on marriage: cohabiting couples who marry, and half of the women who moved in with someone.
CREATE TABLE surname_change AS
SELECT p.pid, getvariable('start') + 20 + pick('wedding', p.first_hh, getvariable('span') - 30)::INT AS on_day,
    regexp_replace(p.line_surname, CASE WHEN p.habit = 'gendered' THEN '([sc]k)i$' ELSE '^$' END, '\1a') AS surname
FROM person p JOIN tradition t USING (tradition)
WHERE p.role = 'partner' AND p.sex = 'F' AND NOT p.shares
    AND p.habit IN ('inherited', 'gendered', 'father_middle', 'double_surname')
  AND u('marries', p.first_hh) < 0.22 AND p.line_surname IS NOT NULL
UNION ALL
SELECT d.pid, d.on_day + CASE WHEN s.pid IS NULL THEN 30 ELSE 0 END, m.surname
FROM departure d LEFT JOIN fresh_start s USING (pid) JOIN couple c ON c.her_pid = d.pid JOIN person m
    ON m.pid = c.his_pid JOIN person p ON p.pid = d.pid
WHERE d.why = 'married' AND p.habit IN ('inherited', 'gendered', 'father_middle') AND m.habit = p.habit
    AND m.surname IS NOT NULL
  AND (s.pid IS NOT NULL OR u('marries', d.pid) < 0.5) AND d.on_day + 30 < getvariable('today')
UNION ALL
-- Some who part take their own name back.
SELECT d.pid, d.on_day + CASE WHEN s.pid IS NULL THEN 60 ELSE 0 END, p.own_surname
FROM departure d JOIN person p USING (pid) LEFT JOIN fresh_start s USING (pid)
WHERE d.why = 'separated' AND p.sex = 'F' AND p.shares AND p.habit = 'inherited'
  AND (s.pid IS NOT NULL OR u('maiden_again', d.pid) < 0.3)
  AND d.on_day + 60 < getvariable('today');

-- Those married long ago had another name once, and records opened then may still have it.
CREATE TEMP TABLE wedding AS
SELECT pid, dob + 8700 + pick('wedding/age', pid, 4000)::INT AS on_day,
    CASE WHEN habit = 'gendered' THEN regexp_replace(own_surname, '([sc]k)i$', '\1a')
        ELSE own_surname END AS maiden_name
FROM person
WHERE role IN ('partner', 'head') AND sex = 'F' AND shares AND habit IN ('inherited', 'gendered', 'father_middle')
  AND own_surname <> surname AND u('wedding/name', pid) < 0.8;
DELETE FROM wedding WHERE on_day >= getvariable('start');

CREATE TABLE person_name AS
SELECT p.pid, DATE '1800-01-01' AS from_day, coalesce(w.maiden_name, p.surname) AS surname FROM person p
    LEFT JOIN wedding w USING (pid)
UNION ALL
SELECT p.pid, w.on_day, p.surname FROM wedding w JOIN person p USING (pid)
UNION ALL
SELECT pid, on_day, surname FROM (SELECT *, row_number() OVER (PARTITION BY pid ORDER BY on_day, surname) AS n
    FROM surname_change) WHERE n = 1;

DELETE FROM fresh_start WHERE NOT EXISTS (
    SELECT 1 FROM person_name n WHERE n.pid = fresh_start.pid AND n.from_day = fresh_start.on_day);

-- Homes on the first day: small households in small homes, and older people who live alone first of all in
-- sheltered flats.
CREATE TABLE occupancy AS
WITH wanted AS (
    SELECT hh, row_number() OVER (ORDER BY
        CASE WHEN kind = 'single_older' AND u('sheltered', hh) < 0.30 THEN -9 + u('home', hh)
             ELSE members + 2.2 * bell('home', hh) END, hh) AS n
    FROM hh_life WHERE communal IS NULL AND from_day < getvariable('start')
),
offered AS (
    SELECT pno, row_number() OVER (ORDER BY CASE WHEN sheltered THEN -9 ELSE beds
        + 1.2 * bell('offer', pno) END, pno) AS n
    FROM (SELECT * FROM property WHERE NOT communal ORDER BY u('vacant', pno),
        pno LIMIT (SELECT count(*) FROM wanted))
),
shared AS (
    SELECT l.hh, l.communal, l.from_day, l.to_day, p.pno
    FROM (SELECT *, row_number() OVER (PARTITION BY communal ORDER BY hh) AS n FROM hh_life
        WHERE communal IS NOT NULL) l
    JOIN (SELECT pno, kind, row_number() OVER (PARTITION BY kind ORDER BY pno) - 1 AS n,
        count(*) OVER (PARTITION BY kind) AS size
          FROM property WHERE kind IN ('care', 'hostel')) p
      ON p.kind = l.communal AND p.n = l.n % p.size
)
SELECT w.hh, o.pno, l.from_day, CASE WHEN l.to_day < getvariable('start') THEN l.to_day END AS to_day
FROM wanted w JOIN offered o USING (n) JOIN hh_life l ON l.hh = w.hh
UNION ALL
SELECT hh, pno, from_day, to_day FROM shared;
