-- What addresses become before they are compared, and when two may be of one home.

-- FLAT 2 before the building, where it is written after it; THE FLAT and FIRST FLOOR FLAT stay as they are.
CREATE OR REPLACE MACRO place_flat_first(words) AS
    CASE WHEN regexp_matches(words, '\b(THE|FLOOR|FLR|BASEMENT|GROUND|FIRST|SECOND|THIRD|FOURTH|TOP|UPPER|LOWER|MIDDLE|GARDEN|ATTIC|FRONT|REAR) (FLAT|FLT|APARTMENT|APT|UNIT|ROOM)\b')
         THEN words
         ELSE regexp_replace(words, '^(.+?) ((?:FLAT|FLT|APARTMENT|APT|UNIT|ROOM) (?:\d+[A-Z]?|[A-Z]\d*))((?: .*)?)$', '\2 \1\3')
    END;

-- Capitals, single spaces, no punctuation, the flat first; a postcode at the end is left out.
-- 'Heron Tower (Flat 2), River Walk, TH1 2AB' is FLAT 2 HERON TOWER RIVER WALK; N.F.A. is NFA.
CREATE OR REPLACE MACRO place_words(text) AS place_flat_first(
    trim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        upper(strip_accents(coalesce(text, ''))),
        '[\s,]+[A-Z]{1,2}\d[A-Z0-9]?\s*\d[A-Z]{2}\s*$', ''),
        '\b([A-Z])\.', '\1', 'g'),
        '[''’‘`´]', '', 'g'),
        '[^A-Z0-9]+', ' ', 'g')));

-- Such words with their usual abbreviations written out, for exact joins. ST at the end is a street, elsewhere a saint.
CREATE OR REPLACE MACRO place_key(words) AS
    regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        regexp_replace(regexp_replace(regexp_replace(words,
            '\b(FLT|APT|APARTMENT|APPT|APTMT) ', 'FLAT ', 'g'),
            '\bRD\b', 'ROAD', 'g'), '\b(AVE|AV)\b', 'AVENUE', 'g'), '\bSQ\b', 'SQUARE', 'g'),
            '\b(CRES|CR)\b', 'CRESCENT', 'g'), '\b(CL|CLS)\b', 'CLOSE', 'g'), '\b(GDNS|GDN)\b', 'GARDENS', 'g'),
            '\bTERR?\b', 'TERRACE', 'g'), '\b(\d+) ([A-Z]) ', '\1\2 ', 'g'), ' (ST|STR)$', ' STREET');

-- The postcode at the end of a text that has no field for it.
CREATE OR REPLACE MACRO place_postcode(text) AS
    postcode(nullif(regexp_extract(upper(text), '(?:^|[\s,])([A-Z]{1,2}\d[A-Z0-9]?\s*\d[A-Z]{2})\s*$', 1), ''));

-- What tells homes of one street apart, in the order in which it is written: numbers, the letter of a flat, the floor.
-- FIRST FLOOR FLAT 12A HIGH STREET is [FIRST, 12A]; FLAT B 7 QUAY is [B, 7]; 3RD FLOOR is THIRD.
CREATE OR REPLACE MACRO place_marks(words) AS
    list_transform(
        regexp_extract_all(
            regexp_replace(regexp_replace(regexp_replace(words,
                '\b1ST\b', 'FIRST', 'g'), '\b2ND\b', 'SECOND', 'g'), '\b3RD\b', 'THIRD', 'g'),
            '\b(?:BASEMENT|LOWER GROUND|GROUND|FIRST|SECOND|THIRD|FOURTH|FIFTH|SIXTH|TOP|UPPER|LOWER|MIDDLE|GARDEN|ATTIC|FRONT|REAR|LEFT|RIGHT|HALL) (?:FLOOR|FLR|FLAT|FLT)\b'
            || '|\b(?:FLAT|FLT|APARTMENT|APARTMENTS|APT|UNIT|ROOM|RM|STUDIO|SUITE|BEDSIT|MAISONETTE) [A-Z]\b'
            || '|^[A-Z]\b|\b\d+ ?[A-Z]?\b|\b[A-Z]\d+\b'),
        lambda m: regexp_replace(regexp_replace(replace(m, ' ', '_'),
            '_(FLOOR|FLR|FLAT|FLT)$', ''), '^(FLAT|FLT|APARTMENTS?|APT|UNIT|ROOM|RM|STUDIO|SUITE|BEDSIT|MAISONETTE)_|_', ''));

