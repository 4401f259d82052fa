-- One quarter of the housing market, from `quarter` to the day before `quarter_end`: those who left free their
-- homes; those who come, part or move take homes that stood empty when the quarter began.

CREATE OR REPLACE TEMP TABLE claim AS
SELECT hh, on_day, row_number() OVER (ORDER BY u('claim/' || getvariable('quarter'), hh), hh) AS n
FROM (
    SELECT l.hh, l.from_day AS on_day FROM hh_life l
    WHERE l.communal IS NULL AND l.from_day >= getvariable('quarter') AND l.from_day < getvariable('quarter_end')
    UNION ALL
    SELECT o.hh, getvariable('quarter') + pick('move/day', o.hh, 80)::INT
    FROM occupancy o JOIN property p USING (pno) JOIN hh_life l USING (hh)
    WHERE o.to_day IS NULL AND NOT p.communal AND coalesce(l.to_day, DATE '2999-01-01') > getvariable('quarter_end')
      AND o.from_day < getvariable('quarter')
      AND u('move/' || getvariable('quarter'), o.hh) <
          CASE WHEN p.tenure = 'private' THEN 0.055 WHEN p.tenure = 'council' THEN 0.012 ELSE 0.012 END
);

CREATE OR REPLACE TEMP TABLE taken AS
SELECT c.hh, c.on_day, e.pno
FROM claim c
JOIN (
    SELECT pno, row_number() OVER (ORDER BY u('empty/' || getvariable('quarter'), pno), pno) AS n
    FROM property
    WHERE NOT communal AND pno NOT IN (
        SELECT pno FROM occupancy WHERE to_day IS NULL OR to_day >= getvariable('quarter'))
) e USING (n)
-- Nobody moves back into the home they left: a household has a home once, so the two together name one stay.
WHERE NOT EXISTS (SELECT 1 FROM occupancy o WHERE o.hh = c.hh AND o.pno = e.pno);

-- The household's former home is free from the day of the move; homes of those who left or died as well.
UPDATE occupancy SET to_day = t.on_day FROM taken t WHERE t.hh = occupancy.hh AND occupancy.to_day IS NULL;

INSERT INTO occupancy SELECT hh, pno, on_day, NULL FROM taken ORDER BY hh;

UPDATE occupancy SET to_day = greatest(l.to_day, occupancy.from_day + 1) FROM hh_life l
WHERE l.hh = occupancy.hh AND occupancy.to_day IS NULL AND l.to_day < getvariable('quarter_end');
