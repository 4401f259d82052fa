-- Three contractors, one table. Each says the same in a way of its own; from `job` on they are alike.
WITH fixwell AS (
    SELECT
        'Fixwell'                   AS contractor,
        tidy(job_ref)               AS job_ref,
        uprn(uprn)                  AS uprn_given,
        tidy(address)               AS address,
        postcode(postcode)          AS postcode,
        CASE trade
            WHEN 'PLUMB' THEN 'plumbing' WHEN 'CARP' THEN 'carpentry' WHEN 'ROOF' THEN 'roofing'
            WHEN 'DAMP' THEN 'damp' WHEN 'GLAZ' THEN 'glazing' ELSE lower(tidy(trade))
        END                         AS trade,
        lower(tidy(priority))       AS priority,
        tidy(description)           AS description,
        uk_date(raised)             AS reported_on,
        uk_date(completed)          AS completed_on,
        CASE status WHEN 'Completed' THEN 'completed' WHEN 'WIP' THEN 'in progress' ELSE lower(tidy(status)) END AS status,
        money(value)                AS cost,
        NULL::BOOLEAN               AS vat_included,
        _source                     AS source_file,
        _row
    FROM bronze.repairs.fixwell
),
brightspark AS (
    SELECT
        'BrightSpark',
        tidy(job_ref),
        uprn(uprn),
        tidy(address),
        postcode(postcode),
        -- The code is the trade and the priority: E1 is an electrical emergency.
        CASE left(code, 1) WHEN 'E' THEN 'electrical' WHEN 'H' THEN 'heating' ELSE lower(tidy(code)) END,
        CASE right(code, 1) WHEN '1' THEN 'emergency' WHEN '2' THEN 'urgent' WHEN '3' THEN 'routine' END,
        tidy(description),
        uk_date(raised),
        uk_date(completed),
        -- The workbook is of work that was invoiced; what is neither done nor priced still goes on.
        CASE WHEN completed IS NULL AND labour IS NULL THEN 'in progress' ELSE 'completed' END,
        money(labour) + coalesce(money(materials), 0),
        false,
        _source,
        _row
    FROM bronze.repairs.brightspark
),
mendit AS (
    SELECT
        'Mendit',
        tidy(job_ref),
        uprn(uprn),
        tidy(address),
        postcode(regexp_extract(address, '[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}$')),
        CASE code
            WHEN 'PL' THEN 'plumbing' WHEN 'CA' THEN 'carpentry' WHEN 'RF' THEN 'roofing'
            WHEN 'DM' THEN 'damp' WHEN 'GL' THEN 'glazing' ELSE lower(tidy(code))
        END,
        NULL,
        tidy(notes),
        uk_date(reported),
        uk_date(completed),
        CASE WHEN completed IS NULL AND coalesce(cost, net) IS NULL THEN 'in progress' ELSE 'completed' END,
        -- Until VAT came apart, the cost held it.
        coalesce(money(cost), money(net) + coalesce(money(vat), 0)),
        true,
        _source,
        _row
    FROM bronze.repairs.mendit
),
job AS (
    SELECT
        *,
        -- From the town on there is nothing that the gazetteer's line has.
        address_key(regexp_replace(address, ', Westmarsh\b.*$', '')) AS line
    FROM (SELECT * FROM fixwell UNION ALL SELECT * FROM brightspark UNION ALL SELECT * FROM mendit)
    -- A job that was exported twice, or that was completed later, as it was told last.
    QUALIFY row_number() OVER (
        PARTITION BY contractor, job_ref ORDER BY completed_on DESC NULLS LAST, source_file DESC, _row DESC
    ) = 1
)
SELECT
    j.contractor,
    j.job_ref,
    -- The operative picks the neighbour from a list more easily than he types the neighbour's address.
    coalesce(by_line.uprn, j.uprn_given, by_number.uprn) AS uprn,
    j.uprn_given,
    CASE
        WHEN by_line.uprn = j.uprn_given THEN 'both'
        WHEN by_line.uprn IS NOT NULL THEN 'address'
        WHEN j.uprn_given IS NOT NULL THEN 'given'
        WHEN by_number.uprn IS NOT NULL THEN 'number'
    END AS uprn_found_by,
    j.address, j.postcode, j.trade, j.priority, j.description,
    j.reported_on, j.completed_on, j.status, j.cost, j.vat_included, j.source_file
FROM job AS j
LEFT JOIN places.gazetteer.address_key AS by_line ON by_line.key = j.line AND by_line.kind = 'line'
LEFT JOIN places.gazetteer.address_key AS by_number
    ON by_number.key = j.postcode || ' ' || address_numbers(j.line) AND by_number.kind = 'number'
