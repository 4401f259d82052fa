-- One row a person number, as the newest contact has the person.
SELECT
    person_no, title, forename, surname, date_of_birth, sex, nhs_number, uprn, address, postcode, telephone,
    min(contacted_on) OVER person AS first_contact_on,
    max(contacted_on) OVER person AS last_contact_on
FROM adults.contacts.contact
WINDOW person AS (PARTITION BY person_no)
QUALIFY row_number() OVER (PARTITION BY person_no ORDER BY contacted_on DESC, contact_id DESC) = 1
