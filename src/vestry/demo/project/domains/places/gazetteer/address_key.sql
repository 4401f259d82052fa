-- What a typed address may be written like, and the property that it means.
WITH entry AS (
    SELECT
        uprn, locality, postcode, address_key(address) AS line
    FROM places.gazetteer.address
    -- Not historic: a home that is gone is nobody's address. Not the building above its flats.
    WHERE logical_status IN (1, 3) AND classification <> 'PP'
),
way AS (
    SELECT line AS key, 'line' AS kind, uprn FROM entry
    UNION ALL
    SELECT line || ' ' || address_key(locality), 'line', uprn FROM entry
    UNION ALL
    SELECT postcode || ' ' || address_numbers(line), 'number', uprn FROM entry
)
SELECT key, any_value(kind) AS kind, any_value(uprn) AS uprn
FROM way
WHERE key IS NOT NULL
GROUP BY key
-- Two homes written alike: neither is meant for certain.
HAVING count(DISTINCT uprn) = 1
