-- The wards' outlines come as GeoJSON features.
SELECT
    properties ->> 'ward_code' AS ward_code,
    properties ->> 'ward_name' AS ward_name,
    geometry                   AS outline
FROM bronze.gazetteer.ward
