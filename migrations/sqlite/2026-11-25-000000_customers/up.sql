PRAGMA application_id = 1397838425; -- 'SQSY'

-- The sellers whose directories are kept here; one where the token comes from the environment.
CREATE TABLE sellers (
    merchant_id TEXT NOT NULL PRIMARY KEY,
    environment TEXT NOT NULL,
    -- Why Square refuses our token since when; null while it does not.
    refusal TEXT,
    refused_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL
);

-- The table that applications use.
CREATE TABLE customers (
    id TEXT NOT NULL PRIMARY KEY DEFAULT (lower(
        hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
        || substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))
    )) CHECK (typeof(id) <> 'blob'),
    merchant_id TEXT CHECK (typeof(merchant_id) <> 'blob'),
    square_id TEXT,
    given_name TEXT CHECK (typeof(given_name) <> 'blob'),
    family_name TEXT CHECK (typeof(family_name) <> 'blob'),
    company_name TEXT CHECK (typeof(company_name) <> 'blob'),
    nickname TEXT CHECK (typeof(nickname) <> 'blob'),
    email_address TEXT CHECK (typeof(email_address) <> 'blob'),
    phone_number TEXT CHECK (typeof(phone_number) <> 'blob'),
    birthday TEXT CHECK (typeof(birthday) <> 'blob'),
    reference_id TEXT CHECK (typeof(reference_id) <> 'blob'),
    note TEXT CHECK (typeof(note) <> 'blob'),
    address_line_1 TEXT CHECK (typeof(address_line_1) <> 'blob'),
    address_line_2 TEXT CHECK (typeof(address_line_2) <> 'blob'),
    address_line_3 TEXT CHECK (typeof(address_line_3) <> 'blob'),
    locality TEXT CHECK (typeof(locality) <> 'blob'),
    sublocality TEXT CHECK (typeof(sublocality) <> 'blob'),
    sublocality_2 TEXT CHECK (typeof(sublocality_2) <> 'blob'),
    sublocality_3 TEXT CHECK (typeof(sublocality_3) <> 'blob'),
    administrative_district_level_1 TEXT CHECK (typeof(administrative_district_level_1) <> 'blob'),
    administrative_district_level_2 TEXT CHECK (typeof(administrative_district_level_2) <> 'blob'),
    administrative_district_level_3 TEXT CHECK (typeof(administrative_district_level_3) <> 'blob'),
    postal_code TEXT CHECK (typeof(postal_code) <> 'blob'),
    country TEXT CHECK (typeof(country) <> 'blob'),
    tax_id_eu_vat TEXT CHECK (typeof(tax_id_eu_vat) <> 'blob'),
    email_unsubscribed BOOLEAN,
    creation_source TEXT,
    group_ids TEXT,
    segment_ids TEXT,
    square_version BIGINT,
    square_created_at TIMESTAMP,
    square_updated_at TIMESTAMP,
    sync_state TEXT NOT NULL DEFAULT 'pending' CHECK (sync_state IN ('pending', 'synced', 'failed', 'conflict')),
    sync_error TEXT,
    deleted_at TIMESTAMP,
    merged_into TEXT,
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE UNIQUE INDEX customers_square_id ON customers (merchant_id, square_id)
    WHERE square_id IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX customers_unsynced ON customers (sync_state, merchant_id) WHERE sync_state <> 'synced';

CREATE VIEW live_customers AS SELECT * FROM customers WHERE deleted_at IS NULL;

