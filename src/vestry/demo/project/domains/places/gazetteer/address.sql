-- Every entry of the gazetteer, typed.
SELECT
    lpi_key,
    uprn(uprn)                       AS uprn,
    uprn(parent_uprn)                AS parent_uprn,
    tidy(usrn)                       AS usrn,
    try_cast(logical_status AS BIGINT) AS logical_status,
    CASE tidy(logical_status)
        WHEN '1' THEN 'approved' WHEN '3' THEN 'alternative'
        WHEN '6' THEN 'provisional' WHEN '8' THEN 'historic'
    END                              AS status,
    tidy(organisation)               AS organisation,
    tidy(saon)                       AS saon,
    tidy(paon)                       AS paon,
    tidy(street)                     AS street,
    tidy(locality)                   AS locality,
    tidy(town)                       AS town,
    postcode(postcode)               AS postcode,
    -- A number stands before its street without a comma; a name does not.
    concat_ws(', ', tidy(saon), CASE
        WHEN regexp_matches(paon, '^[0-9]') THEN tidy(paon) || ' ' || tidy(street)
        ELSE concat_ws(', ', tidy(paon), tidy(street))
    END)                             AS address,
    tidy(ward_code)                  AS ward_code,
    tidy(ward_name)                  AS ward_name,
    tidy(lsoa_code)                  AS lsoa_code,
    try_cast(easting AS DOUBLE)      AS easting,
    try_cast(northing AS DOUBLE)     AS northing,
    try_cast(latitude AS DOUBLE)     AS latitude,
    try_cast(longitude AS DOUBLE)    AS longitude,
    tidy(classification)             AS classification,
    try_cast(council_owned AS BOOLEAN) AS council_owned,
    uk_date(entry_date)              AS entry_date,
    uk_date(end_date)                AS end_date
FROM bronze.gazetteer.address
