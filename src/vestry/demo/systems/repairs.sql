-- Repairs of council homes in two years and a month. Some residents ask again and again; some never do, and they
-- are older and alone more often than not.

CREATE TEMP TABLE rp_home AS
SELECT p.pno, p.ward_no,
    CASE WHEN u('asks', p.pno) < CASE WHEN l.alone_older THEN 0.40 ELSE 0.12 END THEN 0
         ELSE 1 + floor(8 * u('asks/much', p.pno) * u('asks/much', p.pno))::INT END AS jobs
FROM property p
LEFT JOIN (
    SELECT s.pno, count(*) = 1 AND min(p.dob) < getvariable('today') - INTERVAL 68 YEAR AS alone_older
    FROM stay s JOIN person p USING (pid) WHERE s.to_day IS NULL GROUP BY s.pno
) l USING (pno)
WHERE p.tenure = 'council' AND NOT p.communal;

CREATE TABLE repair AS
WITH job AS (SELECT pno, ward_no, unnest(range(jobs)) AS i FROM rp_home WHERE jobs > 0),
kinded AS (
    SELECT *, pno * 16 + i AS job_no, pick('repair/kind', pno * 16 + i, 20) AS kind_no,
        getvariable('start') + pick('repair/day', pno * 16 + i, getvariable('span') + 1)::INT AS raised_on
    FROM job
),
named AS (
    SELECT *, CASE WHEN kind_no < 4 THEN 'electrical' WHEN kind_no < 7 THEN 'heating' WHEN kind_no < 11
        THEN 'plumbing'
                   WHEN kind_no < 15 THEN 'carpentry' WHEN kind_no < 16 THEN 'roofing' WHEN kind_no < 18
                       THEN 'damp' ELSE 'glazing' END AS trade,
        CASE WHEN u('repair/urgency', job_no) < 0.18 THEN 1 WHEN u('repair/urgency', job_no) < 0.5 THEN 2
            ELSE 3 END AS priority
    FROM kinded
),
timed AS (
    SELECT *, raised_on + CASE priority WHEN 1 THEN pick('repair/took', job_no, 2) WHEN 2 THEN 1
        + pick('repair/took', job_no, 8)
                                        ELSE 4 + pick('repair/took', job_no, 38) END::INT AS done_on
    FROM named
)
SELECT pno, job_no, trade, priority, raised_on,
    CASE WHEN done_on <= getvariable('today') THEN done_on END AS completed_on,
    CASE WHEN trade IN ('electrical', 'heating') THEN 'brightspark' WHEN ward_no <= 6 THEN 'fixwell'
        ELSE 'mendit' END AS contractor,
    (28 + 60 * u('repair/labour', job_no) * u('repair/labour', job_no) * priority
        + CASE WHEN u('repair/big', job_no) < 0.03 THEN 1500 ELSE 0 END)::DECIMAL(9, 2) AS labour,
    (110 * u('repair/parts', job_no) * u('repair/parts/2', job_no))::DECIMAL(9, 2) AS materials,
    CASE trade
        WHEN 'electrical' THEN ['No power to sockets', 'Light fitting faulty', 'Smoke alarm chirping',
            'Consumer unit tripping'][1 + pick('repair/text', job_no, 4)]
        WHEN 'heating' THEN ['No heating or hot water', 'Boiler losing pressure', 'Radiator cold at top',
            'Annual gas safety check follow-up'][1 + pick('repair/text', job_no, 4)]
        WHEN 'plumbing' THEN ['Leak under kitchen sink', 'WC not flushing', 'Tap dripping',
            'Blocked bath waste; smell'][1 + pick('repair/text', job_no, 4)]
        WHEN 'carpentry' THEN ['Front door will not lock', 'Kitchen unit door off', 'Stair tread loose',
            'Ease and adjust ½ hour door'][1 + pick('repair/text', job_no, 4)]
        WHEN 'roofing' THEN ['Slipped tiles', 'Gutter blocked – overflowing'][1 + pick('repair/text', job_no, 2)]
        WHEN 'damp' THEN ['Mould in bedroom', 'Damp patch, chimney breast',
            'Extractor fan, condensation'][1 + pick('repair/text', job_no, 3)]
        ELSE ['Broken pane, 600 × 900', 'Window will not close'][1
            + pick('repair/text', job_no, 2)] END AS description
FROM timed;

CREATE TEMP TABLE rp_row AS
SELECT r.*, substr('FBM', 1 + list_position(['fixwell', 'brightspark', 'mendit'], contractor) - 1, 1)
        || (100000 + (job_no * 7919) % 99999989) AS job_ref,
    (12 * (year(coalesce(completed_on, getvariable('today'))) - year(getvariable('start')))
     + month(coalesce(completed_on, getvariable('today'))) - month(getvariable('start')))::INT AS month_no,
    CASE WHEN u('rp/address', job_no) < f.typo_address
        THEN replace(a.line, a.street, slip(a.street, 'rp/street', job_no))
         WHEN u('rp/address/style', job_no) < 0.12 AND a.saon IS NOT NULL THEN a.house_street || ' (' || a.saon || ')'
         WHEN u('rp/address/style', job_no) < 0.25
             THEN replace(replace(replace(a.line, ' Road', ' Rd'), ' Street', ' St'), 'Flat ', 'Flt ')
         ELSE a.line END AS address,
    CASE WHEN u('rp/postcode', job_no) < f.postcode_missing THEN NULL ELSE a.postcode END AS postcode,
    CASE WHEN u('rp/uprn', job_no) < f.uprn_missing THEN NULL
         WHEN u('rp/uprn/2', job_no) < f.uprn_wrong THEN coalesce(w.uprn, a.uprn) ELSE a.uprn END AS uprn,
    a.uprn AS true_uprn,
    CASE WHEN u('rp/amount', job_no) < f.amount_missing OR completed_on IS NULL THEN NULL ELSE labour
        + materials END AS amount,
    CASE WHEN u('rp/date', job_no) >= f.date_missing THEN completed_on END AS completed_said,
    u('rp/twice', job_no) < f.duplicate AS twice
FROM repair r JOIN address a USING (pno) LEFT JOIN address w ON w.pno = r.pno + 1, rates f;

INSERT INTO truth_address SELECT 'repairs', contractor, job_ref, true_uprn FROM rp_row;
