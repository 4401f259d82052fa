-- Of what was proposed for each address, what may be: one verdict, in the order of the reasons that weigh most.
CREATE OR REPLACE TEMP TABLE places_judged AS
WITH twin AS (
    -- Homes that the gazetteer writes alike: neither is meant for certain.
    SELECT words, postcode FROM places_entry GROUP BY ALL HAVING count(DISTINCT uprn) > 1
),
district AS (SELECT DISTINCT split_part(postcode, ' ', 1) AS outward FROM places_entry WHERE postcode IS NOT NULL),
weighed AS (
    SELECT t.line, t.given, t.fault, p.uprn, p.reason, p.weight, p.apart, e.words, e.address, e.postcode,
        e.uprn IS NOT NULL AND place_marks_agree(t.marks, t.is_unit, e.marks, e.is_unit) AS same_marks,
        e.uprn IS NOT NULL AND (place_names_it(t.words, e.building_names)
            OR (place_names_it(t.words, e.street_names)
                -- A number without the word flat is a house's, unless the building is named.
                AND (t.is_unit OR NOT e.is_unit OR len(e.building_names) = 0))) AS same_names,
        twin.words IS NOT NULL AS is_twin,
        -- One half of a postcode is easily mistyped, both are not.
        coalesce(split_part(t.postcode, ' ', 1) <> split_part(e.postcode, ' ', 1)
            AND split_part(t.postcode, ' ', 2) <> split_part(e.postcode, ' ', 2), false) AS is_elsewhere,
        t.postcode IS NOT NULL AND split_part(t.postcode, ' ', 1) NOT IN (FROM district) AS is_far,
        p.reason <> 'splink' OR (p.weight >= $match AND coalesce(p.apart >= $apart, true)) AS is_certain
    FROM places_text AS t
    LEFT JOIN places_proposed AS p USING (id)
    -- A property may be written in several ways: the one that fits best speaks for it.
    LEFT JOIN places_entry AS e ON e.uprn = p.uprn
    LEFT JOIN twin ON twin.words = e.words AND twin.postcode IS NOT DISTINCT FROM e.postcode
    QUALIFY row_number() OVER (PARTITION BY t.id ORDER BY same_marks AND same_names DESC, same_marks DESC,
        same_names DESC, damerau_levenshtein(t.words, e.words), e.address) = 1
),
given AS (
    SELECT uprn, min_by(address, logical_status) AS address, min_by(postcode, logical_status) AS postcode
    FROM places_entry WHERE uprn IN (SELECT given FROM places_text) GROUP BY uprn
),
said AS (
    SELECT w.*, g.uprn AS known_given, g.address AS given_address, g.postcode AS given_postcode, CASE
        WHEN fault IS NOT NULL THEN 'none'
        WHEN w.uprn IS NULL OR w.weight < $review THEN
            CASE WHEN g.uprn IS NOT NULL THEN 'given' WHEN is_far THEN 'outside' ELSE 'none' END
        WHEN is_far AND is_elsewhere THEN 'outside'
        WHEN NOT same_marks THEN 'marks'
        -- The source itself says the home that the text reads like, or which of those that are written alike.
        WHEN g.uprn = w.uprn AND same_names THEN 'agree'
        WHEN is_twin THEN CASE WHEN same_names AND EXISTS (SELECT 1 FROM places_entry AS t WHERE t.uprn = g.uprn
            AND t.words = w.words AND t.postcode IS NOT DISTINCT FROM w.postcode) THEN 'told' ELSE 'twin' END
        WHEN NOT same_names THEN 'names'
        WHEN is_elsewhere THEN 'elsewhere'
        WHEN NOT is_certain THEN CASE WHEN w.weight >= $match THEN 'near' ELSE 'weak' END
        ELSE 'match' END AS verdict
    FROM weighed AS w LEFT JOIN given AS g ON g.uprn = w.given
)
SELECT line, CASE WHEN verdict IN ('match', 'agree') THEN uprn WHEN verdict = 'told' THEN known_given END AS uprn,
    CASE WHEN verdict IN ('none', 'outside') THEN NULL WHEN verdict IN ('given', 'told') THEN known_given
        ELSE uprn END AS candidate_uprn,
    CASE WHEN verdict NOT IN ('none', 'outside', 'given') THEN round(weight, 2) END AS score,
    CASE verdict
        WHEN 'none' THEN coalesce(fault, 'nothing like it in the gazetteer')
        WHEN 'outside' THEN 'the postcode is outside the gazetteer''s area'
        WHEN 'given' THEN 'only the UPRN that the source gives'
        WHEN 'marks' THEN 'a number, letter or floor differs'
        WHEN 'told' THEN 'two homes are written alike, and the source gives which'
        WHEN 'twin' THEN 'two homes are written alike'
        WHEN 'names' THEN 'neither the street nor the building is named'
        WHEN 'elsewhere' THEN 'the postcode is of another place'
        WHEN 'near' THEN 'another home is nearly as like'
        WHEN 'weak' THEN 'the model is not certain'
        ELSE CASE reason
            WHEN 'line' THEN 'the same line and postcode'
            WHEN 'town' THEN 'the same line in the same town'
            WHEN 'exact' THEN 'the same words and postcode'
            WHEN 'exact_no_whitespace' THEN 'the same letters and postcode, spaced otherwise'
            WHEN 'exact_flat_retraction' THEN 'the same but for the word for a flat'
            WHEN 'exact_partial_postcode' THEN 'the same words, and nearly the same postcode'
            WHEN 'splink' THEN 'the model'
        END || CASE verdict WHEN 'agree' THEN ', and the UPRN that the source gives' ELSE '' END
    END AS matched_by,
    CASE WHEN verdict IN ('match', 'agree', 'told') THEN 'matched' WHEN verdict IN ('none', 'outside') THEN 'none'
        ELSE 'review' END AS status,
    CASE WHEN verdict IN ('none', 'outside') THEN NULL WHEN verdict = 'given' THEN concat_ws(', ', given_address, given_postcode)
        ELSE concat_ws(', ', address, postcode) END AS gazetteer_address
FROM said;
