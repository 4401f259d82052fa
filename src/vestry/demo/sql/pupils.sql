-- Schools, who goes where, and Unique Pupil Numbers with their check letters.

CREATE TABLE school AS
SELECT i AS school_no, 2000 + i AS dfe, i > getvariable('primaries') AS secondary,
    [ 'Abbey', 'Beacon', 'Castle Fen', 'Drovers', 'Fenside', 'Harbour', 'Heron', 'Kingsholt', 'Meadow',
        'Minster', 'Priory', 'St Agnes'' CofE',
      'St Wendreda''s Catholic', 'Saltmarsh', 'Tollhouse', 'Weavers' ][1 + (i * 5) % 16]
    || CASE WHEN i > getvariable('primaries') THEN ' Academy' WHEN i % 3 = 0 THEN ' Infant and Junior School'
        ELSE ' Primary School' END
    || CASE WHEN i > 16 THEN ' ' || (1 + i // 16) ELSE '' END AS school_name
FROM range(1, getvariable('primaries') + getvariable('secondaries') + 1) r (i);

-- The school year in which a child turns five starts on 1 September after the fourth birthday.
CREATE TEMP TABLE pupil AS
SELECT pid, first_hh,
    year(dob) + 4 + CASE WHEN month(dob) >= 9 THEN 1 ELSE 0 END AS reception,
    1 + pick('primary', first_hh, getvariable('primaries')) AS primary_no,
    getvariable('primaries') + 1 + pick('secondary', first_hh, getvariable('secondaries')) AS secondary_no
FROM person
WHERE dob > getvariable('today') - INTERVAL 20 YEAR AND dob < getvariable('today') - INTERVAL 4 YEAR
  -- Some are taught at home or in schools elsewhere.
  AND u('schooled', pid) < 0.95;

CREATE TABLE pupil_number AS
WITH serial AS (
    SELECT p.*, s.dfe, row_number() OVER (PARTITION BY primary_no, reception ORDER BY pid) AS serial
    FROM pupil p JOIN school s ON s.school_no = p.primary_no
),
coded AS (
    SELECT *, '999' || dfe || lpad((reception % 100)::VARCHAR, 2, '0')
        || lpad((serial % 1000)::VARCHAR, 3, '0') AS digits FROM serial
)
SELECT pid, reception, primary_no, secondary_no,
    substr('ABCDEFGHJKLMNPQRTUVWXYZ', 1 + list_sum([substr(digits, i::INT, 1)::INT * (i + 1) for i in range(1,
        13)])::INT % 23, 1)
    || digits AS upn
FROM coded;
