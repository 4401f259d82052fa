-- Every fact that a need can rest on, of every system, in one tall table. A rule asks for a `fact`, and where it says
-- so
-- for its `value` or its `amount`. What happens in a moment begins and ends on that day; what lasts has no end.
WITH
term AS (
    -- A pupil's terms, also where the pupil has two numbers in one term.
    SELECT
        r.person_id, t.school_year, t.term, 3 * t.school_year + t.term AS nth,
        any_value(t.term_from) AS term_from, any_value(t.term_to) AS term_to,
        sum(t.sessions_attended) AS attended, sum(t.sessions_possible) AS possible, min(t.pupil_id) AS pupil_id
    FROM education.schools.pupil_term AS t
    JOIN people.index.person_record AS r ON r.source = 'education.schools.pupil' AND r.record_id = t.pupil_id
    GROUP BY r.person_id, t.school_year, t.term
),
two_terms AS (
    SELECT
        *, lag(nth) OVER pupil AS nth_before, lag(term_from) OVER pupil AS from_before,
        lag(attended) OVER pupil AS attended_before, lag(possible) OVER pupil AS possible_before,
        lag(school_year) OVER pupil AS year_before, lag(term) OVER pupil AS term_before
    FROM term
    WINDOW pupil AS (PARTITION BY person_id ORDER BY nth)
),
quarter AS (
    -- Runs of quarters in which a claim said the same.
    SELECT
        q.*, c.claimed_on, max(q.quarter_end) OVER () AS this_quarter,
        q.overpayment_debt > 0 AND NOT q.debt_plan AS loose_debt, q.overpayment_debt > 0
            AND q.debt_plan AS planned_debt,
        row_number() OVER (PARTITION BY claim_ref ORDER BY quarter_end) AS n,
        row_number() OVER (PARTITION BY claim_ref, q.out_of_work ORDER BY quarter_end) AS n_work,
        row_number() OVER (PARTITION BY claim_ref, loose_debt ORDER BY quarter_end) AS n_debt,
        row_number() OVER (PARTITION BY claim_ref, planned_debt ORDER BY quarter_end) AS n_plan
    FROM revenues.benefits.claim_quarter AS q
    JOIN revenues.benefits.claim AS c USING (claim_ref)
),
tenant AS (
    SELECT y.*, t.person_ref
    FROM housing.tenancies.tenancy AS y
    JOIN housing.tenancies.tenant AS t USING (tenancy_ref)
    WHERE t.role IN ('tenant', 'joint tenant')
),
involved AS (
    SELECT v.*, i.occurred_at::DATE AS day, i.offence, i.domestic_abuse
    FROM community_safety.incidents.involvement AS v
    JOIN community_safety.incidents.incident AS i USING (incident_ref)
),
said AS (
    -- Schools ----------------------------------------------------------------------------------------------------
    -- Attendance over each two terms that follow each other, in per cent.
    SELECT NULL::VARCHAR AS source, NULL::VARCHAR AS person_key, person_id, 'attendance over two terms' AS fact,
        NULL::VARCHAR AS value, 100.0 * (attended + attended_before) / nullif(possible + possible_before, 0) AS amount,
        from_before AS started_on, term_to AS ended_on,
        'attended ' || printf('%.1f', 100.0 * (attended + attended_before) / nullif(possible + possible_before, 0))
            || ' % of two terms' AS says,
        'Schools' AS system, 'education.schools.pupil_term' AS record_source,
        pupil_id || ', terms ' || year_before || '/' || term_before || ' and ' || school_year || '/' || term
            AS record_id
    FROM two_terms WHERE nth = nth_before + 1
    UNION ALL
    -- Suspensions in a term, how many.
    SELECT 'education.schools.pupil', pupil_id, NULL, 'suspension', sen, suspensions, term_from, term_to,
        'suspended ' || suspensions || CASE suspensions WHEN 1 THEN ' time' ELSE ' times' END || ' in a term',
            'Schools',
        'education.schools.pupil_term', pupil_id || ', term ' || school_year || '/' || term
    FROM education.schools.pupil_term WHERE suspensions > 0
    UNION ALL
    -- Suspended while the school gives support, or has a plan, for special educational needs.
    SELECT 'education.schools.pupil', pupil_id, NULL, 'suspension with special educational needs', sen, suspensions,
        term_from,
        term_to, 'suspended, with special educational needs: ' || sen, 'Schools', 'education.schools.pupil_term',
        pupil_id || ', term ' || school_year || '/' || term
    FROM education.schools.pupil_term WHERE suspensions > 0 AND sen IN ('support', 'plan')
    UNION ALL
    SELECT 'education.schools.pupil', pupil_id, NULL, 'permanent exclusion', NULL, NULL, term_to, term_to,
        'permanently excluded', 'Schools', 'education.schools.pupil_term',
            pupil_id || ', term ' || school_year || '/' || term
    FROM education.schools.pupil_term WHERE permanently_excluded
    UNION ALL
    -- The register of children out of education: neet, missing education, part-time timetable.
    SELECT 'education.schools.pupil', p.pupil_id, NULL, e.status, e.reason, NULL, e.from_date, e.to_date,
        e.status || ': ' || e.reason, 'Participation register', 'education.participation.entry', e.entry_ref
    FROM education.participation.entry AS e JOIN education.schools.pupil AS p USING (upn)
    UNION ALL
    -- Children's social care ---------------------------------------------------------------------------------------
    -- Factors that an assessment found, by their codes in the children in need census.
    SELECT 'childrens.social_care.person', person_id, NULL, 'assessment factor', factor_code, NULL, assessed_on,
        assessed_on, 'assessment found: ' || coalesce(factor || ', ', '') || 'factor ' || factor_code,
            'Children''s social care',
        'childrens.social_care.assessment_factor', assessment_id || ', factor ' || factor_code
    FROM childrens.social_care.assessment_factor
    UNION ALL
    -- Needs that an early help plan names, for the child of the family with the lowest number.
    SELECT 'childrens.social_care.person', e.person_id, NULL, 'early help plan need', n.need, NULL, n.identified_on,
        n.identified_on, 'early help plan: ' || n.need, 'Children''s social care', 'childrens.social_care.plan_need',
        n.family_ref || ', ' || n.need
    FROM childrens.social_care.plan_need AS n
    JOIN (SELECT family_ref, person_id FROM childrens.social_care.episode
        WHERE family_ref IS NOT NULL) AS e USING (family_ref)
    UNION ALL
    SELECT 'childrens.social_care.person', e.person_id, NULL, 'early help need met', n.need, NULL, n.outcome_on,
        n.outcome_on, 'early help plan closed, met: ' || n.need, 'Children''s social care',
        'childrens.social_care.plan_need', n.family_ref || ', ' || n.need
    FROM childrens.social_care.plan_need AS n
    JOIN (SELECT family_ref, person_id FROM childrens.social_care.episode
        WHERE family_ref IS NOT NULL) AS e USING (family_ref)
    WHERE n.outcome = 'met'
    UNION ALL
    SELECT 'childrens.social_care.person', person_id, NULL, kind || ' plan', latest_category, NULL, started_on,
        ended_on,
        kind || ' plan' || coalesce(', ' || latest_category, ''), 'Children''s social care',
            'childrens.social_care.plan',
        plan_id
    FROM childrens.social_care.plan
    UNION ALL
    -- Referrals, by the code of the primary need.
    SELECT 'childrens.social_care.person', person_id, NULL, 'referral', reason, NULL, started_on, started_on,
        'referred, primary need ' || reason, 'Children''s social care', 'childrens.social_care.episode', episode_id
    FROM childrens.social_care.episode WHERE kind = 'child in need'
    UNION ALL
    SELECT 'childrens.social_care.person', person_id, NULL, 'missing from home', kind, NULL, started_on, ended_on, kind,
        'Children''s social care', 'childrens.social_care.missing_episode', missing_id
    FROM childrens.social_care.missing_episode
    UNION ALL
    SELECT 'childrens.social_care.person', person_id, NULL, 'early years review', outcome, NULL, reviewed_on,
        reviewed_on,
        'review at two: ' || outcome, 'Children''s social care', 'childrens.social_care.early_years_review', review_id
    FROM childrens.social_care.early_years_review
    UNION ALL
    SELECT 'childrens.social_care.person', person_id, NULL, 'disability', NULL, NULL, created_on, NULL,
        'disability on record', 'Children''s social care', 'childrens.social_care.person', person_id
    FROM childrens.social_care.person WHERE disability AND NOT restricted
    UNION ALL
    -- Police -------------------------------------------------------------------------------------------------------
    -- Suspected of something; the value is what the police made of it.
    SELECT 'community_safety.incidents.nominal', nominal_ref, NULL,
        CASE WHEN domestic_abuse THEN 'suspect of domestic abuse' ELSE 'suspect' END, outcome, NULL, day, day,
        'suspect, ' || offence || coalesce(': ' || lower(outcome), ''), 'Police',
            'community_safety.incidents.involvement',
        incident_ref || ', ' || nominal_ref
    FROM involved WHERE role = 'suspect'
    UNION ALL
    -- A victim of domestic abuse, or a child who was there.
    SELECT 'community_safety.incidents.nominal', nominal_ref, NULL,
        CASE role WHEN 'victim' THEN 'victim of domestic abuse' ELSE 'present at domestic abuse' END, offence, NULL,
            day, day,
        role || ', ' || offence, 'Police', 'community_safety.incidents.involvement', incident_ref || ', ' || nominal_ref
    FROM involved WHERE domestic_abuse AND role IN ('victim', 'child present')
    UNION ALL
    -- Housing ------------------------------------------------------------------------------------------------------
    SELECT 'housing.tenancies.person', person_ref, NULL, 'notice served', NULL, arrears::DOUBLE, notice_served_on,
        ended_on,
        'notice served on the tenancy', 'Housing', 'housing.tenancies.tenancy', tenancy_ref
    FROM tenant WHERE notice_served_on IS NOT NULL
    UNION ALL
    -- The system keeps what is owed today, not what was owed before.
    SELECT 'housing.tenancies.person', person_ref, NULL, 'rent arrears', NULL, arrears::DOUBLE, d.as_of, NULL,
        'rent arrears of £' || printf('%.2f', arrears::DOUBLE), 'Housing', 'housing.tenancies.tenancy', tenancy_ref
    FROM tenant CROSS JOIN people.households.day AS d WHERE arrears > 0 AND ended_on IS NULL
    UNION ALL
    SELECT 'housing.tenancies.person', person_ref, NULL, 'homelessness application', duty, NULL, applied_on, closed_on,
        'homelessness, ' || duty || ': ' || reason, 'Housing', 'housing.tenancies.homeless_application', application_ref
    FROM housing.tenancies.homeless_application
    UNION ALL
    SELECT 'housing.tenancies.person', person_ref, NULL, 'temporary accommodation', NULL, NULL, temporary_from,
        temporary_to,
        'in temporary accommodation', 'Housing', 'housing.tenancies.homeless_application', application_ref
    FROM housing.tenancies.homeless_application WHERE temporary_from IS NOT NULL
    UNION ALL
    -- Council tax --------------------------------------------------------------------------------------------------
    SELECT 'revenues.council_tax.person', l.person_ref, NULL, 'council tax arrears', NULL, a.arrears::DOUBLE, d.as_of,
        NULL,
        'council tax arrears of £' || printf('%.2f', a.arrears::DOUBLE), 'Council tax', 'revenues.council_tax.account',
        a.account_ref
    FROM revenues.council_tax.account AS a
    JOIN revenues.council_tax.liability AS l USING (account_ref)
    CROSS JOIN people.households.day AS d
    WHERE a.arrears > 0 AND a.closed_on IS NULL AND l.to_date IS NULL
    UNION ALL
    -- Benefits -----------------------------------------------------------------------------------------------------
    -- Out of work: from the first to the last quarter of which the claim says so.
    SELECT 'revenues.benefits.claimant', claim_ref, NULL, 'out of work', NULL, NULL,
        CASE WHEN min(n) = 1 THEN any_value(claimed_on) ELSE min(quarter_end) END,
        CASE WHEN max(quarter_end) < any_value(this_quarter) THEN max(quarter_end) END,
        'claims benefit, out of work', 'Benefits', 'revenues.benefits.claim_quarter',
        claim_ref || ', quarters to ' || strftime(max(quarter_end), '%Y-%m')
    FROM quarter WHERE out_of_work GROUP BY claim_ref, n - n_work
    UNION ALL
    SELECT 'revenues.benefits.claimant', claim_ref, NULL, 'overpayment without a plan', NULL,
        max(overpayment_debt)::DOUBLE,
        min(quarter_end), CASE WHEN max(quarter_end) < any_value(this_quarter) THEN max(quarter_end) END,
        'to pay back £' || printf('%.2f', max(overpayment_debt)::DOUBLE) || ' of benefit, no plan', 'Benefits',
        'revenues.benefits.claim_quarter', claim_ref || ', quarters to ' || strftime(max(quarter_end), '%Y-%m')
    FROM quarter WHERE loose_debt GROUP BY claim_ref, n - n_debt
    UNION ALL
    SELECT 'revenues.benefits.claimant', claim_ref, NULL, 'debt plan', NULL, max(overpayment_debt)::DOUBLE,
        min(quarter_end), CASE WHEN max(quarter_end) < any_value(this_quarter) THEN max(quarter_end) END,
        'pays back £' || printf('%.2f', max(overpayment_debt)::DOUBLE) || ' by a plan', 'Benefits',
        'revenues.benefits.claim_quarter', claim_ref || ', quarters to ' || strftime(max(quarter_end), '%Y-%m')
    FROM quarter WHERE planned_debt GROUP BY claim_ref, n - n_plan
)
SELECT
    coalesce(s.person_id, r.person_id) AS person_id, s.fact, s.value, s.amount, s.started_on, s.ended_on, s.says,
    s.system, s.record_source AS source, s.record_id
FROM said AS s
LEFT JOIN people.index.person_record AS r ON r.source = s.source AND r.record_id = s.person_key
WHERE coalesce(s.person_id, r.person_id) IS NOT NULL AND s.started_on IS NOT NULL
-- One record tells a thing of one person once, however many of the person's records lead to it.
QUALIFY row_number() OVER (
    PARTITION BY coalesce(s.person_id, r.person_id), s.fact, s.record_id ORDER BY s.started_on, s.value) = 1
