-- Contacts about a child, before any decision.
SELECT
    contact_id,
    person_id,
    uk_date(contact_date) AS contacted_on,
    source_code,
    lower(tidy(source))   AS source,
    lower(tidy(outcome))  AS outcome
FROM bronze.liquidlogic.contact
