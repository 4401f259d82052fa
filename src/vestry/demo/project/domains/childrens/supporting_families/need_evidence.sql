-- The facts that make each need of each family, by the rules of the framework. Nothing is decided here: rule.csv does.
WITH person AS (
    SELECT m.family_id, m.person_id, m.role, p.date_of_birth
    FROM people.families.family_member AS m
    JOIN people.index.person AS p USING (person_id)
),
found AS (
    SELECT
        o.framework, o.family_id, o.occasion, o.kind AS occasion_kind, o.support_id, r.need, r.rule, r."of", r.times,
        r.says AS because, f.*,
        -- Where no date of birth is known, the part in the family says enough.
        coalesce(date_sub('year', p.date_of_birth, f.started_on), CASE p.role WHEN 'child' THEN 10 ELSE 40 END) AS age
    FROM childrens.supporting_families.occasion AS o
    JOIN person AS p USING (family_id)
    JOIN childrens.supporting_families.fact AS f USING (person_id)
    JOIN childrens.supporting_families.rule AS r ON r.framework = o.framework AND r.fact = f.fact AND r.finds = 'need'
    WHERE (r.value IS NULL OR list_contains(string_split(r.value, '|'), lower(f.value)))
      AND (r.at_least IS NULL OR f.amount >= r.at_least)
      AND (r.below IS NULL OR f.amount < r.below)
      AND f.started_on <= o.to_day
      AND CASE o.kind
          -- After a support only what is new speaks against it.
          WHEN 'after' THEN f.started_on >= o.from_day
          ELSE coalesce(f.ended_on, DATE '2999-01-01') >= o.from_day - to_months(r.months::INT)
      END
      AND (r.age_from IS NULL OR age >= r.age_from)
      AND (r.age_to IS NULL OR age <= r.age_to)
)
SELECT
    framework, family_id, occasion, occasion_kind, support_id, need, rule, person_id, because, says, system, source,
        record_id,
    started_on, ended_on
FROM found
-- What is the family's needs to be told once, whoever's record tells it.
QUALIFY count(*) OVER (PARTITION BY framework, family_id, occasion, rule, person_id) >= times
    AND row_number() OVER (
        PARTITION BY framework, family_id, occasion, rule, source, record_id, CASE "of" WHEN 'person' THEN person_id END
        ORDER BY person_id) = 1
