-- A million customers: what runs while serving finds its rows, and counts them, by an index alone.

-- Not partial, as on SQLite, which would not see that 'pending' is not 'synced'.
DROP INDEX customers_unsynced;
CREATE INDEX customers_by_state ON customers (sync_state, merchant_id, deleted_at);

-- Finds the oldest events of a state, and counts those of each.
DROP INDEX inbox_unsettled;
CREATE INDEX inbox_by_state ON inbox (state, received_at);

-- Those that may be tried are read in the order in which they are.
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (merchant_id, next_attempt_at, customer_id);

-- Finds the few calls of one kind among many, and tells since when the oldest waits.
CREATE INDEX outbox_by_operation ON outbox (merchant_id, operation, first_attempt_at, created_at);

CREATE INDEX local_edits_deletes ON local_edits (merchant_id) WHERE operation = 'delete';

-- The triggers are not even called for squaresync's own writes, a batch of which has thousands of rows.
DROP TRIGGER customers_guard ON customers;
CREATE TRIGGER customers_guard BEFORE INSERT OR UPDATE ON customers
    FOR EACH ROW WHEN (current_setting('squaresync.own_write', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION customers_guard();
DROP TRIGGER customers_notice ON customers;
CREATE TRIGGER customers_notice AFTER INSERT OR UPDATE OR DELETE ON customers
    FOR EACH ROW WHEN (current_setting('squaresync.own_write', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION customers_notice();
