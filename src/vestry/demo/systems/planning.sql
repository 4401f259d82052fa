-- Planning applications and every change to them, as the vendor's system keeps them.
CREATE TEMP TABLE pl_application AS
WITH applied AS (
    SELECT pno, u('pl', pno) AS x, getvariable('start')
        + pick('pl/day', pno, getvariable('span') - 3)::INT AS received_on
    FROM property WHERE u('pl', pno) < CASE kind WHEN 'detached' THEN 0.10 WHEN 'semi' THEN 0.06 WHEN 'shop'
        THEN 0.15 ELSE 0.025 END
),
kinded AS (
    SELECT *, pick('pl/kind', pno, 8) AS kind_no,
        row_number() OVER (PARTITION BY year(received_on) ORDER BY received_on, pno) AS n FROM applied
)
SELECT *, strftime(received_on, '%y') || '/' || lpad(n::VARCHAR, 5, '0') || '/'
    || ['HOU', 'HOU', 'HOU', 'FUL', 'FUL', 'TCA', 'LBC', 'ADV'][1 + kind_no] AS reference,
    ['Householder application', 'Householder application', 'Householder application',
        'Full planning application', 'Full planning application',
     'Works to trees', 'Listed building consent', 'Advertisement consent'][1 + kind_no] AS application_type,
    ['Single-storey rear extension', 'Loft conversion with rear dormer', 'Two-storey side extension',
        'Erection of two dwellings',
     'Change of use from shop to dwelling', 'Crown reduction of one oak', 'Replacement windows',
         'Illuminated fascia sign'][1 + kind_no] AS proposal
FROM kinded;

CREATE TEMP TABLE pl_change AS
WITH step AS (
    SELECT a.*, s.step, s.change, s.status, received_on + s.after
        + CASE WHEN s.step = 'received' THEN 0 ELSE pick('pl/' || s.step, pno, s.spread) END::INT AS on_day
    FROM pl_application a, (VALUES
        ('received', 'created', 'Received', 0, 1), ('validated', 'updated', 'Validated', 2, 9),
        ('consulted', 'updated', 'Out to consultation', 12, 6), ('amended', 'updated', 'Out to consultation', 25, 15),
        ('decided', 'updated', 'Decided', 45, 60), ('withdrawn', 'updated', 'Withdrawn', 20, 20),
        ('deleted', 'deleted', NULL, 4, 40), ('appealed', 'updated', 'Appeal lodged', 120, 60)) s (step, change,
            status, after, spread)
    WHERE CASE s.step
        WHEN 'amended' THEN u('pl/amends', pno) < 0.3 AND u('pl/fate', pno) >= 0.09
        WHEN 'withdrawn' THEN u('pl/fate', pno) >= 0.03 AND u('pl/fate', pno) < 0.09
        -- Entered twice or for the wrong council: taken out again.
        WHEN 'deleted' THEN u('pl/fate', pno) < 0.03
        WHEN 'decided' THEN u('pl/fate', pno) >= 0.09
        WHEN 'appealed' THEN u('pl/fate', pno) >= 0.09 AND u('pl/grant', pno) >= 0.86 AND u('pl/appeals', pno) < 0.2
        WHEN 'consulted' THEN u('pl/fate', pno) >= 0.03 ELSE true END
)
SELECT s.*,
    -- A nightly batch stamps all of a day's decisions with one time.
    CASE WHEN step = 'decided' THEN on_day::TIMESTAMP + INTERVAL 22 HOUR
         ELSE on_day::TIMESTAMP + INTERVAL 8 HOUR
             + INTERVAL 1 SECOND * pick('pl/time', pair(pno, step), 36000) END AS changed_at
FROM step s WHERE on_day <= getvariable('today');

CREATE TEMP TABLE pl_log AS
SELECT row_number() OVER (ORDER BY c.changed_at, c.reference, c.step) AS seq,
    strftime(c.changed_at, '%Y-%m-%dT%H:%M:%SZ') AS changed_at,
    c.change, c.reference,
    CASE WHEN c.change = 'deleted' THEN '{}' ELSE json_object(
        'application_type', c.application_type, 'proposal',
            c.proposal || CASE WHEN c.step IN ('amended') THEN ' (amended plans)' ELSE '' END,
        'status', c.status, 'address', concat_ws(', ', a.line, a.locality, 'Westmarsh', a.postcode),
        'uprn', CASE WHEN u('pl/uprn', c.pno) < 0.9 THEN a.uprn END, 'ward', p.ward_name,
        'easting', p.easting, 'northing', p.northing,
        'applicant_name', coalesce(o.name, 'Westmarsh Homes Ltd'),
        'received_on', c.received_on::VARCHAR,
        'valid_on', CASE WHEN c.step <> 'received'
            THEN (c.received_on + 2 + pick('pl/validated', c.pno, 9)::INT)::VARCHAR END,
        'decision', CASE WHEN c.step IN ('decided', 'appealed') THEN CASE WHEN u('pl/grant', c.pno) < 0.86
            THEN 'Granted' ELSE 'Refused' END END,
        'decided_on', CASE WHEN c.step = 'decided' THEN c.on_day::VARCHAR
                           WHEN c.step = 'appealed'
                               THEN (c.received_on + 45 + pick('pl/decided', c.pno, 60)::INT)::VARCHAR END,
        'officer', ['A. Heron', 'B. Teal', 'C. Plover', 'D. Avocet'][1 + pick('pl/officer', c.pno, 4)],
        'estimated_cost', (2000 + pick('pl/cost', c.pno, 90) * 1000))::VARCHAR END AS body,
    a.uprn AS true_uprn
FROM pl_change c JOIN address a USING (pno) JOIN property p USING (pno)
LEFT JOIN (SELECT s.pno, arg_min(concat_ws(' ', p.forename, p.surname), p.pid) AS name
           FROM stay s JOIN person p USING (pid) WHERE s.role = 'head' GROUP BY s.pno) o USING (pno);

INSERT INTO truth_address SELECT DISTINCT 'planning', 'application', reference, true_uprn FROM pl_log;
