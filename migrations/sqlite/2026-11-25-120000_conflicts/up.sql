-- What both sides changed differently, and what only a person can decide.
CREATE TABLE conflicts (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    merchant_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    square_id TEXT,
    -- A column of customers; null where the question is which profile the row is.
    field TEXT,
    base_value TEXT,
    square_value TEXT,
    local_value TEXT,
    square_at TIMESTAMP,
    local_at TIMESTAMP,
    -- What decided; null where a person has to.
    rule TEXT CHECK (rule IN ('square', 'local', 'newest', 'deleted')),
    -- JSON array: the profiles that the row may be.
    candidates TEXT NOT NULL,
    -- Whose value stands; null while nobody's does.
    taken TEXT CHECK (taken IN ('square', 'local', 'value')),
    state TEXT NOT NULL CHECK (state IN ('open', 'decided', 'resolved')),
    found_at TIMESTAMP NOT NULL,
    resolved_at TIMESTAMP
);
CREATE INDEX conflicts_customer ON conflicts (customer_id);
CREATE INDEX conflicts_open ON conflicts (merchant_id, seq) WHERE state = 'open';

-- What was not done because it looked like somebody's mistake, until a person looks.
CREATE TABLE alarms (
    merchant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- A sentence for a person, without any customer's data.
    detail TEXT NOT NULL,
    raised_at TIMESTAMP NOT NULL,
    PRIMARY KEY (merchant_id, name)
);

-- Rows whose creation Square refused, and how often: the next try is another call.
CREATE TABLE refused_creates (
    customer_id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    times INTEGER NOT NULL
);

-- Events that Square listed when it was asked have other bytes than their webhooks.
ALTER TABLE inbox ADD COLUMN listed BOOLEAN NOT NULL DEFAULT FALSE;

-- The profile's reference_id in lower case, as Square compares it.
ALTER TABLE images ADD COLUMN reference TEXT;
UPDATE images SET reference = lower(json_extract(profile, '$.reference_id'));
CREATE INDEX images_reference ON images (merchant_id, reference) WHERE reference IS NOT NULL;

-- Every id that a customer ever had, ours or Square's, and the row that stands for it now.
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
