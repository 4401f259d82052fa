-- Entries (LPIs) of the gazetteer: approved (1), alternative (3), provisional (6), historic (8), and the block or
-- converted house above its flats.
CREATE TABLE gazetteer AS
WITH entry AS (
    SELECT pno * 10 + 1 AS lpi_no, uprn, parent_uprn, usrn, 1 AS logical_status,
        CASE WHEN kind = 'care' THEN paon WHEN kind = 'hostel' THEN paon WHEN kind = 'shop' THEN
            ['Fen Fish Bar', 'Tollhouse News', 'Curlew Café', 'Marsh Motors', 'Harbour Hair', 'Abbey Pharmacy',
                'Drovers Arms'][1 + pick('shop', pno, 7)] END AS organisation,
        saon, paon, street, locality, postcode, ward_code, ward_name, lsoa_code, easting, northing, lat, lon,
            classification,
        tenure = 'council' AS council_owned, getvariable('start') - 400 - pick('lpi/entry', pno,
            6000)::INT AS entry_date, NULL::DATE AS end_date
    FROM property
    UNION ALL
    -- Another way of writing the same home: a house name, or A for Flat 1.
    SELECT pno * 10 + 3, uprn, parent_uprn, usrn, 3, NULL,
        CASE WHEN saon LIKE 'Flat %' THEN replace(saon, 'Flat', 'Apartment') WHEN saon LIKE 'Apartment %'
            THEN replace(saon, 'Apartment', 'Flat')
             ELSE saon END,
        CASE WHEN saon IS NULL THEN ['Rose Cottage', 'The Lodge', 'Holly House', 'Corner House',
            'Fen Lea'][1 + pick('alt/name', pno, 5)] || ', ' || paon
             ELSE paon END,
        street, locality, postcode, ward_code, ward_name, lsoa_code, easting, northing, lat, lon,
            classification, tenure = 'council',
        getvariable('start') - 300, NULL
    FROM property WHERE NOT communal AND u('alternative', pno) < 0.03
    UNION ALL
    -- Demolished or merged: once a home, at the same place under another number.
    SELECT pno * 10 + 8, (906100000000 + pno)::VARCHAR, NULL, usrn, 8, NULL, saon,
        CASE WHEN regexp_matches(paon, '^[0-9]+$') THEN paon || 'B' ELSE 'Former ' || paon END,
        street, locality, postcode, ward_code, ward_name, lsoa_code, easting, northing, lat, lon,
            classification, false,
        getvariable('start') - 5000, getvariable('start') - 900 + pick('historic', pno, 1200)::INT
    FROM property WHERE NOT communal AND u('historic', pno) < 0.015
    UNION ALL
    SELECT pno * 10 + 6, (906200000000 + pno)::VARCHAR, NULL, usrn, 6, NULL, NULL, 'Plot ' || (pno % 40 + 1),
        street, locality, NULL, ward_code, ward_name, lsoa_code,
        easting + 30, northing + 30, lat, lon, 'PP', false,
            getvariable('start') + pick('provisional', pno, 600)::INT, NULL
    FROM property WHERE NOT communal AND u('provisional', pno) < 0.008
    UNION ALL
    -- The shell above the flats of one building.
    SELECT min(pno) * 10 + 2, parent_uprn, NULL, any_value(usrn), 1, NULL, NULL, any_value(paon),
        any_value(street), any_value(locality),
        any_value(postcode), any_value(ward_code), any_value(ward_name), any_value(lsoa_code), min(easting),
            min(northing), min(lat), min(lon), 'PP', false,
        getvariable('start') - 400 - pick('lpi/entry', min(pno), 6000)::INT, NULL
    FROM property WHERE parent_uprn IS NOT NULL GROUP BY parent_uprn
)
SELECT 'WX' || lpad(lpi_no::VARCHAR, 10, '0') AS lpi_key, uprn, parent_uprn, usrn, logical_status, organisation,
    saon, paon, street, locality, 'Westmarsh' AS town, postcode, ward_code, ward_name, lsoa_code,
    easting, northing, lat AS latitude, lon AS longitude, classification, council_owned, entry_date, end_date
FROM entry;
