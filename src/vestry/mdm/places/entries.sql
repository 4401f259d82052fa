-- What is searched of each entry of the gazetteer (`places_gazetteer`), as a document of the index: `json`.

CREATE OR REPLACE MACRO find_plain(text) AS
    trim(regexp_replace(regexp_replace(lower(strip_accents(coalesce(text, ''))), '[''’‘`´]', '', 'g'),
        '[^a-z0-9]+', ' ', 'g'));

-- 12 and 12a; b of FLAT B; g3.
CREATE OR REPLACE MACRO find_numbers(plain) AS regexp_extract_all(plain, '\b\d+[a-z]?\b|\b[a-z]\d*\b');

CREATE OR REPLACE MACRO find_words(plain) AS
    regexp_extract_all(plain, '\b[a-z]{2,}\b|\b[a-z]+\d[a-z\d]*\b|\b\d+(?:st|nd|rd|th)\b');

-- The first letter, and the first two, of each word: so many words begin alike that looking them up one by one is slow.
CREATE OR REPLACE MACRO find_beginnings(words) AS array_to_string(list_distinct(list_concat(
    list_transform(words, lambda w: w[1:1]), list_transform(words, lambda w: w[1:2]))), ' ');

CREATE OR REPLACE MACRO find_documents(entries) AS TABLE
    WITH read AS (
        SELECT *, find_plain(saon) AS unit, find_plain(paon) AS building, find_plain(street) AS road,
            lower(split_part(postcode, ' ', 1)) AS outward, lower(replace(postcode, ' ', '_')) AS code
        FROM query_table(entries)
    ),
    part AS (
        SELECT *, find_numbers(unit) AS unit_numbers, find_numbers(building) AS building_numbers,
            find_words(concat_ws(' ', find_plain(organisation), unit, building, road)) AS words,
            find_words(concat_ws(' ', find_plain(locality), find_plain(town))) AS area
        FROM read
    )
    SELECT to_json({
        'uprn': uprn,
        'hit': concat_ws(chr(9), uprn, address, coalesce(postcode, ''), logical_status),
        -- A street's name run together too: people leave the space out.
        'words': array_to_string(list_distinct(list_concat(words,
            CASE WHEN contains(road, ' ') THEN [replace(road, ' ', '')] ELSE [] END,
            CASE WHEN unit <> '' THEN ['flat'] ELSE [] END,
            CASE WHEN list_contains(words, 'st') THEN ['saint'] ELSE [] END)), ' '),
        'area': array_to_string(area, ' '),
        'words_begin': find_beginnings(CASE WHEN unit <> '' THEN list_append(words, 'flat') ELSE words END),
        'area_begin': find_beginnings(area),
        'unit': array_to_string(unit_numbers, ' '),
        'building': array_to_string(building_numbers, ' '),
        -- 12 of 12a, and a of it, for those who write FLAT A, 12.
        'base': array_to_string(list_transform(list_filter(building_numbers, lambda n: regexp_matches(n, '^\d+[a-z]$')),
            lambda n: n[:-2]), ' '),
        'kind': CASE WHEN unit = '' THEN 'whole' ELSE 'part' END,
        'outward': coalesce(outward, ''),
        'outward_begin': find_beginnings([regexp_extract(outward, '^[a-z]+')]),
        'code': coalesce(code, ''),
        'weight': CASE logical_status WHEN 1 THEN 1.0 WHEN 3 THEN 0.9 WHEN 6 THEN 0.7 ELSE 0.5 END
    })::VARCHAR AS json
    FROM part
    -- In the order in which a person would list them, which is how equals are found.
    ORDER BY town, road, try_cast(regexp_extract(building, '\d+') AS BIGINT) NULLS FIRST, building,
        try_cast(regexp_extract(unit, '\d+') AS BIGINT) NULLS FIRST, unit, uprn;
