-- Who lives in Westmarsh: households with a kind, a naming tradition and the ages of their members on the
-- first day, then a person for each member, then their names. Ages are years as decimals.

CREATE TEMP TABLE kind_wheel AS
WITH weighed AS (
    SELECT tradition, kind, weight * power(older_share, older_power) * power(family_scale, family_power) AS weight
    FROM tradition, read_csv(getvariable('data') || '/kinds.csv', header = true)
)
SELECT tradition, kind, upto / whole AS hi,
    coalesce(lag(upto / whole) OVER (PARTITION BY tradition ORDER BY kind), 0) AS lo
FROM (
    SELECT *, max(upto) OVER (PARTITION BY tradition) AS whole
    FROM (SELECT *, sum(weight) OVER (PARTITION BY tradition ORDER BY kind) AS upto FROM weighed)
);

CREATE TEMP TABLE planned AS
WITH numbered AS (
    SELECT hh, hh > getvariable('households') AS arrives, u('tradition', hh) AS tradition_u, u('kind', hh) AS kind_u
    FROM range(1, getvariable('households') + getvariable('arrivals') + 1) r (hh)
),
settled AS (
    SELECT hh, CASE WHEN arrives THEN getvariable('start')
        + pick('arrive', hh, getvariable('span'))::INT END AS arrives_on,
           t.tradition, t.family_scale, t.double_barrel_share, k.kind
    FROM numbered n
    JOIN tradition t ON tradition_u >= t.lo AND tradition_u < t.hi
    JOIN kind_wheel k ON k.tradition = t.tradition AND kind_u >= k.lo AND kind_u < k.hi
    UNION ALL
    -- Residents of care homes and hostels are each a household of one.
    SELECT getvariable('households') + getvariable('arrivals') + i, NULL, t.tradition, t.family_scale, 0,
           CASE WHEN i <= getvariable('care_residents') THEN 'care' ELSE 'hostel' END
    FROM range(1, getvariable('care_residents') + getvariable('hostel_residents') + 1) r (i)
    JOIN tradition t ON u('tradition', -i) >= t.lo AND u('tradition', -i) < t.hi
),
sized AS (
    SELECT *,
        CASE WHEN kind IN ('family', 'lone_parent', 'multigen') THEN
                1 + (u('child/2', hh) < 0.56 * family_scale)::INT + (u('child/3', hh) < 0.24 * family_scale)::INT
                + (u('child/4', hh) < 0.09 * family_scale)::INT + (u('child/5', hh) < 0.04 * family_scale)::INT
             WHEN kind = 'adult_children' THEN 1 + (u('child/2', hh) < 0.35)::INT
             ELSE 0 END AS children,
        CASE WHEN kind = 'sharers' THEN 3 + pick('sharers', hh, 4) ELSE 1 END AS heads,
        CASE WHEN kind = 'multigen' THEN 1 + (u('grandparent/2', hh) < 0.55)::INT ELSE 0 END AS grandparents,
        CASE WHEN kind = 'adult_children' THEN 18 + 15 * u('youngest', hh) ELSE 0.2
            + 15.5 * u('youngest', hh) END AS youngest
    FROM settled
),
aged AS (
    SELECT *, youngest + 2.4 * (children - 1) + 1.1 AS oldest,
        CASE kind
            WHEN 'single_young' THEN 20 + 45 * u('age', hh)
            WHEN 'single_older' THEN 65 + 31 * u('age', hh) * sqrt(u('age', hh))
            WHEN 'couple' THEN 22 + 42 * u('age', hh)
            WHEN 'couple_older' THEN 65 + 25 * u('age', hh) * sqrt(u('age', hh))
            WHEN 'sharers' THEN 18 + 12 * u('age', hh)
            WHEN 'care' THEN 76 + 23 * u('age', hh)
            WHEN 'hostel' THEN 18 + 42 * u('age', hh)
            ELSE youngest + 2.4 * (children - 1) + 1.1 + 18 + 16 * (u('age', hh) + u('age/2', hh)) / 2
        END AS head_age,
        CASE
            WHEN kind IN ('single_older', 'care') THEN u('sex', hh) < 0.66
            WHEN kind = 'lone_parent' THEN u('sex', hh) < 0.88
            WHEN kind IN ('couple', 'couple_older', 'family', 'adult_children', 'multigen') THEN u('sex', hh) < 0.04
            WHEN kind = 'hostel' THEN u('sex', hh) < 0.22
            ELSE u('sex', hh) < 0.47
        END AS head_female,
        CASE WHEN kind IN ('couple', 'couple_older', 'family', 'multigen') THEN true
             WHEN kind = 'adult_children' THEN u('partner', hh) < 0.72 ELSE false END AS paired
    FROM sized
)
SELECT *,
    -- How hard life is: most households hardly at all, a few very. It makes absence from school, arrears,
    -- crime and social care meet in the same homes, as they do.
    power(u('strain', hh), CASE WHEN kind IN ('lone_parent', 'hostel') THEN 1 ELSE 2 END) AS strain,
    head_female <> (u('same_sex', hh) >= 0.025) AS partner_female,
    greatest(18, CASE WHEN children > 0 THEN oldest + 16.3 ELSE 0 END,
        head_age - 1.8 + 2.2 * bell('partner/age', hh)) AS partner_age
