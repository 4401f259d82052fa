-- One row a pupil's number, as the newest term has the pupil. A term is known by when it ends, or thereabouts.
SELECT
    pupil_id, upn, forename, middle_names, surname, date_of_birth, sex, year_group, school_no, school,
    uprn, address, postcode, telephone, contact_1, contact_1_relationship, contact_2, contact_2_relationship,
    min(term_from) OVER pupil AS first_seen_on,
    max(term_to) OVER pupil   AS last_seen_on
FROM education.schools.pupil_term
WINDOW pupil AS (PARTITION BY pupil_id)
QUALIFY row_number() OVER (PARTITION BY pupil_id ORDER BY school_year DESC, term DESC) = 1
