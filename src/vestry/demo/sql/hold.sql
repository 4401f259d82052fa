-- What a system holds on people. In: `hold` (record_id, pid, entered, refreshed, pno): a record opened on a day,
-- last brought up to date on another, at a home of its own (`pno`) or else wherever the person was thought to live.
-- Out: `held`, the same records with the faults of that system's rows in faults.csv, and the list of faults
-- that changed something. The rates come as one row; a fault is drawn for each record by its own question.

CREATE OR REPLACE TEMP TABLE known AS
WITH flagged AS (
    SELECT h.*, hash(pair(getvariable('system'), h.record_id)) AS k,
        u('stale_surname', pair(getvariable('system'), h.record_id)) < r.stale_surname AS stale_surname,
        u('stale_address', pair(getvariable('system'), h.record_id)) < r.stale_address AS stale_address
    FROM hold h, rates r
),
dated AS (
    SELECT *, CASE WHEN stale_surname THEN entered ELSE refreshed END AS name_day,
        CASE WHEN stale_address THEN entered ELSE refreshed END AS address_day
    FROM flagged
),
sited AS (
    SELECT d.*, coalesce(d.pno, s.pno) AS site, n.surname AS name_then
    FROM dated d
    ASOF LEFT JOIN stay s ON s.pid = d.pid AND s.from_day <= d.address_day
    ASOF LEFT JOIN person_name n ON n.pid = d.pid AND n.from_day <= d.name_day
),
latest AS (
    SELECT d.record_id, s.pno AS site_now, n.surname AS name_now
    FROM dated d
    ASOF LEFT JOIN stay s ON s.pid = d.pid AND s.from_day <= d.refreshed
    ASOF LEFT JOIN person_name n ON n.pid = d.pid AND n.from_day <= d.refreshed
),
first_home AS (
    -- Known to the system before they had a home here: the first one is the address.
    SELECT pid, arg_min(pno, from_day) AS pno FROM stay GROUP BY pid
)
SELECT s.* EXCLUDE (pno, site, stale_surname, stale_address), coalesce(s.site, f.pno) AS pno,
    s.stale_surname AND s.name_then IS DISTINCT FROM l.name_now AS stale_surname,
    s.stale_address AND s.pno IS NULL AND s.site IS DISTINCT FROM l.site_now AS stale_address
FROM sited s JOIN latest l USING (record_id) JOIN first_home f USING (pid);

CREATE OR REPLACE TEMP TABLE slipping AS
SELECT n.record_id, n.pid, n.k, n.pno, n.entered, n.refreshed, n.stale_surname, n.stale_address,
    p.sex AS true_sex, p.dob AS true_dob, p.middle_names AS true_middle, p.tradition, p.forename AS true_forename,
    -- One name only: it stands in the surname's box, and something must be in the other.
    CASE WHEN n.name_then IS NULL THEN p.forename ELSE n.name_then END AS true_surname,
        n.name_then IS NULL AS single_name,
    p.nino AS true_nino, p.nhs_number AS true_nhs, CASE WHEN n.refreshed >= w.on_day THEN w.telephone
        ELSE p.telephone END AS true_telephone, p.email AS true_email, p.habit,
    coalesce(g.upn, '') AS true_upn,
    u('name_placeholder', k) < r.name_placeholder AS placeholder,
    CASE WHEN u('nickname', k) < r.nickname THEN v.variants[1
        + pick('nickname/which', k, len(v.variants))] END AS nickname,
    CASE WHEN u('variant_f', k) < r.spelling_variant
        THEN vf.variants[1 + pick('variant_f/which', k, len(vf.variants))] END AS forename_variant,
    CASE WHEN u('variant_s', k) < r.spelling_variant
        THEN vs.variants[1 + pick('variant_s/which', k, len(vs.variants))] END AS surname_variant,
    u('swapped', k) < r.swapped_names * CASE WHEN p.habit = 'family_first' THEN 4 ELSE 1 END AS swapped,
    u('initial', k) < r.initial_only AS initial_only,
    u('middle_in', k) < r.middle_in_forename AND p.middle_names IS NOT NULL AS middle_in,
    u('middle_missing', k) < r.middle_missing AND p.middle_names IS NOT NULL AS middle_missing,
    u('part', k) < r.part_surname AS part_surname, u('part/which', k) AS part_u,
    u('diacritics', k) < r.diacritics_lost AS diacritics_lost,
    u('typo_f', k) < r.typo_forename AS typo_f, u('typo_s', k) < r.typo_surname AS typo_s,
    CASE
        WHEN u('dob', k) < r.dob_missing THEN 'dob_missing'
        WHEN u('dob/2', k) < r.dob_placeholder THEN 'dob_placeholder'
        WHEN u('dob/3', k) < r.dob_first_january AND strftime(p.dob, '%m-%d') <> '01-01' THEN 'dob_first_january'
        WHEN u('dob/4', k) < r.dob_year_off THEN 'dob_year_off'
        WHEN u('dob/5', k) < r.dob_swapped AND day(p.dob) <= 12 AND day(p.dob) <> month(p.dob) THEN 'dob_swapped'
        WHEN u('dob/6', k) < r.dob_day_off THEN 'dob_day_off'
    END AS dob_fault,
    CASE WHEN u('sex', k) < r.sex_missing THEN 'sex_missing' WHEN u('sex/2', k) < r.sex_wrong
        THEN 'sex_wrong' END AS sex_fault,
    u('nino', k) < r.nino_missing AS nino_missing, u('nino/2', k) < r.nino_typo AS nino_typo,
    u('nhs', k) < r.nhs_missing AS nhs_missing, u('nhs/2', k) < r.nhs_typo AS nhs_typo,
    u('upn', k) < r.upn_missing AS upn_missing, u('upn/2', k) < r.upn_temporary AS upn_temporary,
    CASE WHEN u('tel', k) < r.telephone_missing THEN 'telephone_missing'
         WHEN u('tel/2', k) < r.telephone_placeholder THEN 'telephone_placeholder' END AS telephone_fault,
    u('email', k) < r.email_missing AS email_missing,
    u('typo_address', k) < r.typo_address AS typo_address, u('postcode', k) < r.postcode_missing AS postcode_missing,
    CASE WHEN u('uprn', k) < r.uprn_missing THEN 'uprn_missing' WHEN u('uprn/2', k) < r.uprn_wrong
        THEN 'uprn_wrong' END AS uprn_fault
