-- Council tax: an account for each household's time in a home, and the one or two who are liable.

CREATE TEMP TABLE ct_account AS
SELECT o.hh, o.pno, o.from_day, o.to_day,
    'A' || lpad(((o.pno * 64 + row_number() OVER (PARTITION BY o.pno ORDER BY o.from_day,
        o.hh)) * 7919 % 999999937)::VARCHAR, 9, '0') AS account_ref
FROM occupancy o JOIN property p USING (pno)
WHERE NOT p.communal AND o.from_day <= getvariable('today')
  AND EXISTS (SELECT 1 FROM stay s WHERE s.hh = o.hh AND s.pno = o.pno);

CREATE TEMP TABLE ct_liable AS
WITH adult AS (
    SELECT a.account_ref, a.pno, a.hh, s.pid, s.from_day, s.to_day, s.role, p.dob,
        row_number() OVER (PARTITION BY a.account_ref ORDER BY s.role = 'head' DESC, s.role = 'partner' DESC,
            p.dob, s.pid) AS n
    FROM ct_account a JOIN stay s ON s.hh = a.hh AND s.pno = a.pno JOIN person p USING (pid)
    WHERE p.dob <= s.from_day - INTERVAL 18 YEAR
)
SELECT account_ref, pno, pid, from_day, to_day, CASE n WHEN 1 THEN 'LIABLE' ELSE 'JOINT' END AS role,
    row_number() OVER (PARTITION BY pid ORDER BY from_day DESC, account_ref) AS newest,
        count(*) OVER (PARTITION BY pid) AS accounts
FROM adult WHERE n = 1 OR (n = 2 AND role = 'partner');

CREATE TEMP TABLE ct_copy AS
SELECT l.*, u('duplicate/council_tax', pid) < r.rate AS doubled,
    -- A person entered twice: the newest account is under the second record; with one account, both are on it.
    CASE WHEN u('duplicate/council_tax', pid) < r.rate AND newest = 1 AND accounts > 1 THEN 1 ELSE 0 END AS copy
FROM ct_liable l, (SELECT rate FROM fault WHERE system = 'council_tax' AND fault = 'duplicate') r;
INSERT INTO ct_copy
SELECT * EXCLUDE (copy), 1 FROM ct_copy WHERE doubled AND accounts = 1;

CREATE TEMP TABLE ct_record AS
SELECT lpad(ref_no(pid, copy, 48271)::VARCHAR, 8, '0') AS record_id, pid, min(from_day) AS entered,
    -- Somebody last looked at the record within two years, or when the account closed.
    greatest(max(from_day), coalesce(CASE WHEN count(to_day) = count(*) THEN max(to_day) END, getvariable('today'))
        - pick('refreshed/council_tax', pid, 700)::INT) AS refreshed,
    arg_max(pno, from_day) AS pno, copy
FROM ct_copy GROUP BY pid, copy;
