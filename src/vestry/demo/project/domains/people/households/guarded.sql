-- People of the index who are on no list: a record that is flagged is not in the index, and this is for what other
-- systems hold of the same person, such as a school that was never told. Found by what is exact: a number, a name and
-- a birthday, or two of name, birthday and home. Rather one too many than one too few.
WITH flagged AS (
    SELECT forename, surname, date_of_birth, nhs_number, upn, ni_number, uprn, telephone
    FROM childrens.social_care.person
    WHERE restricted
        OR person_id IN (SELECT person_id_before FROM childrens.social_care.identity_change)
        OR person_id IN (SELECT person_id_after FROM childrens.social_care.identity_change)
    UNION ALL
    SELECT forename, surname, date_of_birth, NULL, NULL, ni_number, uprn, telephone
    FROM housing.tenancies.person
    WHERE address_protected
),
every AS (
    SELECT NULL AS person_id, * FROM flagged
    UNION ALL BY NAME
    SELECT person_id, forename, surname, date_of_birth, nhs_number, upn, ni_number, uprn, telephone
    FROM people.index.person_record
),
named AS (
    SELECT *, name_key(split_part(forename, ' ', 1)) AS given, name_key(surname) AS family FROM every
),
clue AS (
    SELECT
        person_id,
        unnest([
            'NHS number ' || nhs_number, 'UPN ' || upn, 'NI number ' || ni_number,
            'name and birthday ' || given || ' ' || family || ' ' || date_of_birth,
            'name and home ' || given || ' ' || family || ' ' || uprn,
            'given name, birthday and home ' || given || ' ' || date_of_birth || ' ' || uprn,
            'family name, birthday and home ' || family || ' ' || date_of_birth || ' ' || uprn,
            'telephone and given name ' || telephone || ' ' || given
        ]) AS clue
    FROM named
)
SELECT DISTINCT k.person_id
FROM clue AS k
JOIN clue AS f ON f.clue = k.clue AND f.person_id IS NULL
WHERE k.person_id IS NOT NULL