-- What Square showed of each profile (remote), and what both sides last agreed on (base).
CREATE TABLE images (
    merchant_id TEXT NOT NULL,
    square_id TEXT NOT NULL,
    -- The row of customers; null while there is none.
    customer_id TEXT,
    -- The newest version shown and the whole profile as JSON; null while only its end is known.
    version BIGINT,
    profile TEXT NOT NULL,
    -- JSON: for each key that not every source carries, the version that last showed it.
    apart TEXT NOT NULL,
    tombstone_version BIGINT,
    tombstone_cause TEXT CHECK (tombstone_cause IN ('event', 'merge', 'not_found', 'local')),
    merged_into TEXT,
    -- JSON: the editable fields both sides last agreed on. Null while that is the profile itself.
    base TEXT,
    -- True while the row does not have all of this yet.
    unmerged BOOLEAN NOT NULL DEFAULT 0,
    observed_at TIMESTAMP NOT NULL,
    PRIMARY KEY (merchant_id, square_id)
);
CREATE INDEX images_customer ON images (customer_id);
CREATE INDEX images_merged_into ON images (merchant_id, merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX images_unmerged ON images (merchant_id) WHERE unmerged;

-- What applications did to customers, as the triggers saw it; emptied into changes.
CREATE TABLE local_edits (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    merchant_id TEXT,
    customer_id TEXT NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('insert', 'update', 'delete')),
    -- One row a field; null for the row itself at insert and delete.
    field TEXT,
    old_value TEXT,
    new_value TEXT,
    edited_at TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX local_edits_customer ON local_edits (customer_id);

-- Calls that Square has to take: fixed here before they are first made.
CREATE TABLE outbox (
    customer_id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('create', 'update', 'delete')),
    square_id TEXT,
    -- Of a create: the key that makes a repeated call the same call.
    idempotency_key TEXT,
    body TEXT NOT NULL,
    -- JSON: what the row held when the body was made.
    sent_fields TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMP NOT NULL,
    first_attempt_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX outbox_due ON outbox (merchant_id, next_attempt_at);

-- Every event that Square signed, byte for byte.
CREATE TABLE inbox (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    merchant_id TEXT,
    event_id TEXT NOT NULL,
    event_type TEXT,
    body BLOB NOT NULL,
    body_sha256 TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'applied', 'superseded', 'ignored', 'dead')),
    -- Why it was ignored or is dead.
    reason TEXT,
    received_at TIMESTAMP NOT NULL,
    UNIQUE (event_id, body_sha256)
);
CREATE INDEX inbox_unsettled ON inbox (state, seq) WHERE state IN ('waiting', 'dead');

-- Every effect on a customer, in order, for ever.
CREATE TABLE changes (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    merchant_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    square_id TEXT,
    source TEXT NOT NULL CHECK (source IN ('event', 'pass', 'push', 'application')),
    version BIGINT,
    -- JSON: {"column": [old, new]}
    fields TEXT NOT NULL,
    changed_at TIMESTAMP NOT NULL
);
CREATE INDEX changes_customer ON changes (customer_id, seq);

-- Who does a seller's work of one kind now.
CREATE TABLE leases (
    merchant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    -- Grows with each new holder: a write under an old one is refused.
    token BIGINT NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    PRIMARY KEY (merchant_id, name)
);

-- How far each pass has come, in Square's time.
CREATE TABLE marks (
    merchant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    reached_at TIMESTAMP NOT NULL,
    PRIMARY KEY (merchant_id, name)
);

-- The stretches of a backfill that are still to be read.
CREATE TABLE backfill_windows (
    merchant_id TEXT NOT NULL,
    start_at TIMESTAMP NOT NULL,
    end_at TIMESTAMP NOT NULL,
    PRIMARY KEY (merchant_id, start_at)
);

-- Holds a row only inside squaresync's own transactions: what is written then is not an application's.
CREATE TABLE own_writes (one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1));

