-- Where each person lived, day by day: membership of a household where that household had a home. Whoever never
-- had one in Westmarsh never was there.

CREATE TABLE stay AS
SELECT m.pid, m.hh, o.pno, p.uprn, greatest(m.from_day, o.from_day) AS from_day,
    least(m.to_day, o.to_day) AS to_day, m.role,
    CASE WHEN m.to_day = least(m.to_day, o.to_day) THEN m.why_left WHEN o.to_day IS NOT NULL
        THEN 'moved' END AS why_left
FROM member m JOIN occupancy o USING (hh) JOIN property p USING (pno)
WHERE greatest(m.from_day, o.from_day) < coalesce(least(m.to_day, o.to_day), DATE '2999-01-01')
  AND greatest(m.from_day, o.from_day) <= getvariable('today')
ORDER BY m.pid, from_day;

DELETE FROM person WHERE pid NOT IN (SELECT pid FROM stay);

ALTER TABLE person ADD COLUMN died_on DATE;
UPDATE person SET died_on = d.died_on FROM death d WHERE d.pid = person.pid;

-- The household as systems see it: who is in charge of each home, when.
CREATE TABLE tie AS
WITH parent AS (
    SELECT pid, first_hh, sex, role FROM person WHERE role IN ('head', 'partner')
),
child AS (SELECT pid, first_hh FROM person WHERE role IN ('child', 'baby'))
SELECT p.pid AS pid, c.pid AS other_pid, CASE p.sex WHEN 'F' THEN 'mother' ELSE 'father' END AS tie
FROM parent p JOIN child c USING (first_hh)
UNION ALL
SELECT a.pid, b.pid, 'partner' FROM parent a JOIN parent b USING (first_hh)
    WHERE a.role = 'head' AND b.role = 'partner'
UNION ALL
SELECT a.pid, b.pid, 'sibling' FROM child a JOIN child b USING (first_hh) WHERE a.pid < b.pid
UNION ALL
SELECT g.pid, p.pid, 'grandparent' FROM person g JOIN child p USING (first_hh) WHERE g.role = 'grandparent'
UNION ALL
SELECT c.his_pid, c.her_pid, 'partner' FROM couple c JOIN departure d ON d.pid = c.her_pid WHERE d.why = 'married';
DELETE FROM tie WHERE pid NOT IN (SELECT pid FROM person) OR other_pid NOT IN (SELECT pid FROM person);
