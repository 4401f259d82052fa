CREATE TEMP TABLE cell AS
SELECT a.e, a.n, a.lat AS lat_00, a.lon AS lon_00, b.lat AS lat_10, b.lon AS lon_10, c.lat AS lat_01, c.lon AS lon_01,
       d.lat AS lat_11, d.lon AS lon_11
FROM corner a JOIN corner b ON b.e = a.e + 1 AND b.n = a.n JOIN corner c ON c.e = a.e AND c.n = a.n + 1
JOIN corner d ON d.e = a.e + 1 AND d.n = a.n + 1;

CREATE OR REPLACE TABLE property AS
SELECT p.*,
    round((lat_00 * (1 - x) + lat_10 * x) * (1 - y) + (lat_01 * (1 - x) + lat_11 * x) * y, 6) AS lat,
    round((lon_00 * (1 - x) + lon_10 * x) * (1 - y) + (lon_01 * (1 - x) + lon_11 * x) * y, 6) AS lon
FROM (SELECT *, easting / 1000 - floor(easting / 1000) AS x,
    northing / 1000 - floor(northing / 1000) AS y FROM property) p
JOIN cell c ON c.e = floor(p.easting / 1000)::BIGINT AND c.n = floor(p.northing / 1000)::BIGINT;
ALTER TABLE property DROP COLUMN x;
ALTER TABLE property DROP COLUMN y;