CREATE TRIGGER customers_guard_insert BEFORE INSERT ON customers
WHEN NOT EXISTS (SELECT 1 FROM own_writes)
BEGIN
    SELECT CASE
        WHEN NEW.square_id IS NOT NULL THEN RAISE(ABORT, 'squaresync: column square_id is not yours to write; leave it out')
        WHEN NEW.email_unsubscribed IS NOT NULL THEN RAISE(ABORT, 'squaresync: column email_unsubscribed is not yours to write; leave it out')
        WHEN NEW.creation_source IS NOT NULL THEN RAISE(ABORT, 'squaresync: column creation_source is not yours to write; leave it out')
        WHEN NEW.group_ids IS NOT NULL THEN RAISE(ABORT, 'squaresync: column group_ids is not yours to write; leave it out')
        WHEN NEW.segment_ids IS NOT NULL THEN RAISE(ABORT, 'squaresync: column segment_ids is not yours to write; leave it out')
        WHEN NEW.square_version IS NOT NULL THEN RAISE(ABORT, 'squaresync: column square_version is not yours to write; leave it out')
        WHEN NEW.square_created_at IS NOT NULL THEN RAISE(ABORT, 'squaresync: column square_created_at is not yours to write; leave it out')
        WHEN NEW.square_updated_at IS NOT NULL THEN RAISE(ABORT, 'squaresync: column square_updated_at is not yours to write; leave it out')
        WHEN NEW.sync_state <> 'pending' THEN RAISE(ABORT, 'squaresync: column sync_state is not yours to write; leave it out')
        WHEN NEW.sync_error IS NOT NULL THEN RAISE(ABORT, 'squaresync: column sync_error is not yours to write; leave it out')
        WHEN NEW.deleted_at IS NOT NULL THEN RAISE(ABORT, 'squaresync: column deleted_at is not yours to write; leave it out')
        WHEN NEW.merged_into IS NOT NULL THEN RAISE(ABORT, 'squaresync: column merged_into is not yours to write; leave it out')
        -- 'now' is the same for the whole statement: the default gives just this.
        WHEN NEW.created_at IS NOT strftime('%Y-%m-%d %H:%M:%f', 'now') THEN RAISE(ABORT, 'squaresync: column created_at is not yours to write; leave it out')
        WHEN NEW.updated_at IS NOT strftime('%Y-%m-%d %H:%M:%f', 'now') THEN RAISE(ABORT, 'squaresync: column updated_at is not yours to write; leave it out')
        WHEN NEW.merchant_id IS NULL AND (SELECT count(*) FROM sellers) > 1
            THEN RAISE(ABORT, 'squaresync: merchant_id is needed, since there are several sellers')
        WHEN NEW.merchant_id IS NOT NULL AND EXISTS (SELECT 1 FROM sellers)
            AND NOT EXISTS (SELECT 1 FROM sellers WHERE merchant_id = NEW.merchant_id)
            THEN RAISE(ABORT, 'squaresync: merchant_id names no seller of this database')
    END;
END;

CREATE TRIGGER customers_guard_update BEFORE UPDATE ON customers
WHEN NOT EXISTS (SELECT 1 FROM own_writes)
BEGIN
    SELECT CASE
        WHEN NEW.id IS NOT OLD.id THEN RAISE(ABORT, 'squaresync: column id is not yours to write')
        WHEN NEW.merchant_id IS NOT OLD.merchant_id THEN RAISE(ABORT, 'squaresync: column merchant_id is not yours to write')
        WHEN NEW.square_id IS NOT OLD.square_id THEN RAISE(ABORT, 'squaresync: column square_id is not yours to write')
        WHEN NEW.email_unsubscribed IS NOT OLD.email_unsubscribed THEN RAISE(ABORT, 'squaresync: column email_unsubscribed is not yours to write')
        WHEN NEW.creation_source IS NOT OLD.creation_source THEN RAISE(ABORT, 'squaresync: column creation_source is not yours to write')
        WHEN NEW.group_ids IS NOT OLD.group_ids THEN RAISE(ABORT, 'squaresync: column group_ids is not yours to write')
        WHEN NEW.segment_ids IS NOT OLD.segment_ids THEN RAISE(ABORT, 'squaresync: column segment_ids is not yours to write')
        WHEN NEW.square_version IS NOT OLD.square_version THEN RAISE(ABORT, 'squaresync: column square_version is not yours to write')
        WHEN NEW.square_created_at IS NOT OLD.square_created_at THEN RAISE(ABORT, 'squaresync: column square_created_at is not yours to write')
        WHEN NEW.square_updated_at IS NOT OLD.square_updated_at THEN RAISE(ABORT, 'squaresync: column square_updated_at is not yours to write')
        WHEN NEW.sync_state IS NOT OLD.sync_state THEN RAISE(ABORT, 'squaresync: column sync_state is not yours to write')
        WHEN NEW.sync_error IS NOT OLD.sync_error THEN RAISE(ABORT, 'squaresync: column sync_error is not yours to write')
        WHEN NEW.deleted_at IS NOT OLD.deleted_at THEN RAISE(ABORT, 'squaresync: column deleted_at is not yours to write')
        WHEN NEW.merged_into IS NOT OLD.merged_into THEN RAISE(ABORT, 'squaresync: column merged_into is not yours to write')
        WHEN NEW.created_at IS NOT OLD.created_at THEN RAISE(ABORT, 'squaresync: column created_at is not yours to write')
        WHEN NEW.updated_at IS NOT OLD.updated_at THEN RAISE(ABORT, 'squaresync: column updated_at is not yours to write')
    END;
END;

