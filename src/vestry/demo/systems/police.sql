-- Incidents that the police share: who suffered, who is said to have done it, who saw it, which children were there.

CREATE TEMP TABLE po_incident AS
WITH cause AS (
    SELECT a.pid, a.hh, a.pno, a.sex, a.dob, a.from_day, a.to_day, n.p, n.domestic_abuse, n.adult_crime,
        n.youth_crime,
        (getvariable('today') - a.dob) / 365.25 AS age
    FROM at_home a JOIN need n USING (hh)
),
planned AS (
    SELECT *, CASE
            WHEN domestic_abuse AND role_key = 'DA' THEN 1 + pick('po/da', pid, 4)
            WHEN role_key = 'CRIME' AND age >= 18 AND adult_crime AND u('po/doer', pid) < 0.6 THEN 1
                + pick('po/crime', pid, 3)
            WHEN role_key = 'CRIME' AND age BETWEEN 11 AND 18 AND youth_crime THEN 1 + pick('po/youth', pid, 3)
            WHEN role_key = 'VICTIM' AND age >= 16 AND u('po/victim', pid) < 0.045 THEN 1
            ELSE 0 END AS times
    FROM (
        SELECT c.*, unnest(['DA', 'CRIME', 'VICTIM']) AS role_key FROM cause c
    )
    -- The one who is said to abuse is, mostly, the man of a couple.
    WHERE role_key <> 'DA' OR (age >= 18 AND ((sex = 'M') = (u('po/da/who', hh) < 0.85)))
),
numbered AS (SELECT *, unnest(range(times)) AS i FROM planned WHERE times > 0),
keyed AS (
    SELECT *, pair(pid * 16 + i, role_key) AS k FROM numbered
),
dated AS (
    SELECT *, getvariable('start') + pick('po/day', k, getvariable('span') + 1)::INT AS on_day FROM keyed
)
SELECT k, pid, hh, pno, role_key, on_day, age,
    on_day::TIMESTAMP + INTERVAL 1 MINUTE * pick('po/minute', k, 1440) AS at_time,
    CASE role_key
        WHEN 'DA' THEN ['Common assault', 'Domestic incident (non-crime)', 'Domestic incident (non-crime)',
            'Actual bodily harm', 'Controlling or coercive behaviour', 'Harassment'][1 + pick('po/offence', k, 6)]
        WHEN 'CRIME' THEN ['Anti-social behaviour', 'Anti-social behaviour', 'Shoplifting',
            'Possession of cannabis', 'Criminal damage', 'Drunk and disorderly', 'Theft from motor vehicle',
            'Possession with intent to supply'][1 + pick('po/offence', k, 8)]
        ELSE ['Burglary dwelling', 'Theft of pedal cycle', 'Fraud', 'Criminal damage', 'Harassment',
            'Theft from person'][1 + pick('po/offence', k, 6)] END AS offence,
    'WX/' || lpad((hash(k) % 9999999)::VARCHAR, 7, '0') || '/' || strftime(on_day, '%y') AS incident_ref
FROM dated LEFT JOIN better b USING (hh)
WHERE on_day >= from_day AND on_day < to_day AND on_day <= getvariable('today')
  AND (role_key = 'VICTIM' OR coalesce(on_day < b.since, true));

-- Two hashes of ten million may meet; the later one is given the next free letter.
UPDATE po_incident SET incident_ref = incident_ref || '/' || x.n
FROM (SELECT k, row_number() OVER (PARTITION BY incident_ref ORDER BY k) AS n FROM po_incident) x
WHERE x.k = po_incident.k AND x.n > 1;

SET VARIABLE last_pid = (SELECT max(pid) FROM person);

CREATE TEMP TABLE po_involved AS
SELECT k, pid, CASE role_key WHEN 'VICTIM' THEN 'VICTIM' ELSE 'SUSPECT' END AS role, on_day, role_key FROM po_incident
UNION ALL
-- At home that day: the partner is the victim, children were present.
SELECT i.k, a.pid, CASE WHEN a.dob > i.on_day - INTERVAL 18 YEAR THEN 'CHILD PRESENT' ELSE 'VICTIM' END,
    i.on_day, i.role_key
FROM po_incident i JOIN at_home a ON a.hh = i.hh AND a.pno = i.pno AND a.pid <> i.pid AND a.from_day <= i.on_day
    AND a.to_day > i.on_day
WHERE i.role_key = 'DA' AND (a.dob > i.on_day - INTERVAL 18 YEAR OR a.role IN ('head', 'partner'))
  AND u('po/named', pair(i.k, a.pid)) < 0.85
UNION ALL
SELECT i.k, w.pid, 'WITNESS', i.on_day, i.role_key
FROM po_incident i JOIN person w ON w.pid = 1 + pick('po/witness', i.k, getvariable('last_pid'))
WHERE i.role_key = 'CRIME' AND u('po/seen', i.k) < 0.25 AND w.dob < i.on_day - INTERVAL 14 YEAR AND w.pid <> i.pid
  AND coalesce(w.died_on, DATE '2999-01-01') > i.on_day;

CREATE TEMP TABLE po_nominal AS
SELECT v.*, CASE WHEN u('duplicate/police', pid) < f.rate AND (n > 1 OR last = 1) AND n = last THEN 1
    ELSE 0 END AS copy
FROM (SELECT *, row_number() OVER (PARTITION BY pid ORDER BY on_day, k) AS n,
    count(*) OVER (PARTITION BY pid) AS last FROM po_involved) v,
    (SELECT rate FROM fault WHERE system = 'police' AND fault = 'duplicate') f;
