-- The contacts of pupils who are their mother or father: one box holds title, given names and family name.
WITH contact AS (
    SELECT *, 1 AS place, contact_1 AS written, contact_1_relationship AS relationship
    FROM education.schools.pupil
    UNION ALL
    SELECT *, 2, contact_2, contact_2_relationship
    FROM education.schools.pupil
),
titled AS (
    SELECT
        *,
        nullif(regexp_extract(written, '^((?i:mrs|mr|miss|ms|mx|dr|rev|prof|sir|lady|master)\b)\.?\s*', 1),
            '') AS title,
        tidy(regexp_replace(written, '^(?i:mrs|mr|miss|ms|mx|dr|rev|prof|sir|lady|master)\b\.?\s*', ''))  AS bare
    FROM contact
    WHERE written IS NOT NULL
),
-- Where the name ends as the pupil's does, that is the family name, be it one word or two; else the last word is.
named AS (
    SELECT
        *,
        CASE
            WHEN surname <> '' AND ends_with(upper(bare), ' ' || upper(surname)) THEN right(bare, length(surname))
            ELSE regexp_extract(bare, '\S+$')
        END AS family_name
    FROM titled
)
SELECT
    pupil_id || '/' || place AS parent_id,
    pupil_id,
    relationship,
    title,
    tidy(left(bare, length(bare) - length(family_name))) AS forename,
    family_name                                           AS surname,
    CASE relationship WHEN 'mother' THEN 'F' WHEN 'father' THEN 'M' END AS sex,
    uprn, address, postcode, first_seen_on, last_seen_on
FROM named