CREATE TRIGGER customers_notice_insert AFTER INSERT ON customers
WHEN NOT EXISTS (SELECT 1 FROM own_writes)
BEGIN
    -- INSERT OR REPLACE takes the old row away without a DELETE, and with it what Square knows it by.
    SELECT RAISE(ABORT, 'squaresync: REPLACE would take the row''s square_id away; use INSERT with ON CONFLICT (id) DO UPDATE')
    FROM images WHERE customer_id = NEW.id AND tombstone_version IS NULL
        AND NOT EXISTS (SELECT 1 FROM local_edits WHERE customer_id = NEW.id AND operation = 'delete')
        AND NOT EXISTS (SELECT 1 FROM outbox WHERE customer_id = NEW.id AND operation = 'delete');
    INSERT INTO own_writes (one) VALUES (1);
    UPDATE customers SET merchant_id = (SELECT merchant_id FROM sellers) WHERE id = NEW.id AND merchant_id IS NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation)
        SELECT merchant_id, id, 'insert' FROM customers WHERE id = NEW.id;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'given_name', NEW.given_name FROM customers WHERE id = NEW.id AND NEW.given_name IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'family_name', NEW.family_name FROM customers WHERE id = NEW.id AND NEW.family_name IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'company_name', NEW.company_name FROM customers WHERE id = NEW.id AND NEW.company_name IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'nickname', NEW.nickname FROM customers WHERE id = NEW.id AND NEW.nickname IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'email_address', NEW.email_address FROM customers WHERE id = NEW.id AND NEW.email_address IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'phone_number', NEW.phone_number FROM customers WHERE id = NEW.id AND NEW.phone_number IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'birthday', NEW.birthday FROM customers WHERE id = NEW.id AND NEW.birthday IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'reference_id', NEW.reference_id FROM customers WHERE id = NEW.id AND NEW.reference_id IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'note', NEW.note FROM customers WHERE id = NEW.id AND NEW.note IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'address_line_1', NEW.address_line_1 FROM customers WHERE id = NEW.id AND NEW.address_line_1 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'address_line_2', NEW.address_line_2 FROM customers WHERE id = NEW.id AND NEW.address_line_2 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'address_line_3', NEW.address_line_3 FROM customers WHERE id = NEW.id AND NEW.address_line_3 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'locality', NEW.locality FROM customers WHERE id = NEW.id AND NEW.locality IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'sublocality', NEW.sublocality FROM customers WHERE id = NEW.id AND NEW.sublocality IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'sublocality_2', NEW.sublocality_2 FROM customers WHERE id = NEW.id AND NEW.sublocality_2 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'sublocality_3', NEW.sublocality_3 FROM customers WHERE id = NEW.id AND NEW.sublocality_3 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'administrative_district_level_1', NEW.administrative_district_level_1 FROM customers WHERE id = NEW.id AND NEW.administrative_district_level_1 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'administrative_district_level_2', NEW.administrative_district_level_2 FROM customers WHERE id = NEW.id AND NEW.administrative_district_level_2 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'administrative_district_level_3', NEW.administrative_district_level_3 FROM customers WHERE id = NEW.id AND NEW.administrative_district_level_3 IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'postal_code', NEW.postal_code FROM customers WHERE id = NEW.id AND NEW.postal_code IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'country', NEW.country FROM customers WHERE id = NEW.id AND NEW.country IS NOT NULL;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, new_value)
        SELECT merchant_id, id, 'insert', 'tax_id_eu_vat', NEW.tax_id_eu_vat FROM customers WHERE id = NEW.id AND NEW.tax_id_eu_vat IS NOT NULL;
    DELETE FROM own_writes;
END;

