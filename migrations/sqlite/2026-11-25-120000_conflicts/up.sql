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
CREATE INDEX customers_merged ON customers (id) WHERE merged_into IS NOT NULL;

-- Every id that a customer ever had, ours or Square's, and the row that stands for it now.
CREATE VIEW resolved_customers AS
WITH RECURSIVE went (id, now) AS (
    SELECT id, merged_into FROM customers WHERE merged_into IS NOT NULL
    UNION
    SELECT went.id, customers.merged_into FROM went JOIN customers ON customers.id = went.now
    WHERE customers.merged_into IS NOT NULL
), gone (merchant_id, square_id, now) AS (
    SELECT merchant_id, square_id, merged_into FROM images WHERE merged_into IS NOT NULL
    UNION
    SELECT gone.merchant_id, gone.square_id, images.merged_into FROM gone
    JOIN images ON images.merchant_id = gone.merchant_id AND images.square_id = gone.now
    WHERE images.merged_into IS NOT NULL
), standing (id, now) AS (
    SELECT id, id FROM customers WHERE merged_into IS NULL
    UNION ALL
    SELECT went.id, went.now FROM went JOIN customers ON customers.id = went.now WHERE customers.merged_into IS NULL
), known (merchant_id, known_as, id) AS (
    SELECT merchant_id, id, id FROM customers
    UNION ALL
    SELECT merchant_id, square_id, customer_id FROM images WHERE merged_into IS NULL AND customer_id IS NOT NULL
    UNION ALL
    SELECT gone.merchant_id, gone.square_id, images.customer_id FROM gone
    JOIN images ON images.merchant_id = gone.merchant_id AND images.square_id = gone.now
    WHERE images.merged_into IS NULL AND images.customer_id IS NOT NULL
)
SELECT known.merchant_id, known.known_as, customers.id AS customer_id, customers.square_id, customers.deleted_at
FROM known JOIN standing ON standing.id = known.id JOIN customers ON customers.id = standing.now;
