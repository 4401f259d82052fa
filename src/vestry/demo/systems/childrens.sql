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
SELECT t.*, least(getvariable('start') + pick('cs/day', t.hh, getvariable('span') - 20)::INT,
        a.on_day - 200) AS referred_on,
    a.birth_hh IS NOT NULL OR neglect OR (domestic_abuse AND p > 0.4) OR (substance_use
        AND p > 0.5) OR exploitation AS serious,
    u('cs/plan', t.hh) AS plan_u
FROM troubled t LEFT JOIN (SELECT birth_hh, min(on_day) AS on_day FROM adoption GROUP BY birth_hh) a
    ON a.birth_hh = t.hh
-- A child whom another family adopted was known first.
WHERE a.birth_hh IS NOT NULL OR u('cs/known', t.hh) < CASE WHEN troubles = 0 THEN 0.010 WHEN troubles = 1
    THEN 0.08 WHEN troubles = 2
    THEN 0.35 ELSE 0.80 END;

CREATE TEMP TABLE cs_child AS
SELECT f.hh, a.pid, f.referred_on, f.serious, f.plan_u, a.dob, a.sex
FROM cs_family f JOIN at_home a ON a.hh = f.hh AND a.from_day <= f.referred_on AND a.to_day > f.referred_on
WHERE a.child AND a.dob > f.referred_on - INTERVAL 18 YEAR AND (u('cs/child',
    a.pid) < 0.93 OR a.pid IN (SELECT old_pid FROM adoption));

DELETE FROM cs_family WHERE hh NOT IN (SELECT hh FROM cs_child);

CREATE TEMP TABLE cs_adult AS
SELECT DISTINCT c.hh, t.pid, c.referred_on
FROM cs_child c JOIN tie t ON t.other_pid = c.pid AND t.tie IN ('mother', 'father') JOIN person p ON p.pid = t.pid
WHERE t.tie = 'mother' OR u('cs/father', t.pid) < 0.8;

CREATE TEMP TABLE cs_seen AS
SELECT pid, min(hh) AS hh, min(referred_on) AS referred_on, false AS adult FROM cs_child GROUP BY pid
UNION ALL
SELECT pid, min(hh), min(referred_on), true FROM cs_adult WHERE pid NOT IN (SELECT pid FROM cs_child) GROUP BY pid
UNION ALL
-- The adopted child under the new name, in the new family, where that is not known already.
SELECT pid, hh, on_day, false FROM adoption WHERE pid NOT IN (SELECT pid FROM cs_child);

-- Families that somebody must not find: one in eighty, and one at the least.
CREATE TEMP TABLE cs_sealed AS
SELECT DISTINCT hh FROM cs_seen WHERE u('cs/restricted', hh) < 0.012
UNION
(SELECT hh FROM cs_seen WHERE hh NOT IN (SELECT hh FROM adoption UNION SELECT birth_hh FROM adoption)
 ORDER BY u('cs/restricted', hh), hh LIMIT 1);

CREATE TEMP TABLE cs_record AS
SELECT s.*, unnest(CASE WHEN u('duplicate/childrens', pid) < f.rate THEN [0, 1] ELSE [0] END) AS copy
FROM cs_seen s, (SELECT rate FROM fault WHERE system = 'childrens' AND fault = 'duplicate') f;

-- Early help, a child in need episode, or both one after the other.
CREATE TEMP TABLE cs_path AS
SELECT *, CASE WHEN hh > 10000000000 THEN hh - 9980000000 ELSE hh END AS family_no,
    NOT serious OR plan_u < 0.4 AS early_help,
    serious OR plan_u > 0.72 AS cin,
    CASE WHEN serious AND plan_u < 0.4 THEN referred_on + 100 ELSE referred_on END AS cin_from,
    (70 + pick('cs/length', hh, 260))::INT AS length,
    -- Help that worked: what was wrong gets better, in every system that had seen it.
    u('cs/achieved', hh) < 0.62 AS achieved
