-- Council homes: a tenancy for each household's time in one, its tenants, and who else lives there.

CREATE TEMP TABLE hs_tenancy AS
SELECT o.hh, o.pno, o.from_day, o.to_day, 'T' || lpad(((o.pno * 64
    + row_number() OVER (PARTITION BY o.pno ORDER BY o.from_day, o.hh)) * 7907 % 999999937)::VARCHAR, 9,
    '0') AS tenancy_ref
FROM occupancy o JOIN property p USING (pno)
WHERE p.tenure = 'council' AND NOT p.communal AND o.from_day <= getvariable('today')
  AND EXISTS (SELECT 1 FROM stay s WHERE s.hh = o.hh AND s.pno = o.pno);

CREATE TEMP TABLE hs_occupant AS
WITH ranked AS (
    SELECT t.tenancy_ref, t.hh, t.pno, s.pid, s.from_day, s.to_day, s.role, p.dob,
        row_number() OVER (PARTITION BY t.tenancy_ref ORDER BY s.role = 'head' DESC, s.role = 'partner' DESC,
            p.dob, s.pid) AS n
    FROM hs_tenancy t JOIN stay s ON s.hh = t.hh AND s.pno = t.pno JOIN person p USING (pid)
)
SELECT tenancy_ref, pno, pid, from_day, to_day,
    CASE WHEN n = 1 THEN 'MAIN' WHEN n = 2 AND role = 'partner' THEN 'JOINT' ELSE 'OCC' END AS role,
    CASE WHEN n = 1 THEN 'Tenant' WHEN role = 'partner' THEN 'Partner' WHEN role IN ('child', 'baby') THEN 'Child'
         WHEN role = 'grandparent' THEN 'Parent' ELSE 'Other' END AS relationship,
    row_number() OVER (PARTITION BY pid ORDER BY from_day DESC, tenancy_ref) AS newest,
        count(*) OVER (PARTITION BY pid) AS tenancies
FROM ranked
-- The housing officer hears of most who live there, not of all.
WHERE n = 1 OR role = 'partner' OR u('known_occupant', pid) < 0.85;

CREATE TEMP TABLE hs_copy AS
SELECT o.*, u('duplicate/housing', pid) < r.rate AS doubled,
    CASE WHEN u('duplicate/housing', pid) < r.rate AND newest = 1 AND tenancies > 1 THEN 1 ELSE 0 END AS copy
FROM hs_occupant o, (SELECT rate FROM fault WHERE system = 'housing' AND fault = 'duplicate') r;
INSERT INTO hs_copy SELECT * EXCLUDE (copy), 1 FROM hs_copy WHERE doubled AND tenancies = 1;

-- Families with children, and young people, who ask the council for help because they have no home or soon will not.
CREATE TEMP TABLE hs_homeless AS
WITH at_risk AS (
    SELECT a.hh, a.pno, a.pid, a.dob, a.role, a.from_day, a.to_day, n.p,
        getvariable('start') + 30 + pick('hs/homeless/day', a.hh, getvariable('span') - 40)::INT AS on_day,
        bool_or(a.child) OVER (PARTITION BY a.hh) AS children
    FROM at_home a JOIN need n USING (hh)
    WHERE n.housing_at_risk
),
asking AS (
    SELECT *, false AS alone FROM at_risk
    WHERE role = 'head' AND children AND u('hs/homeless', hh) < 0.5
    UNION ALL
    SELECT *, true FROM at_risk
    WHERE role = 'child' AND dob <= on_day - INTERVAL 16 YEAR AND dob > on_day - INTERVAL 18 YEAR
      AND u('hs/homeless/young', pid) < 0.5
)
SELECT *, 'H' || lpad(ref_no(pid, 0, 39119)::VARCHAR, 8, '0') AS application_ref,
    alone OR u('hs/homeless/temporary', hh) < 0.45 AS temporary, (60 + pick('hs/homeless/took', pid,
        200))::INT AS length
FROM asking
WHERE from_day <= on_day AND to_day > on_day
QUALIFY row_number() OVER (PARTITION BY pid ORDER BY pno) = 1;

-- The one who flees, and the children: where they live is nobody's to see. One home at the least.
CREATE TEMP TABLE hs_hidden AS
WITH fled AS (
    SELECT DISTINCT o.tenancy_ref, o.pno, n.domestic_abuse FROM hs_occupant o JOIN hs_tenancy t USING (tenancy_ref)
        JOIN need n USING (hh)
    JOIN person p USING (pid)
    WHERE o.role = 'MAIN' AND p.sex = 'F' AND t.to_day IS NULL
      -- Not where he who abuses lives too.
      AND NOT EXISTS (SELECT 1 FROM hs_occupant x WHERE x.tenancy_ref = o.tenancy_ref AND x.relationship = 'Partner')
)
SELECT DISTINCT o.pid FROM hs_occupant o JOIN (
    SELECT tenancy_ref FROM fled WHERE domestic_abuse AND u('hs/hidden', pno) < 0.25
    UNION (SELECT tenancy_ref FROM fled ORDER BY domestic_abuse DESC, u('hs/hidden', pno), pno LIMIT 1)
) f USING (tenancy_ref);

CREATE TEMP TABLE hs_record AS
SELECT 'P' || ref_no(pid, copy, 69621) AS record_id, pid, min(from_day) AS entered,
    greatest(max(from_day), coalesce(CASE WHEN count(to_day) = count(*) THEN max(to_day) END, getvariable('today'))
        - pick('refreshed/housing', pid, 500)::INT) AS refreshed,
    arg_max(pno, from_day) AS pno
FROM hs_copy GROUP BY pid, copy;
-- Who asks for help and has no tenancy becomes known by that; who has one is looked up, and found.
INSERT INTO hs_record
SELECT 'P' || ref_no(pid, 0, 69621), pid, on_day, on_day, pno FROM hs_homeless
WHERE 'P' || ref_no(pid, 0, 69621) NOT IN (SELECT record_id FROM hs_record);
