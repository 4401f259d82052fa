-- Tenancies, with the UPRN of their home.
SELECT
    t.tenancy_ref,
    t.property_ref,
    p.uprn,
    CASE t.tenancy_type
        WHEN 'INTRO' THEN 'introductory' WHEN 'SECURE' THEN 'secure' WHEN 'FLEX' THEN 'flexible'
        ELSE t.tenancy_type
    END                             AS tenancy_type,
    uk_date(t.start_date)           AS started_on,
    uk_date(t.end_date)             AS ended_on,
    lower(tidy(t.end_reason))       AS end_reason,
    t.weekly_rent::DECIMAL(18, 2)   AS weekly_rent,
    t.balance::DECIMAL(18, 2)       AS arrears,
    uk_date(t.notice_served)        AS notice_served_on
FROM bronze.northgate.tenancy AS t
LEFT JOIN housing.tenancies.property AS p USING (property_ref)
