-- The approved entry of each property.
SELECT
    uprn, parent_uprn, usrn, saon, paon, street, locality, town, address, postcode, ward_code, ward_name, lsoa_code,
    easting, northing, latitude, longitude, classification,
    starts_with(classification, 'RD') OR starts_with(classification, 'RH') AS is_home,
    council_owned
FROM places.gazetteer.address
WHERE logical_status = 1
-- The contract of `address` counts properties with two approved entries; the newer one is taken.
QUALIFY row_number() OVER (PARTITION BY uprn ORDER BY entry_date DESC, lpi_key) = 1