CREATE TRIGGER customers_notice_update AFTER UPDATE ON customers
WHEN NOT EXISTS (SELECT 1 FROM own_writes)
BEGIN
    INSERT INTO own_writes (one) VALUES (1);
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'given_name', OLD.given_name, NEW.given_name WHERE NEW.given_name IS NOT OLD.given_name;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'family_name', OLD.family_name, NEW.family_name WHERE NEW.family_name IS NOT OLD.family_name;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'company_name', OLD.company_name, NEW.company_name WHERE NEW.company_name IS NOT OLD.company_name;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'nickname', OLD.nickname, NEW.nickname WHERE NEW.nickname IS NOT OLD.nickname;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'email_address', OLD.email_address, NEW.email_address WHERE NEW.email_address IS NOT OLD.email_address;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'phone_number', OLD.phone_number, NEW.phone_number WHERE NEW.phone_number IS NOT OLD.phone_number;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'birthday', OLD.birthday, NEW.birthday WHERE NEW.birthday IS NOT OLD.birthday;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'reference_id', OLD.reference_id, NEW.reference_id WHERE NEW.reference_id IS NOT OLD.reference_id;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'note', OLD.note, NEW.note WHERE NEW.note IS NOT OLD.note;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'address_line_1', OLD.address_line_1, NEW.address_line_1 WHERE NEW.address_line_1 IS NOT OLD.address_line_1;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'address_line_2', OLD.address_line_2, NEW.address_line_2 WHERE NEW.address_line_2 IS NOT OLD.address_line_2;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'address_line_3', OLD.address_line_3, NEW.address_line_3 WHERE NEW.address_line_3 IS NOT OLD.address_line_3;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'locality', OLD.locality, NEW.locality WHERE NEW.locality IS NOT OLD.locality;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'sublocality', OLD.sublocality, NEW.sublocality WHERE NEW.sublocality IS NOT OLD.sublocality;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'sublocality_2', OLD.sublocality_2, NEW.sublocality_2 WHERE NEW.sublocality_2 IS NOT OLD.sublocality_2;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'sublocality_3', OLD.sublocality_3, NEW.sublocality_3 WHERE NEW.sublocality_3 IS NOT OLD.sublocality_3;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'administrative_district_level_1', OLD.administrative_district_level_1, NEW.administrative_district_level_1 WHERE NEW.administrative_district_level_1 IS NOT OLD.administrative_district_level_1;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'administrative_district_level_2', OLD.administrative_district_level_2, NEW.administrative_district_level_2 WHERE NEW.administrative_district_level_2 IS NOT OLD.administrative_district_level_2;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'administrative_district_level_3', OLD.administrative_district_level_3, NEW.administrative_district_level_3 WHERE NEW.administrative_district_level_3 IS NOT OLD.administrative_district_level_3;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'postal_code', OLD.postal_code, NEW.postal_code WHERE NEW.postal_code IS NOT OLD.postal_code;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'country', OLD.country, NEW.country WHERE NEW.country IS NOT OLD.country;
    INSERT INTO local_edits (merchant_id, customer_id, operation, field, old_value, new_value)
        SELECT NEW.merchant_id, NEW.id, 'update', 'tax_id_eu_vat', OLD.tax_id_eu_vat, NEW.tax_id_eu_vat WHERE NEW.tax_id_eu_vat IS NOT OLD.tax_id_eu_vat;
    UPDATE customers
    SET sync_state = 'pending', sync_error = NULL, updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now')
    WHERE id = NEW.id AND (
        NEW.given_name IS NOT OLD.given_name
        OR NEW.family_name IS NOT OLD.family_name
        OR NEW.company_name IS NOT OLD.company_name
        OR NEW.nickname IS NOT OLD.nickname
        OR NEW.email_address IS NOT OLD.email_address
        OR NEW.phone_number IS NOT OLD.phone_number
        OR NEW.birthday IS NOT OLD.birthday
        OR NEW.reference_id IS NOT OLD.reference_id
        OR NEW.note IS NOT OLD.note
        OR NEW.address_line_1 IS NOT OLD.address_line_1
        OR NEW.address_line_2 IS NOT OLD.address_line_2
        OR NEW.address_line_3 IS NOT OLD.address_line_3
        OR NEW.locality IS NOT OLD.locality
        OR NEW.sublocality IS NOT OLD.sublocality
        OR NEW.sublocality_2 IS NOT OLD.sublocality_2
        OR NEW.sublocality_3 IS NOT OLD.sublocality_3
        OR NEW.administrative_district_level_1 IS NOT OLD.administrative_district_level_1
        OR NEW.administrative_district_level_2 IS NOT OLD.administrative_district_level_2
        OR NEW.administrative_district_level_3 IS NOT OLD.administrative_district_level_3
        OR NEW.postal_code IS NOT OLD.postal_code
        OR NEW.country IS NOT OLD.country
        OR NEW.tax_id_eu_vat IS NOT OLD.tax_id_eu_vat
    );
    DELETE FROM own_writes;
END;

CREATE TRIGGER customers_notice_delete AFTER DELETE ON customers
WHEN NOT EXISTS (SELECT 1 FROM own_writes)
BEGIN
    INSERT INTO local_edits (merchant_id, customer_id, operation) VALUES (OLD.merchant_id, OLD.id, 'delete');
END;
