-- Families that children's services know. What an assessment finds is what is wrong in the household (`need`), as far
-- as the worker saw it.

CREATE TEMP TABLE cs_family AS
WITH with_children AS (
    SELECT DISTINCT a.hh FROM at_home a WHERE a.child
),
troubled AS (
    SELECT n.*, domestic_abuse::INT + substance_use::INT + child_substance::INT + neglect::INT * 2
        + exploitation::INT + youth_crime::INT
        + (mental_health AND p > 0.3)::INT + child_mental_health::INT + parental_conflict::INT
            + early_years::INT + housing_at_risk::INT AS troubles
    FROM need n JOIN with_children USING (hh)
)
SELECT *, getvariable('start') + pick('cs/day', hh, getvariable('span') - 20)::INT AS referred_on,
    neglect OR (domestic_abuse AND p > 0.4) OR (substance_use AND p > 0.5) OR exploitation AS serious,
    u('cs/plan', hh) AS plan_u
FROM troubled
WHERE u('cs/known', hh) < CASE WHEN troubles = 0 THEN 0.010 WHEN troubles = 1 THEN 0.08 WHEN troubles = 2
    THEN 0.35 ELSE 0.80 END;

CREATE TEMP TABLE cs_child AS
SELECT f.hh, a.pid, f.referred_on, f.serious, f.plan_u, a.dob, a.sex
FROM cs_family f JOIN at_home a ON a.hh = f.hh AND a.from_day <= f.referred_on AND a.to_day > f.referred_on
WHERE a.child AND a.dob > f.referred_on - INTERVAL 18 YEAR AND u('cs/child', a.pid) < 0.93;

DELETE FROM cs_family WHERE hh NOT IN (SELECT hh FROM cs_child);

CREATE TEMP TABLE cs_adult AS
SELECT DISTINCT c.hh, t.pid, c.referred_on
FROM cs_child c JOIN tie t ON t.other_pid = c.pid AND t.tie IN ('mother', 'father') JOIN person p ON p.pid = t.pid
WHERE t.tie = 'mother' OR u('cs/father', t.pid) < 0.8;

CREATE TEMP TABLE cs_seen AS
SELECT pid, min(hh) AS hh, min(referred_on) AS referred_on, false AS adult FROM cs_child GROUP BY pid
UNION ALL
SELECT pid, min(hh), min(referred_on), true FROM cs_adult WHERE pid NOT IN (SELECT pid FROM cs_child) GROUP BY pid;

CREATE TEMP TABLE cs_record AS
SELECT s.*, unnest(CASE WHEN u('duplicate/childrens', pid) < f.rate THEN [0, 1] ELSE [0] END) AS copy
FROM cs_seen s, (SELECT rate FROM fault WHERE system = 'childrens' AND fault = 'duplicate') f;

-- Early help, a child in need episode, or both one after the other.
CREATE TEMP TABLE cs_path AS
SELECT *, CASE WHEN hh > 10000000000 THEN hh - 9980000000 ELSE hh END AS family_no,
    NOT serious OR plan_u < 0.4 AS early_help,
    serious OR plan_u > 0.72 AS cin,
    CASE WHEN serious AND plan_u < 0.4 THEN referred_on + 100 ELSE referred_on END AS cin_from,
    (70 + pick('cs/length', hh, 260))::INT AS length
FROM cs_family;

-- What the worker found in the family, and whose it is: the child's, the parent's, or another's.
CREATE TEMP TABLE cs_finding AS
SELECT hh, unnest(list_filter([
        CASE WHEN substance_use AND u('f/1', hh) < 0.5 THEN '1B' END,
            CASE WHEN substance_use AND u('f/1', hh) >= 0.35 THEN '2B' END,
        CASE WHEN child_substance THEN '2A' END, CASE WHEN domestic_abuse THEN '3B' END,
            CASE WHEN domestic_abuse AND u('f/3', hh) < 0.4 THEN '3A' END,
        CASE WHEN child_mental_health THEN '4A' END, CASE WHEN mental_health THEN '4B' END,
            CASE WHEN u('f/5', hh) < 0.08 THEN '5A' END,
        CASE WHEN u('f/6', hh) < 0.06 THEN '6A' END, CASE WHEN young_carer THEN '7A' END,
        CASE WHEN exploitation AND u('f/12', hh) < 0.4 THEN '12A' END,
            CASE WHEN exploitation AND u('f/12', hh) >= 0.3 THEN '24A' END,
        CASE WHEN exploitation OR youth_crime AND u('f/13', hh) < 0.4 THEN '13A' END,
            CASE WHEN neglect THEN '14A' END,
        CASE WHEN parental_conflict OR neglect AND u('f/15', hh) < 0.5 THEN '15A' END,
            CASE WHEN neglect AND u('f/16', hh) < 0.25 THEN '16A' END
    ], lambda x: x IS NOT NULL)) AS factor_code
FROM cs_family;

-- Needs of an early help plan, in a practitioner's words, with what became of each.
CREATE TEMP TABLE cs_need AS
SELECT hh, unnest(list_filter([
        CASE WHEN school_absence THEN 'School attendance' END,
            CASE WHEN early_years THEN 'Early years development' END,
        CASE WHEN mental_health THEN 'Adult mental health' END,
            CASE WHEN child_mental_health THEN 'Child mental health' END,
        CASE WHEN substance_use THEN 'Adult substance use' END,
            CASE WHEN parental_conflict THEN 'Parental conflict' END,
        CASE WHEN young_carer THEN 'Young carer' END, CASE WHEN domestic_abuse THEN 'Domestic abuse' END,
        CASE WHEN housing_at_risk THEN 'Housing' END, CASE WHEN out_of_work THEN 'Worklessness' END,
            CASE WHEN debt THEN 'Debt' END,
        CASE WHEN youth_crime THEN 'Youth offending' END, CASE WHEN p > 0.3 THEN 'Parenting' END
    ], lambda x: x IS NOT NULL)) AS need
FROM cs_family;
