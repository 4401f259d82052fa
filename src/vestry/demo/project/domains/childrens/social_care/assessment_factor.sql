-- What assessments found, with the child and the day, and the codes of the children in need census in words.
-- The words are paraphrased: check them against the census guide of the year.
WITH code (code, factor) AS (
    VALUES ('1A', 'alcohol: the child'), ('1B', 'alcohol: a parent or carer'), ('1C', 'alcohol: another at home'),
        ('2A', 'drugs: the child'), ('2B', 'drugs: a parent or carer'), ('2C', 'drugs: another at home'),
        ('3A', 'domestic abuse: of the child'), ('3B', 'domestic abuse: of a parent or carer'),
        ('3C', 'domestic abuse: of another at home'),
        ('4A', 'mental health: the child'), ('4B', 'mental health: a parent or carer'),
        ('4C', 'mental health: another at home'),
        ('5A', 'learning disability: the child'), ('5B', 'learning disability: a parent or carer'),
        ('5C', 'learning disability: another at home'),
        ('6A', 'physical disability or illness: the child'), ('6B',
            'physical disability or illness: a parent or carer'),
        ('6C', 'physical disability or illness: another at home'),
        ('7A', 'young carer'), ('8A', 'privately fostered'), ('9A', 'unaccompanied asylum seeker'),
        ('10A', 'going missing'), ('11A', 'sexual exploitation'), ('12A', 'trafficking'), ('13A', 'gangs'),
        ('14A', 'socially unacceptable behaviour'), ('15A', 'self-harm'), ('16A', 'neglect'), ('17A',
            'emotional abuse'),
        ('18A', 'physical abuse'), ('18B', 'physical abuse: child on child'), ('18C', 'physical abuse: adult on child'),
        ('19A', 'sexual abuse'), ('19B', 'sexual abuse: child on child'), ('19C', 'sexual abuse: adult on child'),
        ('20', 'another factor'), ('21', 'no factor'), ('22A', 'female genital mutilation'),
        ('23A', 'abuse linked to faith or belief'), ('24A', 'criminal exploitation'), ('25A', 'radicalisation')
)
SELECT
    f.assessment_id,
    f.factor_code,
    c.factor,
    a.person_id,
    uk_date(a.start_date) AS assessed_on,
    uk_date(a.auth_date)  AS authorised_on,
    a.child_seen = 'Y'    AS child_seen
FROM bronze.liquidlogic.assessment_factor AS f
JOIN bronze.liquidlogic.cin_assessment AS a USING (assessment_id)
LEFT JOIN code AS c ON c.code = f.factor_code