FROM aged;

CREATE TABLE household AS
SELECT *,
    -- The day a baby comes, if one does; never within eleven months of the brother or sister before.
    CASE WHEN u('birth', hh) < (CASE kind WHEN 'couple' THEN 0.20 WHEN 'family' THEN 0.17 WHEN 'multigen' THEN 0.12
                                          WHEN 'lone_parent' THEN 0.07 WHEN 'single_young' THEN 0.02 ELSE 0 END)
          AND (CASE WHEN paired THEN head_female OR partner_female ELSE head_female END)
          AND (CASE WHEN head_female THEN head_age ELSE partner_age END) BETWEEN 17 AND 42
          AND (children = 0 OR youngest * 365 + pick('birth/day', hh, getvariable('span')) > 340)
          AND (arrives_on IS NULL OR arrives_on < getvariable('start')
              + pick('birth/day', hh, getvariable('span'))::INT)
         THEN getvariable('start') + pick('birth/day', hh, getvariable('span'))::INT END AS born_on
FROM planned;

CREATE TEMP TABLE member_role AS
SELECT hh, role, i, row_number() OVER (ORDER BY hh, role_order, i) AS pid
FROM (
    SELECT hh, CASE WHEN kind = 'sharers' THEN 'sharer' ELSE 'head' END AS role, 0 AS role_order,
        unnest(range(heads)) AS i
    FROM household
    UNION ALL SELECT hh, 'partner', 1, 0 FROM household WHERE paired
    UNION ALL SELECT hh, 'child', 2, unnest(range(children)) FROM household WHERE children > 0
    -- Twins come once in sixty births.
    UNION ALL SELECT hh, 'baby', 3, unnest(range(CASE WHEN u('birth/twins', hh) < 0.016 THEN 2 ELSE 1 END))
        FROM household WHERE born_on IS NOT NULL
    UNION ALL SELECT hh, 'grandparent', 4, unnest(range(grandparents)) FROM household WHERE grandparents > 0
);

