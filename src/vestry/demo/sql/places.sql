-- The town: wards in a grid of four by three, streets in wards, homes on streets. About 2,500 homes to a
-- square kilometre, so the town grows with its people. It lies in the North Sea: no real address is near.

CREATE TEMP TABLE word AS
SELECT part, string_split(names, '|') AS names FROM read_csv(getvariable('data') || '/places.csv', header = true);

CREATE TABLE ward AS
WITH shape AS (SELECT ceil(sqrt(getvariable('homes') / 12.0 / 2500) * 100) * 10 AS side)
SELECT no, 'E05999' || lpad(no::VARCHAR, 3, '0') AS ward_code, names[no] AS ward_name,
       640000 + ((no - 1) % 4) * side AS min_e, 390000 + ((no - 1) // 4) * side AS min_n, side
FROM range(1, 13) r (no), shape, (SELECT names FROM word WHERE part = 'ward');

CREATE TEMP TABLE street AS
WITH drawn AS (
    SELECT no, 1 + no % 12 AS ward_no, u('street/kind', no) AS kind_u,
        (no * 7919 + pick('street', 0, 3000)) AS name_no
    FROM range(1, 2 + ceil(getvariable('homes') / 26.0)::BIGINT) r (no)
)
SELECT d.no AS street_no, 45000000 + d.no AS usrn, ward_no,
       CASE WHEN kind_u < 0.15 THEN 'estate' WHEN kind_u < 0.25 THEN 'blocks' WHEN kind_u < 0.60 THEN 'terrace'
            WHEN kind_u < 0.86 THEN 'semi' ELSE 'detached' END AS kind,
       s.names[1 + name_no % len(s.names)] || ' ' || t.names[1 + (name_no // 7) % len(t.names)] AS street,
       CASE WHEN u('street/locality', d.no) < 0.5 THEN w.ward_name END AS locality,
       14 + pick('street/length', d.no, 46) AS plots,
       w.ward_code, w.ward_name,
       w.min_e + w.side * (0.08 + 0.84 * u('street/e', d.no)) AS e,
           w.min_n + w.side * (0.08 + 0.84 * u('street/n', d.no)) AS n,
       u('street/slope', d.no) AS slope, w.min_n AS ward_n, w.side
FROM drawn d JOIN ward w ON w.no = d.ward_no,
     (SELECT names FROM word WHERE part = 'street_stem') s, (SELECT names FROM word WHERE part = 'street_type') t;

-- Plots become homes: a house is one, a converted house two to four, a block twelve to forty.
CREATE TEMP TABLE plot AS
SELECT *, street_no * 100 + plot_no AS plot_id,
       CASE
           WHEN kind = 'blocks' THEN 12 + pick('block/flats', street_no * 100 + plot_no, 29)
           WHEN kind = 'terrace' AND u('converted', street_no * 100 + plot_no) < 0.06
               THEN 2 + pick('converted/n', street_no * 100 + plot_no, 3)
           ELSE 1
       END AS flats
FROM (SELECT *, unnest(range(1, CASE WHEN kind = 'blocks' THEN 2 + plots // 20 ELSE 1 + plots END)) AS plot_no
    FROM street);

CREATE TEMP TABLE home AS
WITH flat AS (SELECT *, unnest(range(1, flats + 1)) AS flat_no FROM plot),
named AS (
    SELECT f.*, row_number() OVER (ORDER BY street_no, plot_no, flat_no) AS pno,
        CASE
            WHEN kind = 'blocks' THEN
                b.names[1 + plot_id * 13 % len(b.names)] || ' '
                    || bt.names[1 + pick('block/type', plot_id, len(bt.names))]
            WHEN kind = 'detached' AND u('house/name', plot_id) < 0.12 THEN h.names[1 + plot_id % len(h.names)]
            WHEN u('house/suffix', plot_id) < 0.02 THEN (plot_no - (plot_no > 1)::INT) || 'A'
            ELSE plot_no::VARCHAR
        END AS paon,
        CASE
            WHEN kind = 'blocks' THEN
                CASE WHEN u('block/word', plot_id) < 0.75 THEN 'Flat ' ELSE 'Apartment ' END || flat_no
            WHEN flats > 1 AND u('converted/style', plot_id) < 0.5 THEN 'Flat ' || chr(64 + flat_no::INT)
            WHEN flats > 1 THEN
                ['Ground Floor Flat', 'First Floor Flat', 'Second Floor Flat', 'Basement Flat'][flat_no]
        END AS saon,
        u('tenure', plot_id * 50 + CASE WHEN kind = 'blocks' THEN 0 ELSE flat_no END) AS tenure_u,
        u('tenure/flat', plot_id * 50 + flat_no) AS right_to_buy_u
    FROM flat f, (SELECT names FROM word WHERE part = 'block_stem') b,
        (SELECT names FROM word WHERE part = 'block_type') bt,
        (SELECT names FROM word WHERE part = 'house_name') h
)
SELECT *,
    CASE
        WHEN kind = 'blocks' AND tenure_u < 0.50 THEN CASE WHEN right_to_buy_u < 0.88 THEN 'council' ELSE 'owner' END
        WHEN kind = 'blocks' THEN CASE WHEN right_to_buy_u < 0.55 THEN 'private' ELSE 'owner' END
        WHEN kind = 'estate' AND tenure_u < 0.62 THEN 'council'
        WHEN kind = 'estate' THEN CASE WHEN tenure_u < 0.75 THEN 'private' ELSE 'owner' END
        WHEN flats > 1 THEN 'private'
        WHEN tenure_u < 0.02 THEN 'council' WHEN tenure_u < 0.08 THEN 'association'
        WHEN tenure_u < 0.26 THEN 'private' ELSE 'owner'
    END AS tenure,
    kind = 'blocks' AND tenure_u < 0.22 AS sheltered
FROM named WHERE pno <= getvariable('homes');

-- Care homes, hostels and shops stand on ordinary streets, after the homes.
CREATE TEMP TABLE other AS
SELECT getvariable('homes') + row_number() OVER (ORDER BY o.kind, o.i) AS pno, s.* EXCLUDE (kind, plots), o.kind,
       100 + o.i % 60 AS plot_no, 1 AS flats, 1 AS flat_no, s.street_no * 100 + 99 AS plot_id,
       CASE o.kind WHEN 'care' THEN c.names[1 + o.i % len(c.names)] || ' Care Home'
                   WHEN 'hostel' THEN 'St Giles Hostel' || CASE WHEN o.i = 0 THEN '' ELSE ' ' || (o.i + 1) END
                   ELSE (100 + o.i % 60)::VARCHAR END AS paon,
       NULL::VARCHAR AS saon, o.kind AS tenure, false AS sheltered
FROM (
    SELECT 'care' AS kind, unnest(range(getvariable('care_homes')::BIGINT)) AS i
    UNION ALL SELECT 'hostel', unnest(range(getvariable('hostels')::BIGINT))
    UNION ALL SELECT 'shop', unnest(range(getvariable('homes') // 40))
) o
JOIN street s ON s.street_no = 1 + pick('other', pair(o.kind, o.i), (SELECT max(street_no) FROM home)),
     (SELECT names FROM word WHERE part = 'care_name') c;

CREATE TABLE property AS
WITH united AS (
    SELECT pno, street_no, usrn, ward_no, ward_code, ward_name, kind, street, locality, plot_no, plot_id, flats,
        flat_no,
           paon, saon, tenure, sheltered, e, n, slope, ward_n, side FROM home
    UNION ALL
    SELECT pno, street_no, usrn, ward_no, ward_code, ward_name, kind, street, locality, plot_no, plot_id, flats,
        flat_no,
           paon, saon, tenure, sheltered, e, n, slope, ward_n, side FROM other
),
-- A postcode is a run of plots on one street; a big block has its own.
segment AS (
    SELECT street_no, plot_run, row_number() OVER (PARTITION BY ward_no ORDER BY street_no, plot_run) - 1 AS seg_no
    FROM (SELECT DISTINCT street_no, ward_no, CASE WHEN kind = 'blocks' THEN plot_no
        ELSE plot_no // 18 END AS plot_run
          FROM united)
),
placed AS (
    SELECT t.*, seg_no // 40 % 10 AS sector, seg_no % 40 + 40 * (seg_no % 4000 // 400) AS unit_no,
        ward_no + 20 * (seg_no // 4000) AS district,
        e + (plot_no * 7 - 100) * (slope - 0.5) + (plot_no % 2) * 12 AS easting_m,
        n + (plot_no * 7 - 100) * (0.5 - abs(slope - 0.5)) + (plot_no % 2) * 9 AS northing_m
    FROM united t
    JOIN segment s ON s.street_no = t.street_no
        AND s.plot_run = CASE WHEN kind = 'blocks' THEN plot_no ELSE plot_no // 18 END
)
SELECT pno,
    -- Old entries have eight digits, newer ones twelve. Multiplying modulo a prime keeps them apart.
    CASE WHEN u('uprn/old', pno) < 0.3 THEN (20000000 + (pno * 7919 + 104729) % 9999991)::VARCHAR
         ELSE (906090000000 + (pno * 7919 + 104729) % 9999991)::VARCHAR END AS uprn,
    CASE WHEN flats > 1 THEN (907090000000 + plot_id)::VARCHAR END AS parent_uprn,
    usrn::VARCHAR AS usrn, saon, paon, street, locality, 'Westmarsh' AS town,
    'WX' || district || ' ' || sector
        || substr('ABDEFGHJLNPQRSTUWXYZ', 1 + (unit_no // 20)::INT, 1)
        || substr('ABDEFGHJLNPQRSTUWXYZ', 1 + (unit_no % 20)::INT, 1) AS postcode,
    round(easting_m, 2) AS easting, round(northing_m, 2) AS northing, ward_no, ward_code, ward_name,
    'E01' || (990000 + (ward_no - 1) * getvariable('lsoas') + 1
        + least(greatest(floor((n - ward_n) / side * getvariable('lsoas')), 0), getvariable('lsoas') - 1)::INT) AS lsoa_code,
    kind, tenure, sheltered, flats > 1 AS in_block, kind IN ('care', 'hostel', 'shop') AS communal,
    CASE WHEN kind = 'shop' THEN 'CR' WHEN kind = 'care' THEN 'RI01' WHEN kind = 'hostel' THEN 'RH02'
         WHEN flats > 1 THEN 'RD06' WHEN kind = 'terrace' THEN 'RD04' WHEN kind = 'detached' THEN 'RD02'
         ELSE 'RD03' END AS classification,
    CASE WHEN sheltered OR (kind = 'terrace' AND flats > 1) THEN 1 WHEN kind = 'blocks' THEN 1 + pick('beds', pno, 2)
         WHEN kind = 'terrace' THEN 2 + pick('beds', pno, 2) WHEN kind = 'detached' THEN 3 + pick('beds', pno, 3)
         ELSE 2 + pick('beds', pno, 3) END AS beds
FROM placed;

-- How the address is written in one line, and in the parts that most systems have.
CREATE TABLE address AS
SELECT pno, uprn, saon,
    CASE WHEN regexp_matches(paon, '^[0-9]') THEN paon || ' ' || street ELSE paon || ', '
        || street END AS house_street,
    concat_ws(', ', saon, CASE WHEN regexp_matches(paon, '^[0-9]') THEN paon || ' ' || street ELSE paon || ', '
        || street END) AS line,
    paon, street, locality, town, postcode
FROM property;
