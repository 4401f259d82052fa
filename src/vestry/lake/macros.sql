-- Functions for the SQL of products, for what councils' text really holds.
-- Each answers NULL where the text cannot be read, so that a quality rule can count it.

-- 'text' without the spaces around it and with single ones inside; NULL when nothing is left.
CREATE OR REPLACE MACRO tidy(text) AS
    nullif(trim(regexp_replace(text, '[\s\x{00A0}]+', ' ', 'g')), '');

-- Money as people write it: £1,234.50  (12.00)  1,234.50-  -£3  12.5 CR  ->  DECIMAL(18,2).
CREATE OR REPLACE MACRO money(text) AS
    CASE WHEN regexp_full_match(
             regexp_replace(upper(text), '[\s\x{00A0}£,]|GBP', '', 'g'),
             '[-+]?\d*\.?\d+|[-+]?\d+\.|\(\d*\.?\d+\)|\d*\.?\d+(-|CR|DR)')
        THEN CASE WHEN regexp_matches(upper(text), '[-(]|CR\s*$') THEN -1 ELSE 1 END
             * try_cast(regexp_replace(text, '[^0-9.]', '', 'g') AS DECIMAL(18,2))
        -- What a spreadsheet makes of a large number: 1.2E+05.
        WHEN regexp_full_match(trim(text), '-?\d+(\.\d+)?[eE][+]?\d{1,2}') THEN try_cast(trim(text) AS DOUBLE)
    END::DECIMAL(18,2);

-- A day as British people and their systems write it: 24/12/2010, 24-Dec-10, 24 December 2010,
-- 24.12.10, 2010-12-24, 20101224, with or without a time after it.  31/02/2020 is no day: NULL.
CREATE OR REPLACE MACRO uk_date(text) AS (
    SELECT coalesce(
        CASE WHEN regexp_matches(day, '^\d{4}') THEN try_strptime(day, ['%Y-%m-%d', '%Y/%m/%d', '%Y%m%d'])::DATE END,
        CASE WHEN regexp_full_match(day, '\d{1,2}[^0-9]\d{1,2}[^0-9]\d{4}|\d{1,2}[^0-9A-Za-z][A-Za-z]{3,9}[^0-9A-Za-z]\d{4}|\d{1,2}[A-Za-z]{3}\d{4}')
             THEN try_strptime(day, ['%d/%m/%Y', '%d-%m-%Y', '%d.%m.%Y', '%d %m %Y', '%d-%b-%Y', '%d %b %Y', '%d/%b/%Y', '%d%b%Y', '%d-%B-%Y', '%d %B %Y'])
             ELSE try_strptime(day, ['%d/%m/%y', '%d-%m-%y', '%d.%m.%y', '%d %m %y', '%d-%b-%y', '%d %b %y', '%d/%b/%y', '%d-%B-%y', '%d %B %y'])
        END::DATE)
    FROM (SELECT regexp_replace(trim(text), '[T ]\d{1,2}:\d{2}.*$', '') AS day)
);

-- A postcode in upper case with one space; NULL when it does not look like one.
CREATE OR REPLACE MACRO postcode(text) AS
    CASE WHEN regexp_full_match(regexp_replace(upper(text), '[^A-Z0-9]', '', 'g'), '[A-Z]{1,2}\d[A-Z0-9]?\d[A-Z]{2}')
        THEN regexp_replace(regexp_replace(upper(text), '[^A-Z0-9]', '', 'g'), '(\d[A-Z]{2})$', ' \1')
    END;

-- A UPRN as text of digits without leading zeros; NULL when it is none.
CREATE OR REPLACE MACRO uprn(text) AS
    CASE WHEN regexp_full_match(trim(text::VARCHAR), '0*[1-9]\d{0,11}(\.0)?')
        THEN ltrim(regexp_replace(trim(text::VARCHAR), '\.0$', ''), '0')
    END;