CREATE TEMP TABLE body AS
WITH placed AS (
    SELECT m.pid, m.hh, m.role, m.i, h.kind, h.strain, h.born_on,
        CASE
            WHEN role = 'partner' THEN CASE WHEN partner_female THEN 'F' ELSE 'M' END
            WHEN role = 'head' THEN CASE WHEN head_female THEN 'F' ELSE 'M' END
            WHEN role = 'grandparent' THEN CASE WHEN (i = 0) THEN 'F' ELSE 'M' END
            WHEN u('person/sex', pid) < 0.488 THEN 'F' ELSE 'M'
        END AS sex,
        CASE
            WHEN role = 'head' THEN head_age
            WHEN role = 'sharer' THEN 18 + 12 * u('sharer/age', pid)
            WHEN role = 'partner' THEN partner_age
            WHEN role = 'grandparent' THEN least(97,
                greatest(head_age, partner_age) + 20 + 8 * u('grandparent/age', hh) - 2 * i)
            WHEN role = 'child' THEN youngest + 2.4 * (i - twin_of) + 1.1 * u('child/age', pair(hh, i - twin_of))
        END AS age,
        role = 'child' AND twin_of = 1 AS second_twin,
        -- Some partners come from another tradition and keep its names.
        CASE WHEN role = 'partner' AND u('mixed', hh) < 0.07 THEN u('mixed/tradition', hh)
             WHEN role = 'sharer' THEN u('sharer/tradition', pid) END AS other_tradition_u,
        h.tradition AS hh_tradition
    FROM (SELECT m.*, CASE WHEN role = 'child' AND i > 0 AND u('twin', pair(m.hh, i)) < f.rate THEN 1
        ELSE 0 END AS twin_of
          FROM member_role m, (SELECT rate FROM fault WHERE system = 'population' AND fault = 'twins') f) m
    JOIN household h USING (hh)
)
SELECT p.*, coalesce(t.tradition, hh_tradition) AS tradition,
    CASE
        WHEN role = 'baby' THEN born_on
        -- Twins are born on one day.
        WHEN role = 'child' THEN getvariable('start') - 1 - floor(age * 365.25)::INT
        WHEN u('first_january', pid) < f.rate AND coalesce(t.tradition, hh_tradition) IN ('somali', 'arabic',
            'bangladeshi', 'pakistani')
            THEN date_trunc('year', getvariable('start') - floor(age * 365.25)::INT)::DATE
        ELSE getvariable('start') - 1 - floor(age * 365.25)::INT - 0
    END AS dob
FROM placed p LEFT JOIN tradition t ON other_tradition_u >= t.lo AND other_tradition_u < t.hi,
     (SELECT rate FROM fault WHERE system = 'population' AND fault = 'born_first_january') f;

-- Draws for each person's names; the family's own come from the household so that its members share them.
CREATE TEMP TABLE drawn AS
WITH slotted AS (
    SELECT *,
        CASE WHEN tradition <> 'english' THEN 'any' WHEN dob < DATE '1958-01-01' THEN 'old'
             WHEN dob < DATE '1990-01-01' THEN 'mid' ELSE 'new' END AS born,
        -- Children of one family are named apart: equal steps round the wheel from one starting point.
        CASE WHEN role IN ('child', 'baby')
             THEN floor(((u('forename', hh) + (i + CASE role WHEN 'baby' THEN 7 ELSE 0 END) * 0.381966) % 1) * 4096)
             ELSE pick('forename', pid, 4096) END::BIGINT AS forename_slot,
        pick('middle', pid, 4096) AS middle_slot, pick('maiden', pid, 4096) AS own_slot,
        pick('surname', hh, 4096) AS family_slot, pick('surname/2', hh, 4096) AS family2_slot,
            pick('wife', pid, 4096) AS wife_slot
    FROM body
)
SELECT s.*, f.name AS forename_drawn, m.name AS middle_drawn, o.name AS own_surname,
       a.name AS family_surname, b.name AS family_surname2, w.name AS wife_name
FROM slotted s
JOIN wheel f ON f.key = wheel_key(s.tradition, 'forename', s.sex, s.born, forename_slot)
JOIN wheel m ON m.key = wheel_key(s.tradition, 'forename', s.sex, s.born, middle_slot)
JOIN wheel o ON o.key = wheel_key(s.tradition, 'surname', s.sex, '', own_slot)
JOIN wheel a ON a.key = wheel_key(s.hh_tradition, 'surname', s.sex, '', family_slot)
JOIN wheel b ON b.key = wheel_key(s.hh_tradition, 'surname', s.sex, '', family2_slot)
LEFT JOIN wheel w ON w.key = wheel_key(s.tradition, 'wife', s.sex, '', wife_slot);

