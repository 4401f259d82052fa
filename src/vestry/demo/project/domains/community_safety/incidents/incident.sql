-- The police send a row for each person; here an incident is one row.
SELECT
    i.incident_ref,
    any_value(try_strptime(i.occurred, '%d/%m/%Y %H:%M')) AS occurred_at,
    any_value(tidy(i.offence))       AS offence,
    bool_or(i.da_flag = 'Y')         AS domestic_abuse,
    bool_or(i.asb_flag = 'Y')        AS anti_social,
    any_value(tidy(i.location))      AS location,
    any_value(w.ward_code)           AS ward_code,
    any_value(tidy(i.ward))          AS ward_name,
    count(DISTINCT i.nominal_ref)    AS people
FROM bronze.police.incident AS i
LEFT JOIN places.gazetteer.ward AS w ON w.ward_name = tidy(i.ward)
GROUP BY i.incident_ref