-- Does it say that it is a part of a building?
CREATE OR REPLACE MACRO place_is_unit(words) AS
    regexp_matches(words,
        '\b(FLAT|FLT|APARTMENTS?|APT|UNIT|ROOM|RM|STUDIO|SUITE|BEDSIT|MAISONETTE|ANNEXE?|FLOOR|FLR)\b');

-- May what is written (`said`) be the home of an entry (`home`), by what tells homes apart? The entry's marks must all
-- be written, the first of them first. More may be written only where the entry is a part of a building: the number
-- of the building, or a floor. A flat is never the house, a house never one of its flats.
CREATE OR REPLACE MACRO place_marks_agree(said_marks, said_is_unit, home_marks, home_is_unit) AS
    list_has_all(said_marks, home_marks)
    AND (len(home_marks) = 0 OR said_marks[1] = home_marks[1])
    AND (len(said_marks) = len(home_marks) OR home_is_unit)
    AND (home_is_unit OR NOT said_is_unit);

-- The words of a street's or building's name that say which it is: HIGH of HIGH STREET, CURLEW of CURLEW COURT.
CREATE OR REPLACE MACRO place_name_words(name) AS
    CASE WHEN len(string_split(place_words(name), ' ')) > 1
         THEN list_filter(string_split(place_words(name), ' ')[:-2], lambda w: w <> 'THE')
         ELSE list_filter([place_words(name)], lambda w: w <> '') END;

-- Are these words in a text, give or take one typing error in each, or run together? At least half of them must be.
CREATE OR REPLACE MACRO place_names_it(words, names) AS
    len(names) > 0 AND (
        2 * len(list_filter(names, lambda n: list_any_value(list_filter(string_split(words, ' '),
            lambda w: w = n OR (length(n) >= 4 AND damerau_levenshtein(w, n) <= CASE WHEN length(n) >= 8 THEN 2 ELSE 1 END)))
            IS NOT NULL)) >= len(names)
        OR contains(replace(words, ' ', ''), array_to_string(names, '')));

-- Texts that fill the box of an address and are none.
CREATE OR REPLACE MACRO place_is_none(words) AS
    NOT regexp_matches(words, '[A-Z]{2}')
    OR regexp_matches(words, '^((OF )?NO FIXED (ABODE|ADDRESS|ABOAD)|NFA)\b')
    OR regexp_matches(words, '^(C O|CARE OF)\b.*\b(COUNCIL|SOCIAL (SERVICES|CARE|WORK)|CIVIC|TOWN HALL|HOUSING (OFFICE|OPTIONS|TEAM)|CHILDRENS SERVICES|PROBATION|JOB ?CENTRE)\b')
    OR regexp_full_match(words,
        '(ADDRESS |CURRENT ADDRESS |HOME ADDRESS )?(IS )?(UNKNOWN|NOT KNOWN|UNK|N K|NK|NOT (STATED|GIVEN|PROVIDED|RECORDED|AVAILABLE|APPLICABLE|DISCLOSED|SUPPLIED)|N A|NA|NONE|NIL|NULL|TBC|TBA|TO BE CONFIRMED|REFUSED|WITHHELD|CONFIDENTIAL|PROTECTED|HIDDEN)( ADDRESS)?')
    OR regexp_full_match(words,
        '(NO ADDRESS( (GIVEN|KNOWN|HELD|RECORDED))?|HOMELESS|ROUGH SLEEP(ER|ING)|SOFA SURF(ER|ING)|SAME|AS ABOVE|SAME AS ABOVE|SEE NOTES?|GONE AWAY|MOVED( AWAY| OUT)?|LEFT (THE )?(AREA|COUNTRY|UK)|ABROAD|OVERSEAS|DECEASED|TEST( ADDRESS)?|ADDRESS|PRISON|HMP|HOSPITAL|TRAVELLER|X+|ANON(YMOUS)?)');
