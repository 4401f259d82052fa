-- Reviews of children at two to two and a half years.
SELECT
    review_id,
    person_id,
    uk_date(review_date) AS reviewed_on,
    lower(tidy(outcome)) AS outcome
FROM bronze.liquidlogic.early_years_review
