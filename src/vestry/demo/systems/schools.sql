-- Terms that have ended by today, the children at each school in each, and how much of the term they came.
CREATE TEMP TABLE sc_term AS
SELECT y AS school_year, t AS term, from_day, to_day, possible
FROM (
    SELECT y, t,
        CASE t WHEN 1 THEN make_date(y, 9, 2) WHEN 2 THEN make_date(y + 1, 1, 6)
            ELSE make_date(y + 1, 4, 20) END AS from_day,
        CASE t WHEN 1 THEN make_date(y, 12, 19) WHEN 2 THEN make_date(y + 1, 4, 2)
            ELSE make_date(y + 1, 7, 22) END AS to_day,
        CASE t WHEN 1 THEN 142 WHEN 2 THEN 114 ELSE 124 END AS possible
    FROM range(year(getvariable('start')) - 1, year(getvariable('today')) + 1) r (y), range(1, 4) q (t)
)
WHERE from_day >= getvariable('start') AND to_day <= getvariable('today');

CREATE TEMP TABLE sc_roll AS
WITH enrolled AS (
    SELECT g.pid, t.school_year, t.term, t.from_day, t.to_day, t.possible, t.school_year - g.reception AS year_group,
        CASE WHEN t.school_year - g.reception < 7 THEN primary_no ELSE secondary_no END AS school_no
    FROM pupil_number g, sc_term t
    WHERE t.school_year - g.reception BETWEEN 0 AND 11
)
SELECT e.*, s.hh, s.pno, n.school_absence AND coalesce(e.from_day < b.since, true) AS school_absence,
    n.youth_crime AND coalesce(e.from_day < b.since, true) AS youth_crime, n.child_mind, n.p
FROM enrolled e
JOIN stay s ON s.pid = e.pid AND s.from_day <= e.to_day AND coalesce(s.to_day, DATE '2999-01-01') > e.to_day
JOIN (SELECT hh, school_absence, youth_crime, child_mental_health AS child_mind, p FROM need) n ON n.hh = s.hh
LEFT JOIN better b ON b.hh = s.hh;

-- A pupil's file at a school. Its details stay as entered but for the address, told late or never.
CREATE TEMP TABLE sc_file AS
SELECT pid, school_no, copy, min(from_day) AS entered, max(to_day) AS refreshed,
    (2000 + school_no) || '-' || lpad(ref_no(pid, copy, 31327)::VARCHAR, 8, '0') AS pupil_id
FROM (
    SELECT r.*, unnest(CASE WHEN u('duplicate/schools', pid) < f.rate THEN [0, 1] ELSE [0] END) AS copy
    FROM sc_roll r, (SELECT rate FROM fault WHERE system = 'schools' AND fault = 'duplicate') f
)
GROUP BY pid, school_no, copy;

-- A file opened twice is in use for one year only, and some were never in use.
DELETE FROM sc_file WHERE copy = 1 AND NOT EXISTS (
    SELECT 1 FROM sc_roll r
    WHERE r.pid = sc_file.pid AND r.school_no = sc_file.school_no AND r.school_year % 2 = 0);

CREATE TEMP TABLE sc_parent AS
SELECT f.pupil_id, t.pid, f.entered, f.refreshed, t.tie,
    row_number() OVER (PARTITION BY f.pupil_id ORDER BY t.tie = 'mother' DESC, t.pid) AS n
FROM sc_file f JOIN tie t ON t.other_pid = f.pid AND t.tie IN ('mother', 'father') JOIN person p ON p.pid = t.pid
WHERE u('parent_known', hash(f.pupil_id) // 2 + t.pid::UBIGINT) < 0.88 OR t.tie = 'mother';
DELETE FROM sc_parent WHERE n > 2;

CREATE TEMP TABLE sc_absence AS
SELECT pid, school_year, term, school_no, year_group, possible AS possible_sessions,
    least(possible, floor(possible * (
        0.095 * u('absent', pid * 100 + school_year % 100 * 3 + term)
        + CASE WHEN school_absence THEN 0.07 + 0.36 * u('absent/much', pid) * u('absent/much/2',
            pid * 100 + school_year % 100 * 3 + term) ELSE 0.01 END
        + CASE WHEN school_absence AND u('absent/severe', pid) < 0.06 THEN 0.45 ELSE 0 END))::INT) AS absent,
    CASE WHEN youth_crime OR (p > 0.5 AND u('suspended', pid) < 0.2) THEN
        CASE WHEN year_group >= 5 AND u('suspended/term', pid * 100 + school_year % 100 * 3 + term) < 0.3
             THEN 1 + pick('suspended/n', pid * 100 + term, 3) ELSE 0 END ELSE 0 END AS suspensions,
    youth_crime AND year_group >= 7 AND u('excluded', pid) < 0.05 AND term = 2
        AND school_year = year(getvariable('today')) - 1 AS excluded,
    CASE WHEN u('sen', pid) < 0.045 THEN 'E' WHEN u('sen', pid) < 0.19 OR child_mind THEN 'K' ELSE 'N' END AS sen,
    u('fsm', hh) < 0.08 + 0.75 * p AS fsm,
    u('authorised', pid) AS authorised_share
FROM sc_roll;
