-- Homes with the UPRN of their address; a UPRN that was picked wrongly gives way to the address.
WITH home AS (
    SELECT
        *,
        uprn(uprn)         AS uprn_given,
        postcode(postcode) AS code,
        concat_ws(', ', tidy(flat), CASE
            WHEN regexp_matches(building, '^[0-9]') THEN tidy(building) || ' ' || tidy(street)
            ELSE concat_ws(', ', tidy(building), tidy(street))
        END)               AS line
    FROM bronze.northgate.property
),
found AS (
    SELECT
        home.*,
        coalesce(by_line.uprn, home.uprn_given, by_number.uprn) AS uprn_found,
        CASE
            WHEN by_line.uprn = home.uprn_given THEN 'both'
            WHEN by_line.uprn IS NOT NULL THEN 'address'
            WHEN home.uprn_given IS NOT NULL THEN 'given'
            WHEN by_number.uprn IS NOT NULL THEN 'number'
        END AS uprn_found_by
    FROM home
    LEFT JOIN places.gazetteer.address_key AS by_line
        ON by_line.key = address_key(home.line) AND by_line.kind = 'line'
    LEFT JOIN places.gazetteer.address_key AS by_number
        ON by_number.key = home.code || ' ' || address_numbers(address_key(home.line)) AND by_number.kind = 'number'
)
SELECT
    f.property_ref,
    f.uprn_found           AS uprn,
    f.uprn_given,
    f.uprn_found_by,
    f.line                 AS address,
    f.code                 AS postcode,
    p.ward_code,
    CASE f.property_type
        WHEN 'FLAT' THEN 'flat' WHEN 'HOUS' THEN 'house' WHEN 'HOUT' THEN 'terraced house' WHEN 'SHEL' THEN 'sheltered'
        ELSE f.property_type
    END                    AS property_type,
    f.bedrooms,
    f.sheltered = 'Y'      AS sheltered,
    CASE f.status WHEN 'OCC' THEN 'occupied' WHEN 'VOID' THEN 'void' ELSE f.status END AS status
FROM found AS f
LEFT JOIN places.gazetteer.property AS p ON p.uprn = f.uprn_found
