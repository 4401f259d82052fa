-- One row a family, with what it is like on the day of the data.
SELECT
    family_id,
    count(*) FILTER (role = 'child')            AS children,
    count(*) FILTER (under_18)                  AS children_under_18,
    count(*) FILTER (role <> 'child')           AS adults,
    count(DISTINCT uprn)                        AS homes,
    min(person_id) FILTER (main_carer)          AS main_carer_id,
    any_value(uprn ORDER BY person_id) FILTER (main_carer) AS uprn
FROM people.families.family_member
GROUP BY family_id
