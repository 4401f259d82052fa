-- Names as wheels: for each list 4,096 slots, a common name holding many and a rare one few, so that a draw is
-- one join. Frequencies fall as 1 / (rank + 4), as those of real names roughly do.

CREATE TABLE tradition AS
SELECT * EXCLUDE (upto, whole), upto / whole AS hi, coalesce(lag(upto / whole) OVER (ORDER BY tradition), 0) AS lo
FROM (
    SELECT *, max(upto) OVER () AS whole
    FROM (SELECT *, sum(share) OVER (ORDER BY tradition) AS upto
        FROM read_csv(getvariable('data') || '/traditions.csv', header = true))
);

CREATE TEMP TABLE name_list AS
SELECT tradition, part, coalesce(sex, '') AS sex, coalesce(born, '') AS born, string_split(names, '|') AS names
FROM read_csv(getvariable('data') || '/names.csv', header = true, all_varchar = true);

CREATE TEMP TABLE weighed AS
-- Sikh forenames are given to girls and boys alike.
SELECT tradition, part, s.sex, born, name, 1.0 / (rank + 4) AS weight
FROM (
    SELECT tradition, part, sex, born, unnest(names) AS name, generate_subscripts(names, 1) AS rank
    FROM name_list WHERE part IN ('forename', 'surname', 'wife')
) l
JOIN (VALUES ('F', 'F'), ('M', 'M'), ('', 'F'), ('', 'M')) s (listed, sex)
  ON s.listed = l.sex
UNION ALL
-- Most surnames are rare. These are made of two halves; together they are as many people as the listed ones
-- (English) or the given share of them.
SELECT a.tradition, 'surname', s.sex, '', a.stem || b.ending,
       (CASE a.tradition WHEN 'english' THEN 2.6 WHEN 'polish' THEN 2.8 ELSE 1.2 END)
       / count(*) OVER (PARTITION BY a.tradition, s.sex)
FROM (SELECT tradition, unnest(names) AS stem FROM name_list WHERE part = 'stem') a
JOIN (SELECT tradition, unnest(names) AS ending FROM name_list WHERE part = 'ending') b USING (tradition)
CROSS JOIN (VALUES ('F'), ('M')) s (sex);

-- One number for a list's slot: a join on one unique column, which no planner can get wrong.
CREATE MACRO wheel_key(tradition, part, sex, born, slot) AS
    xor(hash(tradition || '/' || part || '/' || sex || '/' || born), hash(hash(slot)));

CREATE TABLE wheel AS
WITH bounds AS (
    SELECT tradition, part, sex, born, name, sum(weight) OVER w AS hi, sum(weight) OVER w - weight AS lo
    FROM weighed
    WINDOW w AS (PARTITION BY tradition, part, sex, born ORDER BY weight DESC, name)
),
-- The last running sum, not a sum of its own: sums of fractions differ with their order.
scaled AS (SELECT *, max(hi) OVER (PARTITION BY tradition, part, sex, born) AS total FROM bounds),
slots AS (
    SELECT tradition, part, sex, born, name,
           unnest(range(ceil(lo / total * 4096)::BIGINT, ceil(hi / total * 4096)::BIGINT)) AS slot
    FROM scaled
)
SELECT wheel_key(tradition, part, sex, born, slot) AS key, name FROM slots WHERE slot < 4096;

CREATE TABLE variant AS
SELECT name, kind, list(variant ORDER BY variant) AS variants
FROM read_csv(getvariable('data') || '/variants.csv', header = true, all_varchar = true)
GROUP BY name, kind;
