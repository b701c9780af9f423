DROP VIEW resolved_customers;
CREATE VIEW resolved_customers AS
SELECT known.merchant_id, known.known_as, stands.id AS customer_id, stands.square_id, stands.deleted_at
FROM (
    SELECT merchant_id, id AS known_as, id FROM customers
    UNION ALL
    -- By way of sellers (SQLite keeps the order of a CROSS JOIN): the key of images then serves a look by square_id alone.
    SELECT images.merchant_id, images.square_id, CASE WHEN images.merged_into IS NULL THEN images.customer_id ELSE (
        WITH RECURSIVE went (customer_id, further, step) AS (
            SELECT images.customer_id, images.merged_into, 0
            UNION ALL
            SELECT next.customer_id, next.merged_into, went.step + 1
            FROM went JOIN images AS next ON next.merchant_id = images.merchant_id AND next.square_id = went.further
            WHERE went.step < 100
        )
        SELECT customer_id FROM went WHERE customer_id IS NOT NULL ORDER BY step DESC LIMIT 1
    ) END
    FROM sellers CROSS JOIN images WHERE images.merchant_id = sellers.merchant_id
) AS known
JOIN customers AS old ON old.id = known.id
JOIN customers AS stands ON stands.id = CASE WHEN old.merged_into IS NULL THEN old.id ELSE (
    WITH RECURSIVE went (id, further, step) AS (
        SELECT old.id, old.merged_into, 0
        UNION ALL
        SELECT next.id, next.merged_into, went.step + 1
        FROM went JOIN customers AS next ON next.id = went.further
        WHERE went.step < 100
    )
    SELECT id FROM went ORDER BY step DESC LIMIT 1
) END;