-- The father (or lone head) after whom children are named where the tradition does so.
CREATE TEMP TABLE parent_names AS
SELECT d.hh,
    max(d.forename_drawn) FILTER (WHERE d.sex = 'M' AND d.role IN ('head', 'partner')) AS father,
    max(d.middle_drawn) FILTER (WHERE d.sex = 'M' AND d.role IN ('head', 'partner')) AS grandfather,
    max(d.own_surname) FILTER (WHERE d.sex = 'F' AND d.role IN ('head', 'partner')) AS mother_surname,
    max(d.tradition) FILTER (WHERE d.sex = 'M' AND d.role IN ('head', 'partner')) AS father_tradition
FROM drawn d GROUP BY d.hh;

CREATE TEMP TABLE named AS
WITH joined AS (
    SELECT d.*, t.habit, t.same_surname_share, t.middle_share, t.single_name_share,
        p.father, p.grandfather, coalesce(p.mother_surname, d.own_surname) AS mother_surname,
        role IN ('child', 'baby') AS is_child,
        -- Members of the head's line carry the family's name; a partner only where they share it.
        CASE WHEN role = 'partner' THEN u('same_surname', hh) < t.same_surname_share AND d.tradition = d.hh_tradition
             WHEN role = 'sharer' THEN false
             WHEN role = 'grandparent' THEN u('same_surname/grandparent', hh) < 0.6 ELSE true END AS shares,
        CASE WHEN u('double_barrel', hh) < dt.double_barrel_share AND NOT contains(family_surname2, ' ')
             THEN family_surname || '-' || family_surname2 ELSE family_surname END AS line_surname,
        role IN ('child', 'baby') AND d.sex = 'M' AND p.father IS NOT NULL AND i = 0
            AND u('namesake', hh) < f.rate AND d.tradition NOT IN ('somali', 'south_indian') AS namesake
    FROM drawn d JOIN tradition t USING (tradition) JOIN tradition dt ON dt.tradition = d.hh_tradition
    LEFT JOIN parent_names p USING (hh),
    (SELECT rate FROM fault WHERE system = 'population' AND fault = 'namesake_son') f
)
SELECT *,
    CASE WHEN namesake THEN father ELSE forename_drawn END AS forename,
    CASE
        WHEN habit = 'singh_kaur' AND u('sikh/family_name', hh) < 0.62 THEN CASE sex WHEN 'F' THEN 'Kaur'
            ELSE 'Singh' END
        WHEN habit = 'singh_kaur' THEN NULL
        WHEN habit = 'patronymic' AND tradition = 'somali' THEN
            CASE WHEN is_child THEN coalesce(father, own_surname) ELSE middle_drawn END
        WHEN habit = 'father_middle' THEN CASE WHEN is_child THEN father
            WHEN u('has_middle', pid) < middle_share THEN middle_drawn END
        WHEN u('has_middle', pid) < middle_share AND middle_drawn <> forename_drawn THEN middle_drawn
    END AS middle_names,
    CASE
        WHEN u('single_name', pid) < single_name_share THEN NULL
        WHEN habit = 'singh_kaur' AND u('sikh/family_name', hh) >= 0.62 THEN CASE sex WHEN 'F' THEN 'Kaur'
            ELSE 'Singh' END
        WHEN habit = 'gendered' AND sex = 'F' AND shares AND regexp_matches(line_surname, '[sc]ki$')
            THEN regexp_replace(line_surname, 'i$', 'a')
        WHEN habit = 'gendered' AND sex = 'F' AND regexp_matches(own_surname, '[sc]ki$') AND NOT shares
            THEN regexp_replace(own_surname, 'i$', 'a')
        WHEN habit = 'patronymic' AND is_child AND tradition = 'somali' THEN coalesce(grandfather, own_surname)
        WHEN habit = 'patronymic' AND is_child THEN coalesce(father, own_surname)
        WHEN habit = 'father_or_clan' AND sex = 'F' AND NOT shares AND NOT is_child THEN wife_name
        WHEN habit = 'father_or_clan' AND is_child AND u('clan', hh) < 0.3 AND father IS NOT NULL
            AND NOT contains(father, ' ')
            AND father <> forename_drawn AND NOT namesake THEN father
        WHEN habit = 'double_surname' AND is_child AND u('double', hh) < 0.7 AND NOT contains(mother_surname, ' ')
            THEN mother_surname || ' ' || line_surname
        WHEN habit = 'double_surname' AND u('double/own', pid) < 0.5 AND NOT contains(own_surname, ' ') AND shares
            THEN own_surname || ' ' || line_surname
        WHEN shares THEN line_surname
        ELSE own_surname
    END AS surname
