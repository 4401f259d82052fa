-- What people's details become before they are compared. Each answers NULL where there is nothing to compare by.

-- Letters of any script in capitals, without accents; apostrophes vanish, other marks part words.
-- "O'Brien-Łukasz, Jr." is OBRIEN LUKASZ JR.
CREATE OR REPLACE MACRO plain(value) AS
    trim(regexp_replace(regexp_replace(upper(strip_accents(replace(replace(replace(translate(
        value, 'łŁøØđĐðÐıİ', 'lLoOdDdDiI'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'))),
        '[''’‘`´]', '', 'g'), '[^\p{L}]+', ' ', 'g'));

-- The words of a name, without titles, and without what only says that nobody knows it.
CREATE OR REPLACE MACRO name_words(value) AS
    list_filter(string_split(plain(coalesce(value, '')), ' '), lambda w: w NOT IN (
        '', 'FNU', 'LNU', 'REFUSED', 'WITHHELD', 'MR', 'MRS', 'MISS', 'MS', 'MX', 'DR', 'MASTER', 'REV', 'REVD', 'SIR', 'DAME', 'LADY', 'LORD', 'PROF', 'CLLR',
        'JR', 'JNR', 'SNR', 'ESQ', 'UNKNOWN', 'UNKWN', 'UNK', 'NK', 'KNOWN', 'NONE', 'NULL', 'NA', 'TBC', 'TBA', 'TEST',
        'BABY', 'INFANT', 'UNBORN', 'OCCUPIER', 'OCCUPANT', 'RESIDENT', 'ANON', 'ANONYMOUS', 'XXX', 'XXXX', 'DECEASED'));

-- A name by its sound, as far as spelling goes: MOHAMMED and MUHAMMAD are MMT, CATHERINE and KATHRYN are KTRN.
-- Letters that spellings of one sound exchange are one letter; of vowels, H, W and Y only the first letter counts.
CREATE OR REPLACE MACRO name_sound(word) AS (
    SELECT left(letters, 1) || replace(replace(replace(replace(replace(replace(replace(replace(replace(
        translate(substr(letters, 2), 'AHWY', ''),
        'FF', 'F'), 'KK', 'K'), 'LL', 'L'), 'MM', 'M'), 'NN', 'N'), 'PP', 'P'), 'RR', 'R'), 'SS', 'S'), 'TT', 'T')
    FROM (SELECT translate(replace(replace(replace(word, 'PH', 'F'), 'CK', 'K'), 'GH', ''),
                           'CQXZVDJGBEIOU', 'KKSSFTYKPAAAA') AS letters)
);

-- Digits only; a number that is too short, or one digit over and over, is none.
CREATE OR REPLACE MACRO telephone_key(value) AS list_transform(
    [regexp_replace(regexp_replace(value, '[^0-9+]', '', 'g'), '^(\+44|0044)0?', '0')],
    lambda digits: CASE WHEN length(digits) BETWEEN 9 AND 15 AND replace(substr(digits, 3), substr(digits, 3, 1), '') <> ''
           THEN digits END)[1];

CREATE OR REPLACE MACRO email_key(value) AS
    CASE WHEN regexp_full_match(lower(trim(value)), '[^@\s]+@[^@\s]+\.[a-z]{2,}')
         AND NOT regexp_matches(lower(trim(value)), '^(no|none|noemail|no\.email|unknown|test|noreply|na|n\.a)@')
    THEN lower(trim(value)) END;

-- A National Insurance number, without its suffix, which is often left out; administrative prefixes are no evidence.
CREATE OR REPLACE MACRO ni_key(value) AS list_transform(
    [ni_number(value)],
    lambda number: CASE WHEN left(number, 2) NOT IN ('OO', 'CR', 'FY', 'MW', 'NC', 'PP', 'PY', 'PZ')
           THEN left(number, 8) END)[1];

-- A postcode of the United Kingdom with its one space; another country's as its letters and digits.
CREATE OR REPLACE MACRO postcode_key(value) AS
    coalesce(postcode(value), nullif(regexp_replace(upper(value), '[^A-Z0-9]', '', 'g'), ''));

-- F or M, from what a box may hold.
CREATE OR REPLACE MACRO sex_key(value) AS
    CASE WHEN upper(trim(value::VARCHAR)) IN ('F', 'FEMALE', 'W', 'WOMAN', 'GIRL', '2') THEN 'F'
         WHEN upper(trim(value::VARCHAR)) IN ('M', 'MALE', 'MAN', 'BOY', '1') THEN 'M' END;

-- A day on which somebody may have been born, from a date or from text; one that only fills a box is none.
CREATE OR REPLACE MACRO birth_key(value) AS list_transform(
    [coalesce(try_cast(value AS DATE), uk_date(value::VARCHAR))],
    lambda day: CASE WHEN day > DATE '1901-01-01' AND day <= current_date THEN day END)[1];

-- The sex that a form of address tells of.
CREATE OR REPLACE MACRO title_sex(value) AS
    CASE WHEN regexp_matches(plain(value), '^(MR|MASTER|SIR|LORD)\b') THEN 'M'
         WHEN regexp_matches(plain(value), '^(MRS|MISS|MS|LADY|DAME)\b') THEN 'F' END;

-- A record's number in the index: of its table and key, the same on any machine and for ever.
CREATE OR REPLACE MACRO record_number(source, record_id) AS
    (md5_number_lower(source || chr(31) || record_id) >> 1)::BIGINT;

-- The same at a fraction of the cost, for as long as a run takes: DuckDB's next version may hash in another way.
CREATE OR REPLACE MACRO record_key(source, record_id) AS hash(source, record_id);
