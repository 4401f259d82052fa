-- Who is on which tenancy.
SELECT
    tenancy_ref,
    person_ref,
    uk_date(from_date) AS from_date,
    uk_date(to_date)   AS to_date,
    CASE role WHEN 'MAIN' THEN 'tenant' WHEN 'JOINT' THEN 'joint tenant' WHEN 'OCC' THEN 'occupant' ELSE role END AS role,
    lower(tidy(relationship)) AS relationship
FROM bronze.northgate.tenancy_person
