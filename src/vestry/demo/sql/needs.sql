-- What goes wrong in a household, from its strain: the same troubles then show in several systems, each with its
-- own view of them. One row for each household that has or had children, or any trouble at all.
CREATE TABLE need AS
WITH pressed AS (SELECT hh, kind, strain, greatest(0, strain - 0.55) / 0.45 AS p, children FROM hh_life)
SELECT hh, strain, p,
    u('need/abuse', hh) < 0.010 + 0.26 * p * p AS domestic_abuse,
    u('need/substance', hh) < 0.008 + 0.22 * p * p AS substance_use,
    u('need/child_substance', hh) < 0.05 * p * p AS child_substance,
    u('need/mind', hh) < 0.05 + 0.38 * p AS mental_health,
    u('need/child_mind', hh) < 0.03 + 0.25 * p AS child_mental_health,
    u('need/work', hh) < 0.06 + 0.50 * p AS out_of_work,
    u('need/debt', hh) < 0.04 + 0.40 * p AS debt,
    u('need/crime', hh) < 0.010 + 0.22 * p * p AS adult_crime,
    u('need/youth', hh) < 0.008 + 0.20 * p * p AS youth_crime,
    u('need/neglect', hh) < 0.002 + 0.18 * p * p AS neglect,
    u('need/exploitation', hh) < 0.05 * p * p AS exploitation,
    u('need/conflict', hh) < 0.02 + 0.20 * p AS parental_conflict,
    u('need/carer', hh) < 0.02 + 0.08 * p AS young_carer,
    u('need/school', hh) < 0.07 + 0.45 * p AS school_absence,
    u('need/housing', hh) < 0.01 + 0.15 * p AS housing_at_risk,
    u('need/early_years', hh) < 0.03 + 0.20 * p AS early_years
FROM pressed;

-- The members of households on any day, for questions such as who else was at home.
CREATE TABLE at_home AS
SELECT s.pid, s.hh, s.pno, s.from_day, coalesce(s.to_day, DATE '2999-01-01') AS to_day, p.sex, p.dob, s.role,
    s.role IN ('child', 'baby') AND p.dob > getvariable('start') - INTERVAL 18 YEAR AS child
FROM stay s JOIN person p USING (pid);

-- A reference that looks random and is one for each person and copy: multiplying modulo a prime.
CREATE MACRO ref_no(pid, copy, factor) AS ((pid * 2 + copy) * factor + 12345) % 99999989;
