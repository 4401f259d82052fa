-- Claims for housing benefit, council tax reduction and universal credit's housing part, by household and home.

CREATE TEMP TABLE bn_claim AS
WITH home AS (
    SELECT o.hh, o.pno, o.from_day, o.to_day, p.tenure, n.out_of_work, n.debt, n.p, l.kind, l.children
    FROM occupancy o JOIN property p USING (pno) JOIN need n USING (hh) JOIN hh_life l USING (hh)
    WHERE o.from_day <= getvariable('today') AND (NOT p.communal OR p.kind = 'hostel')
),
adult AS (
    SELECT h.*, s.pid, s.role, s.from_day AS here_from, coalesce(s.to_day, DATE '2999-01-01') AS here_to, p.dob,
        row_number() OVER (PARTITION BY h.hh, h.pno, h.from_day ORDER BY s.role = 'head' DESC,
            s.role = 'partner' DESC, s.pid) AS n
    FROM home h JOIN stay s ON s.hh = h.hh AND s.pno = h.pno JOIN person p USING (pid)
    WHERE s.role IN ('head', 'partner')
),
claiming AS (
    SELECT *, dob <= getvariable('today') - INTERVAL 66 YEAR AS pensioner,
        CASE WHEN dob <= getvariable('today') - INTERVAL 66 YEAR
             THEN CASE tenure WHEN 'council' THEN 0.62 WHEN 'association' THEN 0.6 WHEN 'private' THEN 0.25
                 ELSE 0.05 END
             WHEN out_of_work THEN CASE tenure WHEN 'owner' THEN 0.35 ELSE 0.88 END
             ELSE CASE tenure WHEN 'council' THEN 0.22 WHEN 'private' THEN 0.10 ELSE 0.01 END END AS share
    FROM adult WHERE n = 1
)
SELECT c.hh, c.pno, c.pid, q.pid AS partner_pid, c.debt, c.p, c.tenure, c.pensioner, c.out_of_work, c.from_day,
    greatest(c.from_day, c.dob + INTERVAL 18 YEAR)::DATE AS claimed_on,
        least(c.to_day, nullif(c.here_to, DATE '2999-01-01')) AS ended_on,
    CASE WHEN c.pensioner THEN CASE WHEN c.tenure = 'owner' THEN 'CTR' ELSE 'HB' END WHEN c.tenure = 'owner'
        THEN 'CTR' ELSE 'UC' END AS scheme
FROM claiming c
LEFT JOIN adult q ON q.hh = c.hh AND q.pno = c.pno AND q.from_day = c.from_day AND q.n = 2 AND q.role = 'partner'
WHERE u('claims', pair(c.hh, c.pno)) < c.share;

CREATE TEMP TABLE bn_file AS
SELECT *, 'B' || lpad(((pid * 64 + row_number() OVER (PARTITION BY pid ORDER BY claimed_on,
    pno)) * 48397 % 999999937)::VARCHAR, 9, '0') AS claim_ref
FROM bn_claim;
INSERT INTO bn_file BY NAME
-- A second file of the same claim, opened months later when the first was not found.
SELECT f.* REPLACE (claimed_on + 120 AS claimed_on, claim_ref || 'A' AS claim_ref)
FROM bn_file f, (SELECT rate FROM fault WHERE system = 'benefits' AND fault = 'duplicate') r
WHERE u('duplicate/benefits', pid) < r.rate AND claimed_on + 120 < getvariable('today');

-- The council sees what is in payment at a quarter's end. What began and ended in between leaves no file.
CREATE TEMP TABLE bn_end AS
SELECT least(last_day(m::DATE), getvariable('today')) AS day
FROM range(getvariable('start')::TIMESTAMP, getvariable('today')::TIMESTAMP + INTERVAL 1 DAY, INTERVAL 1 MONTH) r (m)
WHERE month(m) IN (3, 6, 9, 12);
DELETE FROM bn_file WHERE NOT EXISTS (
    SELECT 1 FROM bn_end WHERE claimed_on <= day AND coalesce(ended_on, DATE '2999-01-01') > day);

CREATE TEMP TABLE bn_child AS
SELECT f.claim_ref, t.other_pid AS pid, f.claimed_on, f.pno, f.ended_on,
    row_number() OVER (PARTITION BY f.claim_ref ORDER BY p.dob, p.pid) AS n, p.dob
FROM bn_file f JOIN at_home a ON a.hh = f.hh AND a.pno = f.pno AND a.child
JOIN tie t ON t.pid = f.pid AND t.other_pid = a.pid AND t.tie IN ('mother', 'father')
JOIN person p ON p.pid = a.pid
WHERE u('bn/child', a.pid) < 0.96;
DELETE FROM bn_child WHERE NOT EXISTS (
    SELECT 1 FROM bn_end
    WHERE claimed_on <= day AND coalesce(ended_on, DATE '2999-01-01') > day
        AND dob BETWEEN day - INTERVAL 19 YEAR + INTERVAL 1 DAY AND day);