FROM joined;

-- The numbers that the state gives. 999 leaves room for 909,090 valid NHS numbers: above a million people,
-- and where the check digit would be 10, a person has none that anybody knows.
CREATE MACRO nhs_digits(pid) AS (pid * 611953 + pick('nhs', 0, 999999)) % 1000000;
CREATE MACRO nhs_rest(no) AS
    (9 * 10 + 9 * 9 + 9 * 8 + (no // 100000) * 7 + (no // 10000 % 10) * 6 + (no // 1000 % 10) * 5
     + (no // 100 % 10) * 4 + (no // 10 % 10) * 3 + (no % 10) * 2) % 11;
CREATE MACRO nhs_number_of(pid) AS
    CASE WHEN nhs_rest(nhs_digits(pid)) <> 1 AND pid < 1000000
         THEN '999' || lpad(nhs_digits(pid)::VARCHAR, 6, '0') || ((11 - nhs_rest(nhs_digits(pid))) % 11) END;

CREATE TABLE person AS
WITH numbered AS (
    SELECT *, (pid * 386237 + pick('nino', 0, 999999)) % 1000000 AS nino_no FROM named
)
SELECT pid, hh AS first_hh, role, i AS sibling_no, kind AS first_kind, strain, second_twin, namesake, tradition,
    habit,
    sex, dob, age, forename, middle_names, surname, own_surname, line_surname, shares,
    nhs_number_of(pid) AS nhs_number,
    CASE WHEN dob <= getvariable('today') - INTERVAL 16 YEAR THEN
        -- Two letters of those allowed; none of the administrative or refused pairs can come of these.
        substr('ABCEHJLS', 1 + ((hash(pid % 1000000) + (pid // 1000000)::UBIGINT) % 8)::INT, 1)
        || substr('ABEHJLMSTWX', 1 + pick('nino/2', pid, 11)::INT, 1)
        || lpad(nino_no::VARCHAR, 6, '0') || substr('ABCD', 1 + pick('nino/3', pid, 4)::INT, 1) END AS nino,
    -- Ofcom keeps these numbers for drama: nobody can be called on them.
    CASE WHEN dob <= getvariable('today') - INTERVAL 11 YEAR THEN
        ['07700 900', '0113 496 0', '0114 496 0', '0115 496 0', '0116 496 0', '0117 496 0', '0118 496 0',
            '0121 496 0',
         '0131 496 0', '0141 496 0', '0151 496 0', '0161 496 0', '020 7946 0', '01632 960',
             '03069 990'][1 + pick('phone/range', pid, 15)]
        || lpad(pick('phone', pid, 1000)::VARCHAR, 3, '0') END AS telephone,
    CASE WHEN dob <= getvariable('today') - INTERVAL 13 YEAR AND dob > getvariable('today') - INTERVAL 88 YEAR THEN
        regexp_replace(lower(strip_accents(left(forename, CASE WHEN u('email/initial', pid) < 0.3 THEN 1 ELSE 20 END)
            || '.' || coalesce(surname, 'w'))), '[^a-z.]', '', 'g') || pid || '@example.org' END AS email
FROM numbered;
