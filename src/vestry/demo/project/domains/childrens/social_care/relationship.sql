-- Who is whose mother, father or sibling.
SELECT DISTINCT
    person_id, related_person_id,
    lower(tidy(relationship)) AS relationship,
    uk_date(from_date)        AS from_date
FROM bronze.liquidlogic.relationship
