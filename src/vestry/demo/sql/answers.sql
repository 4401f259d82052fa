-- The truth as it is written out.

CREATE VIEW answer_record AS SELECT * FROM truth_record;

CREATE VIEW answer_address AS SELECT * FROM truth_address;

CREATE VIEW answer_person AS
SELECT p.pid AS person_id, p.forename, p.middle_names, n.surname, p.surname AS surname_at_first, p.sex, p.dob,
    p.died_on,
    CASE WHEN p.dob > getvariable('today') - INTERVAL 18 YEAR THEN '0-17'
        WHEN p.dob > getvariable('today') - INTERVAL 30 YEAR THEN '18-29'
         WHEN p.dob > getvariable('today') - INTERVAL 45 YEAR THEN '30-44'
             WHEN p.dob > getvariable('today') - INTERVAL 65 YEAR THEN '45-64'
         WHEN p.dob > getvariable('today') - INTERVAL 80 YEAR THEN '65-79' ELSE '80+' END AS age_band,
    p.tradition AS naming_tradition, p.nhs_number, p.nino, g.upn, p.telephone, p.email,
    s.uprn AS current_uprn, p.second_twin AS twin, p.namesake,
    -- What makes a person easy to take for another, or hard to know again.
    CASE WHEN o.pid IS NOT NULL THEN 'adopted' WHEN b.pid IS NOT NULL THEN 'twin'
         WHEN w.pid IS NOT NULL THEN 'new name, home and telephone at once'
         WHEN c.pid IS NOT NULL THEN 'in a care home or hostel' WHEN p.namesake OR f.pid IS NOT NULL
             THEN 'father and son of one name'
         ELSE 'none' END AS circumstance
FROM person p
LEFT JOIN (SELECT unnest(list(pid)) AS pid FROM person WHERE role IN ('child', 'baby') GROUP BY first_hh, dob
    HAVING count(*) > 1) b USING (pid)
LEFT JOIN (SELECT pid FROM adoption UNION SELECT old_pid FROM adoption) o USING (pid)
LEFT JOIN fresh_start w USING (pid)
LEFT JOIN (SELECT DISTINCT t.pid FROM stay t JOIN property r USING (pno) WHERE r.communal) c USING (pid)
LEFT JOIN (SELECT DISTINCT t.pid FROM tie t JOIN person s ON s.pid = t.other_pid AND s.namesake
    WHERE t.tie = 'father') f USING (pid)
LEFT JOIN (SELECT pid, arg_max(surname, from_day) AS surname FROM person_name GROUP BY pid) n USING (pid)
LEFT JOIN pupil_number g USING (pid)
LEFT JOIN (SELECT pid, any_value(uprn) AS uprn FROM stay WHERE to_day IS NULL GROUP BY pid) s USING (pid);

-- Whose each record is, by the product table in which a record is a row: what a citizen index is held against.
CREATE VIEW answer_people AS
WITH product (system, "table", source) AS (
    VALUES ('council_tax', 'person', 'revenues.council_tax.person'),
        ('housing', 'person', 'housing.tenancies.person'),
        ('childrens', 'person', 'childrens.social_care.person'),
        ('schools', 'pupil', 'education.schools.pupil'),
        ('schools', 'parent', 'education.schools.parent'),
        ('police', 'nominal', 'community_safety.incidents.nominal'),
        ('benefits', 'claimant', 'revenues.benefits.claimant'),
        ('benefits', 'partner', 'revenues.benefits.partner'),
        ('benefits', 'dependant', 'revenues.benefits.dependant'),
        ('adults', 'person', 'adults.contacts.person')
)
SELECT source, record_id, person_id, naming_tradition, age_band, sex, circumstance
FROM truth_record JOIN product USING (system, "table") JOIN answer_person USING (person_id);

CREATE VIEW answer_person_name AS
SELECT pid AS person_id, CASE WHEN from_day > DATE '1800-01-01' THEN from_day END AS from_date,
    surname FROM person_name
WHERE pid IN (SELECT pid FROM person);

CREATE VIEW answer_stay AS
SELECT pid AS person_id, uprn, from_day AS from_date, to_day AS to_date, hh AS household_id, role FROM stay;

CREATE VIEW answer_tie AS SELECT pid AS person_id, other_pid AS other_person_id, tie FROM tie;

-- Hackney's list: 70 or over, alone, in a council home, no repair in two years. A repair is of the home,
-- whoever lived there, and counts from the day it was done or, while it waits, was asked for.
CREATE VIEW answer_link_work AS
WITH living AS (SELECT pno, count(*) AS residents, any_value(pid) AS pid FROM stay WHERE to_day IS NULL GROUP BY pno)
SELECT p.pid AS person_id, r.uprn, p.dob, date_diff('year', p.dob, getvariable('today'))
        - (strftime(p.dob, '%m%d') > strftime(getvariable('today'), '%m%d'))::INT AS age,
    s.from_day AS lived_there_since, w.last_repair
FROM living l JOIN person p USING (pid) JOIN property r USING (pno)
    JOIN stay s ON s.pid = p.pid AND s.pno = l.pno AND s.to_day IS NULL
LEFT JOIN (SELECT pno, max(coalesce(completed_on, raised_on)) AS last_repair FROM repair GROUP BY pno) w USING (pno)
WHERE l.residents = 1 AND r.tenure = 'council' AND p.dob <= getvariable('today') - INTERVAL 70 YEAR
  AND (w.last_repair IS NULL OR w.last_repair <= getvariable('today') - INTERVAL 2 YEAR);

-- Whom nobody may find: on no list, in no match. `other_person_id` is who an adopted child is for the other family.
CREATE VIEW answer_protected AS
SELECT pid AS person_id, 'adopted' AS why, old_pid AS other_person_id FROM adoption
UNION ALL
SELECT old_pid, 'was adopted', pid FROM adoption
UNION ALL
SELECT DISTINCT person_id, 'restricted in children''s social care', NULL FROM sealed_record WHERE system = 'childrens'
UNION ALL
SELECT DISTINCT person_id, 'hidden address in housing', NULL FROM sealed_record WHERE system = 'housing';
