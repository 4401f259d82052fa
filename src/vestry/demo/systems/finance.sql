-- Payments of the council over two years: a few suppliers are paid often and much, many seldom.
CREATE TEMP TABLE fn_supplier AS
SELECT i AS supplier_no,
    ['Fenland', 'Heron', 'Marshside', 'Tollhouse', 'Avocet', 'Kingsholt', 'Sedge', 'Harbour', 'Beacon',
        'Curlew', 'Drover', 'Osprey', 'Plover', 'Saltway', 'Wherry'][1 + i % 15]
    || ' ' || ['Care', 'Construction', 'Transport', 'Nurseries', 'Legal', 'Software', 'Cleaning', 'Highways',
        'Catering', 'Training', 'Energy', 'Print'][1 + i * 7 % 12]
    || ' ' || ['Ltd', 'Limited', 'LLP', 'plc', 'CIC'][1 + i * 3 % 5] AS supplier,
    CASE WHEN i % 5 = 4 THEN 'Y' ELSE 'N' END AS vcse,
    CASE WHEN u('fn/company', i) < 0.7 THEN lpad((99000000 + i)::VARCHAR, 8, '0') END AS company_no
FROM range(160) r (i);

CREATE TEMP TABLE fn_payment AS
WITH paid AS (
    SELECT month_no, i, month_no * 1000000 + i AS k FROM range(getvariable('month_count')) m (month_no),
        range(200 + getvariable('homes') // 20) r (i)
),
drawn AS (
    SELECT *, floor(160 * u('fn/supplier', k) * u('fn/supplier/2', k))::BIGINT AS supplier_no,
        pick('fn/unit', k, 8) AS unit_no,
        (getvariable('start') + INTERVAL 1 MONTH * month_no)::DATE AS month_start FROM paid
)
SELECT d.*, s.supplier, s.vcse, s.company_no,
    least(month_start + pick('fn/day', k, 28)::INT, getvariable('today')) AS paid_on,
    5100000000 + k AS transaction_no,
    ['Adult Social Care', 'Children''s Services', 'Housing', 'Highways', 'Corporate Services', 'Public Health',
        'Planning', 'Leisure'][1 + unit_no] AS unit,
    ['Residential care fees', 'Foster care', 'Repairs and maintenance', 'Winter maintenance', 'IT licences',
        'Grants to voluntary bodies', 'Consultants'' fees', 'Utilities',
        'Agency staff'][1 + pick('fn/purpose', k, 9)] AS purpose,
    CASE WHEN u('fn/credit', k) < 0.025 THEN -1 ELSE 1 END
        * (500 + 90000 * power(u('fn/amount', k), 6) + 2500 * u('fn/amount/2', k))::DECIMAL(12, 2) AS amount,
    u('fn/redacted', k) < 0.06 AND unit_no < 2 AS redacted, u('fn/card', k) < 0.03 AS card
FROM drawn d JOIN fn_supplier s USING (supplier_no);