FROM cs_family;

-- For the systems that come after: families in whom things turned for the better, and about when.
CREATE TABLE better AS
SELECT hh, (CASE WHEN cin THEN cin_from ELSE referred_on END + length - 45)::DATE AS since
FROM cs_path WHERE achieved AND (CASE WHEN cin THEN cin_from ELSE referred_on END) + length <= getvariable('today');

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
        CASE WHEN exploitation AND u('f/10', hh) < 0.6 THEN '10A' END,
            CASE WHEN exploitation AND u('f/11', hh) < 0.35 THEN '11A' END,
        CASE WHEN youth_crime AND u('f/13', hh) < 0.3 THEN '13A' END, CASE WHEN youth_crime THEN '14A' END,
        CASE WHEN child_mental_health AND u('f/15', hh) < 0.25 THEN '15A' END, CASE WHEN neglect THEN '16A' END,
        CASE WHEN neglect AND u('f/17', hh) < 0.5 OR parental_conflict AND p > 0.5 THEN '17A' END,
        CASE WHEN neglect AND u('f/18', hh) < 0.15 THEN '18C' END,
        CASE WHEN youth_crime AND domestic_abuse AND u('f/18b', hh) < 0.4 THEN '18B' END,
        CASE WHEN exploitation AND u('f/24', hh) < 0.5 THEN '24A' END,
        CASE WHEN exploitation AND u('f/25', hh) < 0.08 THEN '25A' END
    ], lambda x: x IS NOT NULL)) AS factor_code
FROM cs_family;

-- Needs of an early help plan, in a practitioner's words, with what became of each.
CREATE TEMP TABLE cs_need AS
SELECT hh, unnest(list_filter([
        CASE WHEN school_absence THEN 'School attendance' END,
            CASE WHEN early_years AND small THEN 'Early years development' END,
        CASE WHEN mental_health THEN 'Adult mental health' END,
            CASE WHEN child_mental_health THEN 'Child mental health' END,
        CASE WHEN substance_use THEN 'Adult substance use' END,
            CASE WHEN parental_conflict THEN 'Parental conflict' END,
        CASE WHEN young_carer THEN 'Young carer' END, CASE WHEN domestic_abuse THEN 'Domestic abuse' END,
        CASE WHEN housing_at_risk THEN 'Housing' END, CASE WHEN out_of_work THEN 'Worklessness' END,
            CASE WHEN debt THEN 'Debt' END,
        CASE WHEN youth_crime THEN 'Youth offending' END, CASE WHEN p > 0.3 THEN 'Parenting' END,
        CASE WHEN born_on > referred_on + 35 AND born_on < referred_on + 260 THEN 'Expectant parent' END,
            CASE WHEN early_years AND small AND u('cs/health', hh) < 0.3 THEN 'Child health, 0 to 5' END
    ], lambda x: x IS NOT NULL)) AS need
FROM cs_family LEFT JOIN (SELECT hh, born_on FROM household) USING (hh)
LEFT JOIN (SELECT hh, bool_or(dob > referred_on - INTERVAL 5 YEAR) AS small FROM cs_child GROUP BY hh) USING (hh);

-- Reviews of small children at two to two and a half years, of those whom the service knows.
CREATE TEMP TABLE cs_review AS
SELECT c.pid, (c.dob + 760 + pick('cs/review', c.pid, 150)::INT)::DATE AS on_day,
    CASE WHEN n.early_years AND u('cs/review/low', c.pid) < 0.7 OR u('cs/review/low', c.pid) < 0.08
        THEN 'Below expected' ELSE 'Expected' END AS outcome
FROM cs_child c JOIN need n USING (hh)
WHERE c.dob + 920 <= getvariable('today') AND c.dob + 760 >= getvariable('start') AND u('cs/reviewed', c.pid) < 0.85;