FROM known n JOIN person p USING (pid) CROSS JOIN rates r
LEFT JOIN pupil_number g ON g.pid = n.pid
LEFT JOIN fresh_start w ON w.pid = n.pid
LEFT JOIN variant v ON v.name = p.forename AND v.kind = 'nickname'
LEFT JOIN variant vf ON vf.name = p.forename AND vf.kind = 'spelling'
LEFT JOIN variant vs ON vs.name = n.name_then AND vs.kind = 'spelling';

CREATE OR REPLACE TEMP TABLE held AS
WITH worded AS (
    SELECT *,
        CASE
            WHEN part_surname AND contains(true_surname, '-') AND part_u < 0.35 THEN split_part(true_surname, '-', 1)
            WHEN part_surname AND contains(true_surname, '-') AND part_u < 0.70 THEN split_part(true_surname, '-', 2)
            WHEN part_surname AND contains(true_surname, '-') THEN replace(true_surname, '-', ' ')
            WHEN part_surname AND habit = 'double_surname' AND contains(true_surname, ' ')
                THEN regexp_extract(true_surname, '[^ ]+$')
            ELSE coalesce(surname_variant, true_surname)
        END AS surname_1,
        CASE WHEN single_name THEN ['', '.', 'FNU', true_forename][1 + pick('single/style', k, 4)]
             WHEN initial_only THEN left(true_forename, 1)
             ELSE coalesce(nickname, forename_variant, true_forename) END AS forename_1
    FROM slipping
),
slipped AS (
    SELECT *,
        CASE WHEN diacritics_lost THEN strip_accents(translate(surname_1, 'łŁ', 'lL'))
            ELSE surname_1 END AS surname_2,
        CASE WHEN diacritics_lost THEN strip_accents(translate(forename_1, 'łŁ', 'lL'))
            ELSE forename_1 END AS forename_2
    FROM worded
),
typed AS (
    SELECT *,
        CASE WHEN typo_s THEN slip(surname_2, 'typo_s', k) ELSE surname_2 END AS surname_3,
        CASE WHEN typo_f THEN slip(forename_2, 'typo_f', k) ELSE forename_2 END AS forename_3
    FROM slipped
),
boxed AS (
    SELECT *,
        CASE WHEN placeholder THEN ['Unknown', 'Baby', 'Unknown', 'Refused'][1 + pick('placeholder', k, 4)]
             WHEN swapped THEN surname_3 WHEN middle_in THEN concat_ws(' ', forename_3, true_middle)
                 ELSE forename_3 END AS forename,
        CASE WHEN middle_in OR middle_missing OR placeholder THEN NULL
             WHEN diacritics_lost THEN strip_accents(translate(true_middle, 'łŁ', 'lL'))
                 ELSE true_middle END AS middle_names,
        CASE WHEN placeholder AND u('placeholder/2', k) < 0.5 THEN 'UNKNOWN' WHEN swapped AND NOT placeholder
            THEN forename_3
             ELSE surname_3 END AS surname,
        CASE dob_fault
            WHEN 'dob_missing' THEN NULL WHEN 'dob_placeholder' THEN DATE '1900-01-01'
            WHEN 'dob_first_january' THEN date_trunc('year', true_dob)::DATE
            WHEN 'dob_year_off' THEN least((true_dob
                + INTERVAL 1 YEAR * (CASE WHEN u('dob/sign', k) < 0.5 THEN -1 ELSE 1 END)
                * (CASE WHEN u('dob/far', k) < 0.25 THEN 10 ELSE 1 END))::DATE, getvariable('today'))
            WHEN 'dob_swapped' THEN make_date(year(true_dob), day(true_dob), month(true_dob))
            WHEN 'dob_day_off' THEN true_dob + CASE WHEN day(true_dob) <= 14 THEN 10 ELSE -1 END
            ELSE true_dob END AS dob,
        CASE sex_fault WHEN 'sex_missing' THEN NULL WHEN 'sex_wrong' THEN CASE true_sex WHEN 'F' THEN 'M' ELSE 'F' END
             ELSE true_sex END AS sex,
        CASE WHEN nino_missing THEN NULL
             WHEN nino_typo THEN left(true_nino, 4)
                 || ((substr(true_nino, 5, 1)::INT + 1 + pick('nino/slip', k, 8)) % 10) || substr(true_nino, 6)
             ELSE true_nino END AS nino,
        CASE WHEN nhs_missing THEN NULL
             WHEN nhs_typo THEN left(true_nhs, 5)
                 || ((substr(true_nhs, 6, 1)::INT + 1 + pick('nhs/slip', k, 8)) % 10) || substr(true_nhs, 7)
             ELSE true_nhs END AS nhs_number,
        CASE WHEN upn_missing OR true_upn = '' THEN NULL
             WHEN upn_temporary THEN left(true_upn, 12) || 'Z' ELSE true_upn END AS upn,
        CASE telephone_fault WHEN 'telephone_missing' THEN NULL WHEN 'telephone_placeholder' THEN '01632 960000'
             ELSE true_telephone END AS telephone,
        CASE WHEN NOT email_missing THEN true_email END AS email
    FROM typed
)
SELECT b.record_id, b.pid, b.k, b.pno, b.entered, b.refreshed, b.tradition, b.true_sex, b.true_dob,
    CASE WHEN b.true_dob > b.refreshed - INTERVAL 18 YEAR THEN CASE b.true_sex WHEN 'M' THEN 'Master' ELSE 'Miss' END
         WHEN b.true_sex = 'M' THEN 'Mr' ELSE ['Mrs', 'Miss', 'Ms'][1 + pick('title', b.pid, 3)] END AS title,
    b.forename, b.middle_names, b.surname, b.dob, b.sex, b.nino, b.nhs_number, b.upn, b.telephone, b.email,
    CASE WHEN typo_address THEN slip(a.street, 'typo_street', k) ELSE a.street END AS street,
    a.saon, a.paon,
    CASE WHEN regexp_matches(a.paon, '^[0-9]') THEN a.paon || ' ' ELSE a.paon || ', ' END
        || CASE WHEN typo_address THEN slip(a.street, 'typo_street', k) ELSE a.street END AS house_street,
    a.locality, a.town, CASE WHEN postcode_missing THEN NULL ELSE a.postcode END AS postcode,
    CASE uprn_fault WHEN 'uprn_missing' THEN NULL WHEN 'uprn_wrong' THEN coalesce(w.uprn, a.uprn)
        ELSE a.uprn END AS uprn,
    list_filter([
        CASE WHEN placeholder THEN 'name_placeholder' END,
        CASE WHEN nickname IS NOT NULL AND NOT single_name AND NOT initial_only THEN 'nickname' END,
        CASE WHEN (forename_variant IS NOT NULL AND nickname IS NULL AND NOT single_name AND NOT initial_only)
               OR (surname_variant IS NOT NULL AND surname_1 = surname_variant) THEN 'spelling_variant' END,
        CASE WHEN swapped AND NOT placeholder THEN 'swapped_names' END,
        CASE WHEN initial_only AND NOT single_name THEN 'initial_only' END,
        CASE WHEN middle_in AND NOT placeholder THEN 'middle_in_forename' END,
        CASE WHEN middle_missing THEN 'middle_missing' END,
        CASE WHEN stale_surname THEN 'stale_surname' END,
        CASE WHEN part_surname AND surname_1 <> coalesce(surname_variant, true_surname) THEN 'part_surname' END,
        CASE WHEN surname_2 <> surname_1 OR forename_2 <> forename_1 THEN 'diacritics_lost' END,
        CASE WHEN surname_3 <> surname_2 THEN 'typo_surname' END,
            CASE WHEN forename_3 <> forename_2 THEN 'typo_forename' END,
        dob_fault, sex_fault,
        CASE WHEN true_nino IS NULL THEN NULL WHEN nino_missing THEN 'nino_missing' WHEN nino_typo
            THEN 'nino_typo' END,
        CASE WHEN true_nhs IS NULL THEN NULL WHEN nhs_missing THEN 'nhs_missing' WHEN nhs_typo THEN 'nhs_typo' END,
        CASE WHEN true_upn = '' THEN NULL WHEN upn_missing THEN 'upn_missing' WHEN upn_temporary
            THEN 'upn_temporary' END,
        CASE WHEN true_telephone IS NOT NULL THEN telephone_fault END,
        CASE WHEN email_missing AND true_email IS NOT NULL THEN 'email_missing' END,
        CASE WHEN stale_address THEN 'stale_address' END,
        CASE WHEN typo_address THEN 'typo_address' END, CASE WHEN postcode_missing THEN 'postcode_missing' END,
            uprn_fault
    ], lambda x: x IS NOT NULL) AS faults
FROM boxed b JOIN address a USING (pno) LEFT JOIN address w ON w.pno = b.pno + 1
ORDER BY record_id;
