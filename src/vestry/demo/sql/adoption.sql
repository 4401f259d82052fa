-- Adoption: a child leaves the birth family and becomes, for every system, another person in another family: a new
-- surname, a new NHS number, a new pupil number, often a new forename. The two are never to be joined again.
-- A handful of children in any town, however small.

CREATE TABLE adoption AS
WITH child AS (
    SELECT p.pid, p.first_hh AS birth_hh, p.sex, p.dob, p.forename, p.tradition,
        row_number() OVER (ORDER BY u('adopted', p.pid), p.pid) AS n
    FROM person p
    JOIN member m ON m.pid = p.pid AND m.hh = p.first_hh
    JOIN household h ON h.hh = p.first_hh
    JOIN occupancy o ON o.hh = p.first_hh AND o.to_day IS NULL AND o.from_day < getvariable('start')
    WHERE p.role = 'child' AND NOT p.namesake AND m.to_day IS NULL AND h.arrives_on IS NULL
      AND h.kind IN ('family', 'lone_parent') AND h.strain > 0.4
      AND p.dob > getvariable('today') - INTERVAL 10 YEAR AND p.dob < getvariable('start') - 60
),
home AS (
    -- A couple who have been there for years, one of them a woman who could be the mother.
    SELECT h.hh, p.pid AS head_pid, p.tradition, p.surname, h.children,
        row_number() OVER (ORDER BY u('adopts', h.hh), h.hh) AS n
    FROM household h
    JOIN person p ON p.first_hh = h.hh AND p.role = 'head'
    JOIN person q ON q.first_hh = h.hh AND q.role = 'partner'
    JOIN member m ON m.pid = p.pid AND m.hh = h.hh AND m.to_day IS NULL
    JOIN member w ON w.pid = q.pid AND w.hh = h.hh AND w.to_day IS NULL
    JOIN occupancy o ON o.hh = h.hh AND o.to_day IS NULL AND o.from_day < getvariable('start')
    WHERE h.kind IN ('couple', 'family') AND h.arrives_on IS NULL AND p.habit = 'inherited' AND h.strain < 0.3
      AND h.head_age BETWEEN 30 AND 50 AND h.partner_age BETWEEN 30 AND 50 AND p.surname IS NOT NULL
),
dated AS (
    SELECT *, getvariable('start') + 260 + pick('adopted/day', pid, greatest(1,
        getvariable('span') - 420))::INT AS on_day
    FROM child
)
SELECT c.pid AS old_pid, (SELECT max(pid) FROM person) + c.n AS pid, c.birth_hh, h.hh, h.surname, c.on_day,
    h.tradition, h.children,
    -- Half keep the name they know; the others get one from the same list.
    CASE WHEN u('adopted/name', c.pid) < 0.5 THEN c.forename ELSE f.name END AS forename
FROM dated c JOIN home h USING (n)
JOIN wheel f ON f.key = wheel_key(h.tradition, 'forename', c.sex, CASE h.tradition WHEN 'english' THEN 'new'
    ELSE 'any' END,
    pick('adopted/forename', c.pid, 4096))
WHERE c.n <= greatest(2, round(getvariable('households') / 1000.0)) AND c.birth_hh <> h.hh;

INSERT INTO person BY NAME
SELECT p.* REPLACE (
    a.pid AS pid, a.hh AS first_hh, a.children + 20 AS sibling_no, h.kind AS first_kind, h.strain AS strain,
    false AS second_twin, a.tradition AS tradition, 'inherited' AS habit, a.forename AS forename,
    NULL AS middle_names, a.surname AS surname, a.surname AS own_surname, a.surname AS line_surname, true AS shares,
    nhs_number_of(a.pid) AS nhs_number, NULL AS telephone, NULL AS email)
FROM adoption a JOIN person p ON p.pid = a.old_pid JOIN household h ON h.hh = a.hh;

UPDATE member SET to_day = a.on_day, why_left = 'adopted'
FROM adoption a WHERE member.pid = a.old_pid AND member.hh = a.birth_hh;
INSERT INTO member SELECT pid, hh, 'child', on_day, NULL, NULL FROM adoption ORDER BY pid;
INSERT INTO person_name SELECT pid, DATE '1800-01-01', surname FROM adoption ORDER BY pid;
