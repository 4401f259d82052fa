-- Functions for the SQL of products, for what councils' text really holds.
-- Each answers NULL where the text cannot be read, so that a quality rule can count it.
-- What is said of a value once it is tidied is a lambda over a list of that one value. A subquery would be a join,
-- which is worth it only where few values come again and again, as days do.

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
-- 24.12.10, 24th Sept 2010, 2010-12-24, 20101224, with or without a time after it, and the day numbers of a
-- spreadsheet (40536).  31/02/2020 is no day: NULL.
CREATE OR REPLACE MACRO uk_date(text) AS (
    SELECT coalesce(
        CASE WHEN regexp_full_match(day, '[2-6]\d{4}') THEN DATE '1899-12-30' + day::INTEGER END,
        CASE WHEN regexp_matches(day, '^\d{4}') THEN try_strptime(day, ['%Y-%m-%d', '%Y/%m/%d', '%Y%m%d'])::DATE END,
        CASE WHEN regexp_full_match(day, '\d{1,2}[^0-9]\d{1,2}[^0-9]\d{4}|\d{1,2}[^0-9A-Za-z][A-Za-z]{3,9}[^0-9A-Za-z]\d{4}|\d{1,2}[A-Za-z]{3}\d{4}')
             THEN try_strptime(day, ['%d/%m/%Y', '%d-%m-%Y', '%d.%m.%Y', '%d %m %Y', '%d-%b-%Y', '%d %b %Y', '%d/%b/%Y', '%d%b%Y', '%d-%B-%Y', '%d %B %Y'])
             ELSE try_strptime(day, ['%d/%m/%y', '%d-%m-%y', '%d.%m.%y', '%d %m %y', '%d-%b-%y', '%d %b %y', '%d/%b/%y', '%d-%B-%y', '%d %B %y'])
        END::DATE)
    FROM (SELECT regexp_replace(regexp_replace(regexp_replace(trim(text),
        '[T ]\d{1,2}:\d{2}.*$', ''), '^(\d{1,2})(st|nd|rd|th)\b', '\1'), '(?i)\bsept\b', 'Sep') AS day)
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

-- An NHS number of ten digits; NULL where its check digit does not hold, or all digits are one.
CREATE OR REPLACE MACRO nhs_number(text) AS list_transform(
    [CASE WHEN regexp_full_match(regexp_replace(text, '[\s-]', '', 'g'), '\d{10}')
                 THEN regexp_replace(text, '[\s-]', '', 'g') END],
    lambda n: CASE WHEN replace(n, left(n, 1), '') <> '' AND (11 - (
            10 * try_cast(substr(n, 1, 1) AS INT) + 9 * try_cast(substr(n, 2, 1) AS INT) + 8 * try_cast(substr(n, 3, 1) AS INT) + 7 * try_cast(substr(n, 4, 1) AS INT)
          + 6 * try_cast(substr(n, 5, 1) AS INT) + 5 * try_cast(substr(n, 6, 1) AS INT) + 4 * try_cast(substr(n, 7, 1) AS INT) + 3 * try_cast(substr(n, 8, 1) AS INT)
          + 2 * try_cast(substr(n, 9, 1) AS INT)) % 11) % 11 = try_cast(substr(n, 10, 1) AS INT) THEN n END)[1];

-- A National Insurance number without spaces, with or without its suffix; NULL where its prefix is never given.
CREATE OR REPLACE MACRO ni_number(text) AS list_transform(
    [regexp_replace(upper(text), '[^A-Z0-9]', '', 'g')],
    lambda n: CASE WHEN regexp_full_match(n, '[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]?')
           AND left(n, 2) NOT IN ('BG', 'GB', 'KN', 'NK', 'NT', 'TN', 'ZZ')
           AND replace(substr(n, 3, 6), substr(n, 3, 1), '') <> ''
           THEN n END)[1];

-- A Unique Pupil Number; NULL where its check letter does not hold, and of temporary ones, which end in a letter.
CREATE OR REPLACE MACRO upn(text) AS list_transform(
    [regexp_replace(upper(text), '[^A-Z0-9]', '', 'g')],
    lambda n: CASE WHEN regexp_full_match(n, '[A-HJ-NP-RT-Z]\d{12}') AND substr('ABCDEFGHJKLMNPQRTUVWXYZ', 1 + (
            2 * try_cast(substr(n, 2, 1) AS INT) + 3 * try_cast(substr(n, 3, 1) AS INT) + 4 * try_cast(substr(n, 4, 1) AS INT) + 5 * try_cast(substr(n, 5, 1) AS INT)
          + 6 * try_cast(substr(n, 6, 1) AS INT) + 7 * try_cast(substr(n, 7, 1) AS INT) + 8 * try_cast(substr(n, 8, 1) AS INT) + 9 * try_cast(substr(n, 9, 1) AS INT)
          + 10 * try_cast(substr(n, 10, 1) AS INT) + 11 * try_cast(substr(n, 11, 1) AS INT) + 12 * try_cast(substr(n, 12, 1) AS INT)
          + 13 * try_cast(substr(n, 13, 1) AS INT)) % 23, 1) = left(n, 1) THEN n END)[1];

-- Names and addresses as keys of an exact join: what differs only in case, accents, spaces and punctuation is one.
-- O'Brien, OBRIEN and O Brien are OBRIEN; Łucja is LUCJA.
CREATE OR REPLACE MACRO name_key(text) AS
    nullif(regexp_replace(upper(strip_accents(translate(text, 'łŁøØđĐ', 'lLoOdD'))), '[^A-Z]', '', 'g'), '');

-- An address on one line: 'Granary House, Orchard Sq. (Flat 11)' and 'FLT 11 Granary House, Orchard Square' are
-- FLAT 11 GRANARY HOUSE ORCHARD SQUARE. A postcode at the end is left out; the town is for the caller to leave out.
CREATE OR REPLACE MACRO address_key(text) AS (
    SELECT nullif(trim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        regexp_replace(line,
            '\b(FLT|APT|APARTMENT)\b', 'FLAT', 'g'),
            '\bRD\b', 'ROAD', 'g'),
            -- St at the end of a name is a street, before one it is a saint.
            '\bST\.?\s*(,|$)', 'STREET\1', 'g'),
            '\bAVE?\b', 'AVENUE', 'g'),
            '\bSQ\b', 'SQUARE', 'g'),
            '''', '', 'g'),
            '[^A-Z0-9]+', ' ', 'g')), '')
    FROM (SELECT regexp_replace(regexp_replace(upper(strip_accents(text)),
        '[\s,]+[A-Z]{1,2}\d[A-Z0-9]? ?\d[A-Z]{2}\s*$', ''),
        '^(.*?)[\s,]*\(((?:FLAT|FLT|APARTMENT|APT|UNIT) [A-Z0-9]+)\)$', '\2, \1') AS line)
);

-- The numbers of such a key, flat first: with the postcode they tell a home even where its street is misspelt.
CREATE OR REPLACE MACRO address_numbers(key) AS
    nullif(array_to_string(regexp_extract_all(key, '\bFLAT [A-Z0-9]+\b|\b\d+[A-Z]?\b'), ' '), '');
